package flux

import (
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestEntry(t *testing.T) {
	for id, key := range map[string]model.ObjectKey{
		"shop_web_apps_Deployment": {Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"},
		"shop_web__Service":        {Kind: "Service", Namespace: "shop", Name: "web"},
		"_shop__Namespace":         {Kind: "Namespace", Name: "shop"},
		"_a.example.com_apiextensions.k8s.io_CustomResourceDefinition": {Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "a.example.com"},
		"_system__node_rbac.authorization.k8s.io_ClusterRole":          {Group: rbacGroup, Kind: "ClusterRole", Name: "system:node"},
		"_a__b__c_rbac.authorization.k8s.io_ClusterRoleBinding":        {Group: rbacGroup, Kind: "ClusterRoleBinding", Name: "a:b:c"},
		"kube-system_system____x_rbac.authorization.k8s.io_Role":       {Group: rbacGroup, Kind: "Role", Namespace: "kube-system", Name: "system::x"},
	} {
		ref := model.ObjectRef{ObjectKey: key, Version: "v1"}
		entry := EntryOf(ref)
		if entry.ID != id || entry.Version != "v1" {
			t.Errorf("EntryOf(%v) = %+v, want id %q", ref, entry, id)
		}
		back, err := ParseEntry(entry)
		if err != nil || back != ref {
			t.Errorf("ParseEntry(%+v) = %+v, %v, want %+v", entry, back, err, ref)
		}
	}
	for _, id := range []string{"", "a", "a_b", "a_b_c", "___", "ns__group_Kind", "ns_name_group_"} {
		if ref, err := ParseEntry(kustomizev1.ResourceRef{ID: id}); err == nil {
			t.Errorf("ParseEntry(%q) = %+v, want an error", id, ref)
		}
	}
}

func TestInventoryKeepsAPeersOrder(t *testing.T) {
	prev := &kustomizev1.ResourceInventory{Entries: []kustomizev1.ResourceRef{
		{ID: "ns_b__ConfigMap", Version: "v1"}, {ID: "ns_a__ConfigMap", Version: "v1"},
	}}
	r := model.Report{Ready: true, Snapshot: snapshot("main", commitA), Resources: []model.ResourceState{
		resource("ConfigMap", "a", model.Synced), resource("ConfigMap", "b", model.Synced),
	}}
	if got := inventoryAfter(prev, r); got != prev {
		t.Errorf("inventory = %+v, want the one before: only the order differs", got)
	}
}

func TestTracker(t *testing.T) {
	app := AppKeyOf("flux-system", "apps")
	labels, annotations := Tracker{}.Stamp(app, model.ObjectKey{})
	if got, ok := (Tracker{}).Owner(labels, annotations, model.ObjectKey{}); !ok || got != app {
		t.Errorf("Owner(Stamp(%v)) = %v, %v", app, got, ok)
	}
	if got, ok := (Tracker{}).Owner(map[string]string{LabelName: "apps"}, nil, model.ObjectKey{}); ok {
		t.Errorf("Owner of half a mark = %v", got)
	}
}

func TestKeep(t *testing.T) {
	for key, values := range map[string]map[string]bool{
		"kustomize.toolkit.fluxcd.io/prune":     {"disabled": true, "Disabled": true, "enabled": false, "": false},
		"kustomize.toolkit.fluxcd.io/reconcile": {"disabled": true, "enabled": false},
		"kustomize.toolkit.fluxcd.io/ssa":       {"Ignore": true, "ignore": true, "Merge": false, "IfNotPresent": false},
		"kustomize.toolkit.fluxcd.io/force":     {"disabled": false},
	} {
		for value, want := range values {
			m := map[string]string{key: value}
			if got := Traits(m, nil).Prune == model.ConsentNo; got != want {
				t.Errorf("Keep with the label %s=%s is %v", key, value, got)
			}
			if got := Traits(nil, m).Prune == model.ConsentNo; got != want {
				t.Errorf("Keep with the annotation %s=%s is %v", key, value, got)
			}
		}
	}
}
