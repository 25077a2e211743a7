package argo

import (
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestTracker(t *testing.T) {
	tr := &Tracker{ControlPlaneNamespace: "argocd"}
	app, other := Key("argocd", "my-app"), Key("team-a", "my-app")
	tr.SetDestination(app, "dest")
	for name, tc := range map[string]struct {
		reason string
		app    model.AppKey
		obj    model.ObjectKey
		want   string
	}{
		"core":      {"the core group is empty", app, model.ObjectKey{Kind: "ConfigMap", Namespace: "ns", Name: "c"}, "my-app:/ConfigMap:ns/c"},
		"group":     {"a group stands before the kind", app, model.ObjectKey{Group: "apps", Kind: "Deployment", Namespace: "ns", Name: "d"}, "my-app:apps/Deployment:ns/d"},
		"colons":    {"names of RBAC objects have colons", app, model.ObjectKey{Group: "rbac.authorization.k8s.io", Kind: "Role", Namespace: "ns", Name: "a:b"}, "my-app:rbac.authorization.k8s.io/Role:ns/a:b"},
		"cluster":   {"cluster-scoped objects bear the destination's namespace", app, model.ObjectKey{Kind: "Namespace", Name: "x"}, "my-app:/Namespace:dest/x"},
		"elsewhere": {"apps outside the control plane are qualified", other, model.ObjectKey{Kind: "ConfigMap", Namespace: "ns", Name: "c"}, "team-a_my-app:/ConfigMap:ns/c"},
		"unknown":   {"no destination is known", other, model.ObjectKey{Kind: "Namespace", Name: "x"}, "team-a_my-app:/Namespace:/x"},
	} {
		t.Run(name, func(t *testing.T) {
			labels, annotations := tr.Stamp(tc.app, tc.obj)
			if got := annotations[AnnotationTracking]; got != tc.want || len(labels) != 0 {
				t.Fatalf("%s: got %q and labels %v, want %q", tc.reason, got, labels, tc.want)
			}
			if owner, ok := tr.Owner(nil, annotations, tc.obj); !ok || owner != tc.app {
				t.Errorf("%s: owner %v, %v", tc.reason, owner, ok)
			}
			copied := tc.obj
			copied.Name += "-copy"
			if owner, ok := tr.Owner(nil, annotations, copied); ok {
				t.Errorf("a copy under another name belongs to %v", owner)
			}
		})
	}
}

func TestTrackerNotOwned(t *testing.T) {
	tr := &Tracker{ControlPlaneNamespace: "argocd"}
	obj := model.ObjectKey{Group: "apps", Kind: "Deployment", Namespace: "ns", Name: "d"}
	for _, id := range []string{
		"", "my-app", "my-app:apps/Deployment", ":apps/Deployment:ns/d", "my-app:apps/Deployment:other/d",
		"my-app:apps/ReplicaSet:ns/d", "my-app:/Deployment:ns/d", "my-app:apps/Deployment:ns/d/x", "_a:apps/Deployment:ns/d", "a_:apps/Deployment:ns/d",
	} {
		if owner, ok := tr.Owner(nil, map[string]string{AnnotationTracking: id}, obj); ok {
			t.Errorf("%q belongs to %v", id, owner)
		}
	}
	crd := model.ObjectKey{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "x"}
	if labels, annotations := tr.Stamp(Key("argocd", "a"), crd); len(labels)+len(annotations) > 0 {
		t.Errorf("a CRD is marked: %v %v", labels, annotations)
	}
}
