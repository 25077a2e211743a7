package argo

import (
	"maps"
	"strings"
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

// tracker marks objects as argocd-cm says.
func tracker(t *testing.T, pairs ...string) *Tracker {
	t.Helper()
	tr := &Tracker{ControlPlaneNamespace: "argocd"}
	tr.Follow(configured(t, pairs...))
	return tr
}

func TestTrackingMethods(t *testing.T) {
	obj := model.ObjectKey{Group: "apps", Kind: "Deployment", Namespace: "ns", Name: "d"}
	long := strings.Repeat("a", 62) + "-b"
	for name, c := range map[string]struct {
		reason      string
		tracker     *Tracker
		app         model.AppKey
		labels      map[string]string
		annotations map[string]string
	}{
		"annotation": {"the default", tracker(t), Key("argocd", "x"), nil, map[string]string{AnnotationTracking: "x:apps/Deployment:ns/d"}},
		"installation": {"told apart", tracker(t, keyInstallation, "here"), Key("argocd", "x"), nil,
			map[string]string{AnnotationTracking: "x:apps/Deployment:ns/d", AnnotationInstallation: "here"}},
		"label": {"nothing but the label", tracker(t, keyTracking, "label"), Key("argocd", "x"), map[string]string{defaultLabel: "x"}, nil},
		"label elsewhere": {"qualified, with a label of one's own", tracker(t, keyTracking, "label", keyLabel, "example.com/app"), Key("team", "x"),
			map[string]string{"example.com/app": "team_x"}, nil},
		"both": {"both", tracker(t, keyTracking, "annotation+label"), Key("argocd", "x"),
			map[string]string{defaultLabel: "x"}, map[string]string{AnnotationTracking: "x:apps/Deployment:ns/d"}},
		"both, long": {"a label has 63 characters and ends with a letter or digit", tracker(t, keyTracking, "annotation+label"), Key("argocd", long),
			map[string]string{defaultLabel: strings.Repeat("a", 62)}, map[string]string{AnnotationTracking: long + ":apps/Deployment:ns/d"}},
	} {
		t.Run(name, func(t *testing.T) {
			labels, annotations := c.tracker.Stamp(c.app, obj)
			if !maps.Equal(labels, c.labels) || !maps.Equal(annotations, c.annotations) {
				t.Errorf("%s: labels %v, annotations %v", c.reason, labels, annotations)
			}
			if owner, ok := c.tracker.Owner(labels, annotations, obj); !ok || owner != c.app {
				t.Errorf("%s: owner %v, %v", c.reason, owner, ok)
			}
			if owner, ok := c.tracker.Former(labels, annotations, obj); ok {
				t.Errorf("%s: marked by an earlier method of %v, too", c.reason, owner)
			}
		})
	}
}

// TestTrackingOwner: whose objects are that bear marks of several kinds.
func TestTrackingOwner(t *testing.T) {
	obj := model.ObjectKey{Group: "apps", Kind: "Deployment", Namespace: "ns", Name: "d"}
	crd := model.ObjectKey{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "d"}
	const id = "x:apps/Deployment:ns/d"
	byLabel := tracker(t, keyTracking, "label")
	for name, c := range map[string]struct {
		reason        string
		tracker       *Tracker
		obj           model.ObjectKey
		label         string
		id, install   string
		owner, former string
	}{
		"chart's label":        {"charts set the label too", tracker(t), obj, "x", "", "", "", "x"},
		"annotation wins":      {"the label is somebody else's", tracker(t), obj, "y", id, "", "x", ""},
		"before a switch":      {"a label of before", tracker(t, keyInstallation, "here"), obj, "x", "", "", "", "x"},
		"after a switch back":  {"an annotation of before", byLabel, obj, "", id, "", "", "x"},
		"label wins":           {"the annotation is of before", byLabel, obj, "y", id, "", "y", ""},
		"other installation":   {"it is theirs", tracker(t, keyInstallation, "here"), obj, "", id, "there", "", ""},
		"some installation":    {"we have none", tracker(t), obj, "", id, "there", "", ""},
		"no installation":      {"we have one", tracker(t, keyInstallation, "here"), obj, "", id, "", "", ""},
		"theirs, with a label": {"the annotation tells whose it is", tracker(t), obj, "x", id, "there", "", ""},
		"copy, with a label":   {"a copy is nobody's", tracker(t), obj, "x", "x:apps/Deployment:ns/other", "", "", ""},
		"label, installation":  {"labels know no installation", byLabel, obj, "x", "", "there", "x", ""},
		"CRD by label":         {"it is never marked, so the label is the chart's", byLabel, crd, "x", "", "", "", ""},
		"CRD":                  {"likewise", tracker(t), crd, "x", "", "", "", ""},
	} {
		labels, annotations := map[string]string{defaultLabel: c.label}, map[string]string{}
		if c.id != "" {
			annotations[AnnotationTracking] = c.id
		}
		if c.install != "" {
			annotations[AnnotationInstallation] = c.install
		}
		for what, read := range map[string]struct {
			want string
			by   func(map[string]string, map[string]string, model.ObjectKey) (model.AppKey, bool)
		}{"owner": {c.owner, c.tracker.Owner}, "former": {c.former, c.tracker.Former}} {
			app, ok := read.by(labels, annotations, c.obj)
			if ok != (read.want != "") || (ok && app.Name != read.want) {
				t.Errorf("%s (%s): %s %v, %v, want %q", name, c.reason, what, app, ok, read.want)
			}
		}
	}
}

func TestFollow(t *testing.T) {
	tr := &Tracker{ControlPlaneNamespace: "argocd"}
	for _, c := range []struct {
		reason  string
		pairs   []string
		changed bool
	}{
		{"as before", nil, false},
		{"another method", []string{keyTracking, "label"}, true},
		{"the same again", []string{keyTracking, "label"}, false},
		{"the label is the default one", []string{keyTracking, "label", keyLabel, defaultLabel}, false},
		{"another label", []string{keyTracking, "label", keyLabel, "example.com/a"}, true},
	} {
		if changed := tr.Follow(configured(t, c.pairs...)); changed != c.changed {
			t.Errorf("%s: changed %v", c.reason, changed)
		}
	}
}
