package argo

import (
	"strings"
	"sync"
	"sync/atomic"

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

// AnnotationInstallation tells the installations apart that mark objects of one
// cluster.
const AnnotationInstallation = "argocd.argoproj.io/installation-id"

// Tracker marks objects as argocd-cm says, by default with an annotation. It is
// safe for concurrent use.
type Tracker struct {
	// ControlPlaneNamespace is the one whose Applications have short names.
	ControlPlaneNamespace string

	marks        atomic.Pointer[marks]
	destinations sync.Map // model.AppKey -> string
}

// SetDestination tells the namespace of an app's destination, which the marks of
// cluster-scoped objects contain.
func (t *Tracker) SetDestination(app model.AppKey, namespace string) {
	t.destinations.Store(app, namespace)
}

// Forget drops what is known of an app.
func (t *Tracker) Forget(app model.AppKey) { t.destinations.Delete(app) }

// Follow marks objects from now on as the settings say, and reports whether that
// is otherwise than before: what was read of marks is then out of date.
func (t *Tracker) Follow(s *Settings) (changed bool) {
	before := t.how()
	next := s.marks
	t.marks.Store(&next)
	return before != next
}

// how says how objects are marked now.
func (t *Tracker) how() marks {
	if m := t.marks.Load(); m != nil {
		return *m
	}
	return marks{}
}

// Stamp returns the labels and annotations that mark the object as the app's. A
// CustomResourceDefinition gets none, as with Argo CD.
func (t *Tracker) Stamp(app model.AppKey, obj model.ObjectKey) (labels, annotations map[string]string) {
	if isCRD(obj) {
		return nil, nil
	}
	m := t.how()
	name := t.appName(app)
	switch m.method {
	case trackLabel:
		return map[string]string{m.labelKey(): name}, nil
	case trackBoth:
		labels = map[string]string{m.labelKey(): short(name)}
	}
	namespace := obj.Namespace
	if namespace == "" {
		if v, ok := t.destinations.Load(app); ok {
			namespace, _ = v.(string)
		}
	}
	id := name + ":" + obj.Group + "/" + obj.Kind + ":" + namespace + "/" + obj.Name
	annotations = map[string]string{AnnotationTracking: id}
	if m.installation != "" {
		annotations[AnnotationInstallation] = m.installation
	}
	return labels, annotations
}

// Owner reads the mark: the app that it names; false if there is none, or if it
// is not of this installation, or if it names another object than the one that
// bears it, which is then a copy that somebody else made.
func (t *Tracker) Owner(labels, annotations map[string]string, obj model.ObjectKey) (model.AppKey, bool) {
	m := t.how()
	if isCRD(obj) {
		return model.AppKey{}, false
	}
	if m.method == trackLabel {
		return t.appOf(labels[m.labelKey()])
	}
	return t.annotated(m, annotations, obj)
}

// Former reads the mark of an object that bears none of the present method, as an
// earlier one has left it. It counts only on what our own field manager has
// written: others use the same label.
func (t *Tracker) Former(labels, annotations map[string]string, obj model.ObjectKey) (model.AppKey, bool) {
	m := t.how()
	switch {
	case isCRD(obj):
		return model.AppKey{}, false
	case m.method == trackLabel:
		if labels[m.labelKey()] != "" {
			return model.AppKey{}, false
		}
		return t.annotated(m, annotations, obj)
	case annotations[AnnotationTracking] != "":
		return model.AppKey{}, false
	}
	return t.appOf(labels[m.labelKey()])
}

// annotated reads the annotation.
func (t *Tracker) annotated(m marks, annotations map[string]string, obj model.ObjectKey) (model.AppKey, bool) {
	if annotations[AnnotationInstallation] != m.installation {
		return model.AppKey{}, false
	}
	app, rest, ok := strings.Cut(annotations[AnnotationTracking], ":")
	if !ok {
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
	return t.appOf(app)
}

// appOf is the app that a mark names.
func (t *Tracker) appOf(mark string) (model.AppKey, bool) {
	if ns, name, qualified := strings.Cut(mark, "_"); qualified {
		return Key(ns, name), ns != "" && name != ""
	}
	return Key(t.ControlPlaneNamespace, mark), mark != ""
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
