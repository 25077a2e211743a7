package flux

import (
	"errors"
	"strings"
	"time"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Repository is what a GitRepository asks for.
type Repository struct {
	Key        model.SourceKey
	UID        types.UID
	Generation int64
	// Source is without credentials: those are in the Secret.
	Source model.Source
	// Secret is the name of the Secret with the credentials, in the
	// GitRepository's namespace; "" if it needs none.
	Secret string
	// Warnings are the fields that are not honoured.
	Warnings []model.Warning
	// Invalid says why the repository can't be used; nil if it can.
	Invalid error
	// Reason is that of the conditions that tell of Invalid.
	Reason string
}

// SourceKeyOf is the key of the GitRepository's subscription.
func SourceKeyOf(namespace, name string) model.SourceKey {
	return model.SourceKey(Dialect + "/" + namespace + "/" + name)
}

// RepositoryOf is what the GitRepository asks for. It never fails: what is
// wrong with the object is in Repository.Invalid.
func RepositoryOf(obj *unstructured.Unstructured) Repository {
	r := Repository{
		Key:        SourceKeyOf(obj.GetNamespace(), obj.GetName()),
		UID:        obj.GetUID(),
		Generation: obj.GetGeneration(),
	}
	raw, _, _ := unstructured.NestedMap(obj.Object, "spec")
	if raw["provider"] == sourcev1.GitProviderGeneric {
		delete(raw, "provider")
	}
	r.Warnings = fieldWarnings(raw, honouredGitRepository)

	var spec sourcev1.GitRepositorySpec
	err := decode(raw, &spec)
	if err == nil {
		r.Reason, err = repositoryRefusal(spec)
	} else {
		r.Reason = invalidSpecReason
	}
	if err != nil {
		r.Invalid = model.As(model.ErrInvalid, err)
		return r
	}
	r.Source = model.Source{
		URL:       spec.URL,
		Ref:       refOf(spec.Reference),
		Interval:  spec.Interval.Duration,
		Timeout:   60 * time.Second,
		Suspended: spec.Suspend,
	}
	if spec.Timeout != nil && spec.Timeout.Duration > 0 {
		r.Source.Timeout = spec.Timeout.Duration
	}
	if spec.SecretRef != nil {
		r.Secret = spec.SecretRef.Name
	}
	return r
}

// repositoryRefusal says why the content would be wrong or untrusted, with the
// reason of the condition.
func repositoryRefusal(spec sourcev1.GitRepositorySpec) (string, error) {
	scheme, _, _ := strings.Cut(spec.URL, "://")
	switch {
	case scheme != "http" && scheme != "https" && scheme != "ssh":
		return sourcev1.URLInvalidReason, errors.New("spec.url has to begin with http://, https:// or ssh://")
	case spec.Interval.Duration <= 0:
		return invalidSpecReason, errors.New("spec.interval has to be more than 0")
	case spec.Verification != nil:
		return sourcev1.VerificationError, errors.New(
			"spec.verify is not supported yet: commits would be used without their signatures being checked; remove the field to accept that")
	case len(spec.Include) > 0:
		return invalidSpecReason, errors.New(
			"spec.include is not supported yet: the content of the included repositories would be missing")
	}
	return "", nil
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
