package flux

import (
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// providerSOPS is the one value of spec.decryption.provider.
const providerSOPS = "sops"

// decryptOptOut is the annotation of objects that are not decrypted.
var decryptOptOut = kustomizev1.GroupVersion.Group + "/decrypt"

func decryptionRefs(k kustomizev1.Kustomization) []Ref {
	d := k.Spec.Decryption
	if d == nil || d.SecretRef == nil || d.SecretRef.Name == "" {
		return nil
	}
	return []Ref{{kindSecret, k.Namespace, d.SecretRef.Name}}
}

// decryptOf are the keys of spec.decryption. What else the Secret holds stays
// in it.
func decryptOf(k kustomizev1.Kustomization, in Contents) (*model.Decrypt, error) {
	if k.Spec.Decryption == nil {
		return nil, nil
	}
	d := &model.Decrypt{Keys: map[string]model.Hidden{}, Disabled: decryptOptOut}
	for _, ref := range decryptionRefs(k) {
		content := in[ref]
		if content == nil {
			if in == nil {
				continue
			}
			return d, missing(ref, "spec.decryption.secretRef")
		}
		for name, key := range content.Data {
			if isKey(name) {
				d.Keys[name] = model.Hidden(key)
			}
		}
	}
	return d, nil
}

// isKey reports whether an entry of a Secret is a key for SOPS, by its name.
func isKey(name string) bool {
	switch name {
	case "sops.vault-token", "sops.aws-kms", "sops.azure-kv", "sops.gcp-kms":
		return true
	}
	return strings.HasSuffix(name, ".agekey") || strings.HasSuffix(name, ".asc")
}
