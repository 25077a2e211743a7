package flux

import (
	"errors"
	"fmt"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var honouredOCIRepository = fields{
	"certSecretRef":      {"name": nil},
	"ignore":             nil,
	"insecure":           nil,
	"interval":           nil,
	"layerSelector":      {"mediaType": nil, "operation": nil},
	"provider":           nil,
	"proxySecretRef":     {"name": nil},
	"ref":                {"digest": nil, "semver": nil, "semverFilter": nil, "tag": nil},
	"secretRef":          {"name": nil},
	"serviceAccountName": nil,
	"suspend":            nil,
	"timeout":            nil,
	"url":                nil,
	"verify":             nil,
}

func ociRepository(obj *unstructured.Unstructured) Declaration {
	var spec sourcev1.OCIRepositorySpec
	d, err := begin(obj, honouredOCIRepository, &spec)
	if err != nil {
		return d.refuse(invalidSpecReason, err)
	}
	if reason, err := ociRefusal(spec); err != nil {
		return d.refuse(reason, err)
	}
	d.Source = model.Source{
		Kind:   model.SourceOCI,
		URL:    spec.URL,
		Ref:    ociRefOf(spec.Reference),
		Ignore: ignoreOf(spec.Ignore),
		OCI:    model.OCI{Insecure: spec.Insecure},
	}
	d.pace(spec.Interval, spec.Timeout, spec.Suspend)
	d.Observed = Observed{ObservedIgnore: spec.Ignore, ObservedLayerSelector: spec.LayerSelector}
	if l := spec.LayerSelector; l != nil {
		d.Source.OCI.MediaType, d.Source.OCI.Copy = l.MediaType, l.Operation == sourcev1.OCILayerCopy
	}
	if spec.SecretRef != nil {
		d.need(ForAccess, "spec.secretRef", spec.SecretRef.Name)
	}
	if spec.ServiceAccountName != "" {
		d.Needs = append(d.Needs, Need{Ref{kindServiceAccount, d.Namespace, spec.ServiceAccountName}, ForPull, "spec.serviceAccountName"})
	}
	if spec.CertSecretRef != nil {
		d.need(ForTLS, "spec.certSecretRef", spec.CertSecretRef.Name)
	}
	if spec.ProxySecretRef != nil {
		d.need(ForProxy, "spec.proxySecretRef", spec.ProxySecretRef.Name)
	}
	return d
}

func ociRefusal(spec sourcev1.OCIRepositorySpec) (string, error) {
	switch {
	case !hasScheme(spec.URL, "oci"):
		return sourcev1.URLInvalidReason, errors.New("spec.url has to begin with oci://")
	case spec.Interval.Duration <= 0:
		return invalidSpecReason, errInterval
	case spec.Provider != "" && spec.Provider != sourcev1.GenericOCIProvider:
		return sourcev1.InvalidProviderConfigurationReason, cloudIdentity(spec.Provider)
	case spec.Verify != nil:
		return sourcev1.VerificationError, errUnverified(spec.Verify.Provider)
	}
	return "", nil
}

// errUnverified refuses signatures of artifacts.
func errUnverified(provider string) error {
	return fmt.Errorf("spec.verify with the provider %q is not supported yet: artifacts would be used without their signatures being checked; "+
		"remove the field to accept that", provider)
}

// ociRefOf is the reference that counts: digest, semver, tag, in that order;
// the tag latest if there is none.
func ociRefOf(ref *sourcev1.OCIRepositoryRef) model.Ref {
	switch {
	case ref == nil:
	case ref.Digest != "":
		return model.Ref{Digest: ref.Digest}
	case ref.SemVer != "":
		return model.Ref{SemVer: ref.SemVer, SemVerFilter: ref.SemverFilter}
	case ref.Tag != "":
		return model.Ref{Tag: ref.Tag}
	}
	return model.Ref{Tag: "latest"}
}
