package argo

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Env is what the meaning of an Application depends on besides itself.
type Env struct {
	// Namespace is the control-plane namespace.
	Namespace string
	// Settings are Argo CD's own; nil is none.
	Settings *Settings
}

// Adapt says in the model's words what an Application asks for. What is wrong
// with it is in App.Invalid, of kind model.ErrInvalid; an unknown cluster is
// model.ErrNotFound as well. What is not honoured is in App.Warnings. An
// Application whose source can't be worked on has one without URL. The sources
// are those of App.Sources, in the same order: there is at least one.
func Adapt(u *unstructured.Unstructured, env Env) (model.App, []model.Source) {
	if env.Settings == nil {
		env.Settings = &Settings{}
	}
	key := keyOf(u)
	app := model.App{Key: key, Generation: u.GetGeneration(), Created: u.GetCreationTimestamp().Time, Sources: []model.AppSource{{Key: SourceKey(key)}}, Manager: Manager}
	app.Deleting, app.Deletion = cascade(u)
	// One that goes without its objects, and is held by somebody else's
	// finalizer, must not be synced any more.
	goes := u.GetDeletionTimestamp() != nil && !app.Deleting
	app.Suspended = goes || u.GetAnnotations()[annotationSkip] == "true"
	raw, _ := u.Object["spec"].(map[string]any)
	var spec v1alpha1.ApplicationSpec
	if err := decode(raw, &spec); err != nil {
		app.Invalid = model.As(model.ErrInvalid, fmt.Errorf("spec can't be read: %w", err))
		return app, []model.Source{{}}
	}
	app.Warnings = append(fieldWarnings(raw), projectWarnings(spec.Project)...)
	app.Spec = specDigest(spec.Source, spec.Sources, spec.Destination)
	app.Namespace = spec.Destination.Namespace

	var problems problems
	cluster, err := env.Settings.destination(spec.Destination, project(spec.Project))
	problems.add(err)
	problems.add(env.Settings.refused(spec.Project))
	app.Target, app.Settings = cluster.Target(), env.Settings.objects
	app.Suspended = app.Suspended || cluster.skipped
	app.Warnings = append(app.Warnings, warnings(cluster.Unsupported)...)
	sources := sourcesOf(&app, spec, env, &problems)
	syncRules(&app, spec, env, &problems)
	comparison(&app, spec, u, env.Settings)
	readAnnotations(&app, u)
	app.History = historyOf(spec)
	recall(&app, spec, u)
	app.Invalid = problems.err()
	return app, sources
}

// historyOf is how many deployed revisions are kept.
func historyOf(spec v1alpha1.ApplicationSpec) int {
	if spec.RevisionHistoryLimit == nil {
		return defaultHistory
	}
	return int(min(max(*spec.RevisionHistoryLimit, 0), math.MaxInt32))
}

const defaultHistory = 10

// problems are the reasons why an app can't be worked on.
type problems []error

func (p *problems) add(err error) {
	if err != nil {
		*p = append(*p, err)
	}
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return model.As(model.ErrInvalid, &problemError{p})
}

// problemError is a list of problems on one line.
type problemError struct{ all []error }

func (e *problemError) Unwrap() []error { return e.all }

func (e *problemError) Error() string {
	texts := make([]string, len(e.all))
	for i, err := range e.all {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// project is the project that a spec means.
func project(name string) string {
	if name == "" {
		return "default"
	}
	return name
}

// ProjectOf is the project of an Application, before it is adapted.
func ProjectOf(u *unstructured.Unstructured) string {
	name, _, _ := unstructured.NestedString(u.Object, "spec", "project")
	return project(name)
}

func projectWarnings(name string) []model.Warning {
	if project(name) == "default" {
		return nil
	}
	return []model.Warning{fieldWarning(fmt.Sprintf(
		"spec.project: the limits of project %q, and the signatures that it demands, are not enforced yet", name))}
}

func warnings(texts []string) []model.Warning {
	var out []model.Warning
	for _, t := range texts {
		out = append(out, fieldWarning(t))
	}
	return out
}

// specDigest is of all that makes a new sync worth trying.
func specDigest(one *v1alpha1.ApplicationSource, several []v1alpha1.ApplicationSource, d v1alpha1.ApplicationDestination) model.Digest {
	if len(several) > 0 {
		return model.DigestOf(mustJSON(several), mustJSON(d))
	}
	return model.DigestOf(mustJSON(one), mustJSON(d))
}

// mustJSON encodes a value of our own types, which always works.
func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("argo: encoding %T: %v", v, err))
	}
	return data
}

func isZero(v any) bool { return string(mustJSON(v)) == "{}" }

// decode reads a part of an object into its type. Its error names the field.
func decode(raw map[string]any, into any) error {
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, into)
	if err == nil {
		return nil
	}
	var mismatch *json.UnmarshalTypeError
	if errors.As(json.Unmarshal(mustJSON(raw), into), &mismatch) {
		return fmt.Errorf("%s is of type %s", mismatch.Field, mismatch.Value)
	}
	return err
}
