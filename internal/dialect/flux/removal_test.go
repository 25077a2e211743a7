package flux

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// TestRemoval: what is said beforehand of a deletion is what becomes of the objects.
func TestRemoval(t *testing.T) {
	const kustomization, helmRelease = "Kustomization", "HelmRelease"
	inventory := "{entries: [{id: shop_web_apps_Deployment, v: v1}]}"
	tests := map[string]struct {
		kind, spec, status string
		free               bool // without the finalizer
		policy, why        string
	}{
		"with prune":                      {kind: kustomization, spec: "prune: true", policy: "Background"},
		"without prune":                   {kind: kustomization, spec: "prune: false", policy: "Orphan", why: "spec.prune is false"},
		"deleted without prune":           {kind: kustomization, spec: "prune: false, deletionPolicy: Delete", policy: "Background"},
		"kept in spite of prune":          {kind: kustomization, spec: "prune: true, deletionPolicy: Orphan", policy: "Orphan", why: "spec.deletionPolicy is Orphan"},
		"suspended":                       {kind: kustomization, spec: "prune: true, suspend: true", policy: "Orphan", why: "it is suspended"},
		"not taken up":                    {kind: kustomization, spec: "prune: true", free: true, policy: "Orphan", why: "does not bear the finalizer"},
		"with others' rights":             {kind: kustomization, spec: "prune: true, serviceAccountName: a", policy: "Orphan", why: "nothing of it was applied"},
		"others' rights, applied before":  {kind: kustomization, spec: "prune: true, serviceAccountName: a", status: inventory, policy: "Background", why: "spec.deletionPolicy to Orphan"},
		"a release":                       {kind: helmRelease, policy: "Background"},
		"a release, one after the other":  {kind: helmRelease, spec: "uninstall: {deletionPropagation: foreground}", policy: "Foreground"},
		"a release that leaves them":      {kind: helmRelease, spec: "uninstall: {deletionPropagation: orphan}", policy: "Orphan", why: "deletionPropagation is orphan"},
		"a suspended release":             {kind: helmRelease, spec: "suspend: true", policy: "Orphan", why: "it is suspended"},
		"a release that is not taken up":  {kind: helmRelease, free: true, policy: "Orphan", why: "does not bear the finalizer"},
		"a release with others' rights":   {kind: helmRelease, spec: "serviceAccountName: a", policy: "Orphan", why: "nothing of it was applied"},
		"such a release, applied before":  {kind: helmRelease, spec: "serviceAccountName: a", status: inventory, policy: "Background", why: "serviceAccountName"},
		"a release in another's cluster":  {kind: helmRelease, spec: "kubeConfig: {secretRef: {name: a}}", policy: "Orphan", why: "nothing of it was applied"},
		"a Kustomization that is no such": {kind: kustomization, spec: "prune: sure", policy: "Orphan", why: "prune"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			obj := declared(t, tt.kind, tt.spec, tt.status)
			if !tt.free {
				obj.SetFinalizers([]string{Finalizer})
			}
			policy, why := Removal(obj)
			if policy != tt.policy || (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
				t.Errorf("got %s because %q, want %s and %q", policy, why, tt.policy, tt.why)
			}
		})
	}
}

// declared is an object with an inventory in its status.
func declared(t *testing.T, kind, spec, inventory string) *unstructured.Unstructured {
	t.Helper()
	version := map[string]string{"Kustomization": "kustomize.toolkit.fluxcd.io/v1", "HelmRelease": "helm.toolkit.fluxcd.io/v2"}[kind]
	text := "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {namespace: flux-system, name: shop}\nspec: {" + spec + "}\n"
	if inventory != "" {
		text += "status: {inventory: " + inventory + "}\n"
	}
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}
