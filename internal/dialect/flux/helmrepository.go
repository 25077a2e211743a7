package flux

import (
	"errors"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var honouredHelmRepository = fields{
	"certSecretRef":   {"name": nil},
	"insecure":        nil,
	"interval":        nil,
	"passCredentials": nil,
	"provider":        nil,
	"secretRef":       {"name": nil},
	"suspend":         nil,
	"timeout":         nil,
	"type":            nil,
	"url":             nil,
}

// ProvenanceAnnotation, on a HelmRepository, names a Secret of its namespace with
// OpenPGP public keys: every chart of it has to have a provenance file (helm
// package --sign) that one of them has signed. Flux has nothing like it.
const ProvenanceAnnotation = "fixpoint-cd.github.io/provenance"

// signedAsIn demands of a chart what its repository asks for.
func (d *Declaration) signedAsIn(repository Declaration) {
	if repository.Provenance == "" {
		return
	}
	d.Source.Verify = &model.Verify{Provenance: true}
	d.Needs = append(d.Needs, Need{
		Ref{kindSecret, repository.Namespace, repository.Provenance}, ForVerify,
		"the annotation " + ProvenanceAnnotation + " of " + repository.object().String(),
	})
}

// helmRepository is the repository's index; for a registry nothing, for it has
// none. Either way the source is what a chart of it adds its name to.
func helmRepository(obj *unstructured.Unstructured) Declaration {
	var spec sourcev1.HelmRepositorySpec
	d, err := begin(obj, honouredHelmRepository, &spec)
	if err != nil {
		return d.refuse(invalidSpecReason, err)
	}
	if reason, err := helmRepositoryRefusal(spec); err != nil {
		return d.refuse(reason, err)
	}
	d.Source = model.Source{Kind: model.SourceHelm, URL: spec.URL}
	d.Provenance = obj.GetAnnotations()[ProvenanceAnnotation]
	d.Source.Auth.PassCredentials = spec.PassCredentials
	if isRegistry(spec) {
		d.Static, d.Source.Kind, d.Source.OCI.Insecure = true, model.SourceOCI, spec.Insecure
	}
	d.pace(metav1.Duration{Duration: sourcev1.HelmRepository{Spec: spec}.GetRequeueAfter()}, spec.Timeout, spec.Suspend)
	if spec.SecretRef != nil {
		d.need(ForAccess, "spec.secretRef", spec.SecretRef.Name)
	}
	if spec.CertSecretRef != nil {
		d.need(ForTLS, "spec.certSecretRef", spec.CertSecretRef.Name)
	}
	return d
}

func isRegistry(spec sourcev1.HelmRepositorySpec) bool {
	return spec.Type == sourcev1.HelmRepositoryTypeOCI || hasScheme(spec.URL, "oci")
}

func helmRepositoryRefusal(spec sourcev1.HelmRepositorySpec) (string, error) {
	switch {
	case isRegistry(spec) && !hasScheme(spec.URL, "oci"):
		return sourcev1.URLInvalidReason, errors.New("spec.url has to begin with oci://, since spec.type is oci")
	case !hasScheme(spec.URL, "oci", "http", "https"):
		return sourcev1.URLInvalidReason, errors.New("spec.url has to begin with http://, https:// or oci://")
	case spec.Interval.Duration < 0:
		return invalidSpecReason, errInterval
	case spec.Provider != "" && spec.Provider != sourcev1.GenericOCIProvider && isRegistry(spec):
		return sourcev1.InvalidProviderConfigurationReason, cloudIdentity(spec.Provider)
	}
	return "", nil
}
