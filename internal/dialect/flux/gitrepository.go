package flux

import (
	"errors"
	"fmt"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var honouredGitRepository = fields{
	"ignore":            nil,
	"include":           {"repository": {"name": nil}, "fromPath": nil, "toPath": nil},
	"interval":          nil,
	"provider":          nil,
	"proxySecretRef":    {"name": nil},
	"recurseSubmodules": nil,
	"ref":               {"branch": nil, "tag": nil, "semver": nil, "name": nil, "commit": nil},
	"secretRef":         {"name": nil},
	"sparseCheckout":    nil,
	"suspend":           nil,
	"timeout":           nil,
	"url":               nil,
	"verify":            {"mode": nil, "secretRef": {"name": nil}},
}

func gitRepository(obj *unstructured.Unstructured) Declaration {
	var spec sourcev1.GitRepositorySpec
	d, err := begin(obj, honouredGitRepository, &spec)
	if err != nil {
		return d.refuse(invalidSpecReason, err)
	}
	if reason, err := gitRefusal(spec); err != nil {
		return d.refuse(reason, err)
	}
	d.Source = model.Source{
		Kind:   model.SourceGit,
		URL:    spec.URL,
		Ref:    refOf(spec.Reference),
		Ignore: ignoreOf(spec.Ignore),
		Verify: verifyOf(spec.Verification),
		Git:    model.Git{Submodules: spec.RecurseSubmodules, Sparse: spec.SparseCheckout},
	}
	for _, i := range spec.Include {
		d.Source.Git.Include = append(d.Source.Git.Include, model.Include{
			Source: SourceKeyOf(sourcev1.GitRepositoryKind, d.Namespace, i.GitRepositoryRef.Name),
			From:   i.GetFromPath(), To: i.GetToPath(),
		})
	}
	d.pace(spec.Interval, spec.Timeout, spec.Suspend)
	d.Observed = Observed{
		ObservedIgnore: spec.Ignore, ObservedInclude: spec.Include,
		ObservedRecurseSubmodules: spec.RecurseSubmodules, ObservedSparseCheckout: spec.SparseCheckout,
	}
	if spec.SecretRef != nil {
		d.need(ForAccess, "spec.secretRef", spec.SecretRef.Name)
	}
	if spec.ProxySecretRef != nil {
		d.need(ForProxy, "spec.proxySecretRef", spec.ProxySecretRef.Name)
	}
	if spec.Verification != nil {
		d.need(ForVerify, "spec.verify.secretRef", spec.Verification.SecretRef.Name)
		mode := spec.Verification.GetMode()
		d.Observed.SourceVerificationMode = &mode
	}
	return d
}

// gitRefusal says why the content would be wrong or untrusted, with the reason
// of the condition.
func gitRefusal(spec sourcev1.GitRepositorySpec) (string, error) {
	switch {
	case !hasScheme(spec.URL, "http", "https", "ssh"):
		return sourcev1.URLInvalidReason, errors.New("spec.url has to begin with http://, https:// or ssh://")
	case spec.Interval.Duration <= 0:
		return invalidSpecReason, errInterval
	case spec.Provider == sourcev1.GitProviderAzure || spec.Provider == sourcev1.GitProviderAWS:
		return sourcev1.InvalidProviderConfigurationReason, cloudIdentity(spec.Provider)
	case spec.Provider == sourcev1.GitProviderGitHub && spec.SecretRef == nil:
		return sourcev1.InvalidProviderConfigurationReason,
			errors.New("spec.provider github needs a GitHub App's keys: name a Secret in spec.secretRef")
	case spec.Provider != "" && spec.Provider != sourcev1.GitProviderGeneric && spec.Provider != sourcev1.GitProviderGitHub:
		return sourcev1.InvalidProviderConfigurationReason, fmt.Errorf("spec.provider %q is not known: use generic or github", spec.Provider)
	case spec.Verification != nil && spec.Verification.SecretRef.Name == "":
		return sourcev1.VerificationError, errors.New("spec.verify.secretRef.name is empty: name the Secret with the public keys")
	}
	for i, include := range spec.Include {
		if include.GitRepositoryRef.Name == "" {
			return invalidSpecReason, fmt.Errorf("spec.include[%d].repository.name is empty: name a GitRepository", i)
		}
	}
	return "", nil
}

func verifyOf(v *sourcev1.GitRepositoryVerification) *model.Verify {
	if v == nil {
		return nil
	}
	return &model.Verify{Commit: v.VerifyHEAD(), Tag: v.VerifyTag()}
}

// refOf is the reference that counts: commit, name, semver, tag, branch, in
// that order; the branch master if there is none. A branch beside a commit is
// kept: it says where the commit can be found.
func refOf(ref *sourcev1.GitRepositoryRef) model.Ref {
	switch {
	case ref == nil:
	case ref.Commit != "":
		return model.Ref{Commit: ref.Commit, Branch: ref.Branch}
	case ref.Name != "":
		return model.Ref{Name: ref.Name}
	case ref.SemVer != "":
		return model.Ref{SemVer: ref.SemVer}
	case ref.Tag != "":
		return model.Ref{Tag: ref.Tag}
	case ref.Branch != "":
		return model.Ref{Branch: ref.Branch}
	}
	return model.Ref{Branch: "master"}
}
