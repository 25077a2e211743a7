package flux

import "github.com/fixpoint-cd/fixpoint/internal/model"

// Dialect is AppKey.Dialect of every app of this package.
const Dialect = "flux"

// Manager is the field manager of every write to a managed object.
const Manager = "kustomize-controller"

// The labels that Flux puts on every object it applies.
const (
	LabelName      = "kustomize.toolkit.fluxcd.io/name"
	LabelNamespace = "kustomize.toolkit.fluxcd.io/namespace"
)

// Tracker marks objects with the Kustomization that applies them, as Flux does.
type Tracker struct{}

// Stamp returns the labels and annotations that mark the object as the app's.
func (Tracker) Stamp(app model.AppKey, _ model.ObjectKey) (labels, annotations map[string]string) {
	return map[string]string{LabelName: app.Name, LabelNamespace: app.Namespace}, nil
}

// Owner reads the mark: the app that the labels name; false if there is none.
func (Tracker) Owner(labels, _ map[string]string, _ model.ObjectKey) (model.AppKey, bool) {
	name, namespace := labels[LabelName], labels[LabelNamespace]
	if name == "" || namespace == "" {
		return model.AppKey{}, false
	}
	return model.AppKey{Dialect: Dialect, Namespace: namespace, Name: name}, true
}
