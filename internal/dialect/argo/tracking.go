package argo

import (
	"strings"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// AnnotationTracking marks an object with its Application:
//
//	<app>:<group>/<kind>:<namespace>/<name>
//
// where <app> is the name of an Application of the control-plane namespace and
// <namespace>_<name> of any other. The namespace of a cluster-scoped object is
// that of the Application's destination.
const AnnotationTracking = "argocd.argoproj.io/tracking-id"

// Tracker marks objects as Argo CD does by default. It is safe for concurrent
// use.
type Tracker struct {
	// ControlPlaneNamespace is the one whose Applications have short names.
	ControlPlaneNamespace string

	destinations sync.Map // model.AppKey -> string
}

// SetDestination tells the namespace of an app's destination, which the marks of
// cluster-scoped objects contain.
func (t *Tracker) SetDestination(app model.AppKey, namespace string) {
	t.destinations.Store(app, namespace)
}

// Forget drops what is known of an app.
func (t *Tracker) Forget(app model.AppKey) { t.destinations.Delete(app) }

// Stamp returns the labels and annotations that mark the object as the app's. A
// CustomResourceDefinition gets none, as with Argo CD.
func (t *Tracker) Stamp(app model.AppKey, obj model.ObjectKey) (labels, annotations map[string]string) {
	if isCRD(obj) {
		return nil, nil
	}
	namespace := obj.Namespace
	if namespace == "" {
		if v, ok := t.destinations.Load(app); ok {
			namespace, _ = v.(string)
		}
	}
	id := t.appName(app) + ":" + obj.Group + "/" + obj.Kind + ":" + namespace + "/" + obj.Name
	return nil, map[string]string{AnnotationTracking: id}
}

// Owner reads the mark: the app that it names; false if there is none, or if it
// names another object than the one that bears it, which is then a copy that
// somebody else made.
func (t *Tracker) Owner(_, annotations map[string]string, obj model.ObjectKey) (model.AppKey, bool) {
	app, rest, ok := strings.Cut(annotations[AnnotationTracking], ":")
	if !ok || app == "" {
		return model.AppKey{}, false
	}
	kind, name, ok := strings.Cut(rest, ":")
	if !ok || kind != obj.Group+"/"+obj.Kind {
		return model.AppKey{}, false
	}
	namespace, name, ok := strings.Cut(name, "/")
	if !ok || name != obj.Name || (obj.Namespace != "" && namespace != obj.Namespace) {
		return model.AppKey{}, false
	}
	if ns, short, qualified := strings.Cut(app, "_"); qualified {
		return Key(ns, short), ns != "" && short != ""
	}
	return Key(t.ControlPlaneNamespace, app), true
}

func (t *Tracker) appName(app model.AppKey) string {
	if app.Namespace == t.ControlPlaneNamespace {
		return app.Name
	}
	return app.Namespace + "_" + app.Name
}

func isCRD(obj model.ObjectKey) bool {
	return obj.Group == "apiextensions.k8s.io" && obj.Kind == "CustomResourceDefinition"
}
