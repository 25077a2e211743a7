package flux

import (
	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// AppKey.Dialect of the apps of this package: Kustomizations and HelmReleases
// are told apart by it, since they may share a name.
const (
	Dialect     = "flux"
	HelmDialect = "helm"
)

// The field managers of every write to a managed object: those of Flux's own
// controllers.
const (
	Manager     = "kustomize-controller"
	HelmManager = "helm-controller"
)

// The labels that Flux puts on every object of a Kustomization.
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
	return owner(Dialect, labels[LabelNamespace], labels[LabelName])
}

// HelmTracker is the same for HelmReleases.
type HelmTracker struct{}

// Stamp returns the labels and annotations that mark the object as the app's.
func (HelmTracker) Stamp(app model.AppKey, _ model.ObjectKey) (labels, annotations map[string]string) {
	return map[string]string{helmLabelName: app.Name, helmLabelNamespace: app.Namespace}, nil
}

// Owner reads the mark. A custom resource definition is nobody's: Helm never
// deletes one that came with a chart's crds folder, since all objects of its
// kind would go with it.
func (HelmTracker) Owner(labels, _ map[string]string, obj model.ObjectKey) (model.AppKey, bool) {
	if obj.Kind == "CustomResourceDefinition" {
		return model.AppKey{}, false
	}
	return owner(HelmDialect, labels[helmLabelNamespace], labels[helmLabelName])
}

func owner(dialect, namespace, name string) (model.AppKey, bool) {
	if name == "" || namespace == "" {
		return model.AppKey{}, false
	}
	return model.AppKey{Dialect: dialect, Namespace: namespace, Name: name}, true
}

var helmLabelName, helmLabelNamespace = helmv2.GroupVersion.Group + "/name", helmv2.GroupVersion.Group + "/namespace"
