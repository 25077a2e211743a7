package flux

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Declaration is what a source object asks for.
type Declaration struct {
	// Kind, Namespace and Name are the object's.
	Kind, Namespace, Name string
	UID                   types.UID
	Generation            int64
	// Source is without credentials and keys: those are in what Needs names.
	Source model.Source
	Needs  []Need
	// Of is the source that the object is a directory of: of a chart in a
	// GitRepository or a Bucket; "" of others. Source is then zero.
	Of model.SourceKey
	// Path is the directory of Of.
	Path string
	// ValueFiles stand in place of a chart's own values; Path is not in them.
	ValueFiles []string
	// IgnoreMissing leaves out those of ValueFiles that don't exist.
	IgnoreMissing bool
	// Static: there is nothing to get for the object itself, as for a registry of
	// charts.
	Static bool
	// Provenance is the Secret with the keys that every chart of a HelmRepository has
	// to be signed with; "" demands none.
	Provenance string
	// Parent says which version of another object this was made with, too.
	Parent string
	// Warnings are the fields that are not honoured.
	Warnings []model.Warning
	// Invalid says why the source can't be used; nil if it can. Reason is that of
	// the conditions that tell of it.
	Invalid error
	Reason  string
	// Observed is what the status repeats of the spec.
	Observed Observed
}

// Key is that of the object's subscription.
func (d Declaration) Key() model.SourceKey { return SourceKeyOf(d.Kind, d.Namespace, d.Name) }

// version tells what is asked for from what was asked for before.
func (d Declaration) version() string {
	text := fmt.Sprintf("%s %d %s", d.UID, d.Generation, d.Parent)
	if d.Provenance != "" { // an annotation, which raises no generation
		text += " " + d.Provenance
	}
	return text
}

// content tells what is got from what was got before, however often it is
// looked for.
func (d Declaration) content() []byte {
	return fmt.Appendf(nil, "%s %v %s %s %s %q %v", d.Source.URL, d.Source.Ref, d.Source.Chart, d.Of, d.Path, d.ValueFiles, d.IgnoreMissing)
}

func (d Declaration) object() object {
	return object{d.Kind, types.NamespacedName{Namespace: d.Namespace, Name: d.Name}}
}

// Need is a Secret or a ServiceAccount that a source is got with.
type Need struct {
	Ref
	// For is what it is for.
	For Purpose
	// Field names it in the object.
	Field string
}

// Purpose is what a Need is for.
type Purpose string

// The purposes.
const (
	ForAccess Purpose = "access"
	ForTLS    Purpose = "TLS"
	ForProxy  Purpose = "proxy"
	ForVerify Purpose = "verification"
	ForPull   Purpose = "pulling"
)

// Refs are what the declaration refers to.
func (d Declaration) Refs() []Ref {
	var out []Ref
	for _, n := range d.Needs {
		out = append(out, n.Ref)
	}
	return out
}

// With is the source with what its needs hold. The error is model.ErrDenied and
// names what is missing.
func (d Declaration) With(contents Contents) (model.Source, error) {
	source := d.Source
	for _, n := range d.Needs {
		content := contents[n.Ref]
		if content == nil {
			return model.Source{}, model.As(model.ErrDenied, fmt.Errorf("%s not found: create it or fix %s", n.Ref, n.Field))
		}
		if err := fill(&source, n, content, contents); err != nil {
			return model.Source{}, model.As(model.ErrDenied, fmt.Errorf("%s can't be used: %w", n.Ref, err))
		}
	}
	return source, nil
}

// begin fills in what all source objects have, and warns of the rest of spec.
func begin(obj *unstructured.Unstructured, honoured fields, spec any) (Declaration, error) {
	d := Declaration{
		Kind: obj.GetKind(), Namespace: obj.GetNamespace(), Name: obj.GetName(), UID: obj.GetUID(), Generation: obj.GetGeneration(),
	}
	raw, _, _ := unstructured.NestedMap(obj.Object, "spec")
	// What is the default anyway is not asked for.
	for field, value := range map[string]string{"provider": sourcev1.GitProviderGeneric, "type": sourcev1.HelmRepositoryTypeDefault} {
		if raw[field] == value {
			delete(raw, field)
		}
	}
	d.Warnings = fieldWarnings(d.Kind, raw, honoured)
	return d, decode(raw, spec)
}

// refuse makes the declaration invalid, if err is one.
func (d Declaration) refuse(reason string, err error) Declaration {
	if err != nil {
		d.Invalid, d.Reason = model.As(model.ErrInvalid, err), reason
	}
	return d
}

// need adds a Secret of the object's namespace, if one is named.
func (d *Declaration) need(purpose Purpose, field string, name string) {
	if name != "" {
		d.Needs = append(d.Needs, Need{Ref{kindSecret, d.Namespace, name}, purpose, field})
	}
}

// pace sets how often a source is looked at.
func (d *Declaration) pace(interval metav1.Duration, timeout *metav1.Duration, suspend bool) {
	d.Source.Interval, d.Source.Timeout, d.Source.Suspended = interval.Duration, time.Minute, suspend
	if timeout != nil && timeout.Duration > 0 {
		d.Source.Timeout = timeout.Duration
	}
}

var errInterval = errors.New("spec.interval has to be more than 0")

// cloudIdentity refuses a provider that needs what only a cloud gives out.
func cloudIdentity(provider string) error {
	return fmt.Errorf("spec.provider %q is not supported yet: it gets its credentials from the cloud that it runs in; "+
		"use the provider %q with a Secret", provider, sourcev1.GenericOCIProvider)
}

// Rules of .sourceignore that hold in any case, and where nobody gave any.
const (
	ignoreFile    = ".sourceignore"
	ignoreAlways  = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n"
	ignoreDefault = "*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n" +
		".github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\ncodeship-services.yml\ncodeship-steps.yml\n" +
		"**/.goreleaser.yml\n**/.sops.yaml\n**/.flux.yaml\n"
)

// ignoreOf are the files that are left out, as Flux does it.
func ignoreOf(rules *string) *model.Ignore {
	ignore := &model.Ignore{Files: ignoreFile, Defaults: ignoreDefault, Always: ignoreAlways}
	if rules != nil {
		ignore.Rules = *rules
	}
	return ignore
}

func hasScheme(url string, schemes ...string) bool {
	scheme, rest, found := strings.Cut(url, "://")
	return found && rest != "" && slices.Contains(schemes, scheme)
}
