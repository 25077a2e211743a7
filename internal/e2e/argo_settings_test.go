package e2e

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// settings makes argocd-cm hold these keys and no others. The controller that runs
// reads it; none is started anew.
func (e *env) settings(data map[string]string) {
	e.t.Helper()
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{},
		"metadata": map[string]any{"name": "argocd-cm", "namespace": "argocd", "labels": map[string]any{"app.kubernetes.io/part-of": "argocd"}},
	}}
	for k, v := range data {
		if err := unstructured.SetNestedField(u.Object, v, "data", k); err != nil {
			e.t.Fatal(err)
		}
	}
	if err := e.cluster.apply(e.t.Context(), u); err != nil {
		e.t.Fatal(err)
	}
}

// forgetSettings deletes argocd-cm when the test is over.
func (e *env) forgetSettings() {
	e.t.Cleanup(func() { e.delete(configMapKind, "argocd", "argocd-cm") })
}

// scale sets the replicas of a Deployment as an autoscaler does.
func (e *env) scale(namespace, name string, replicas int) {
	e.t.Helper()
	r, err := e.cluster.kind(deploymentKind, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	_, err = r.Patch(e.t.Context(), name, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas),
		metav1.PatchOptions{FieldManager: "autoscaler"}, "scale")
	if err != nil {
		e.t.Fatal(err)
	}
}

// replicas waits until a Deployment has so many.
func (e *env) replicas(namespace, name string, want int64) {
	e.t.Helper()
	e.eventually(fmt.Sprintf("%s has %d replicas", name, want), func() error {
		return e.field(deploymentKind, namespace, name, want, "spec", "replicas")
	})
}

// still fails if a Deployment has another number of replicas.
func (e *env) still(namespace, name string, want int64) {
	e.t.Helper()
	if err := e.field(deploymentKind, namespace, name, want, "spec", "replicas"); err != nil {
		e.t.Errorf("%s: %v", name, err)
	}
}

// repaired edits a declared object that no rule is about, and waits until it is as
// declared: what was changed before of objects of its kind has been seen by then.
func (e *env) repaired(gvk schema.GroupVersionKind, namespace, name string) {
	e.t.Helper()
	e.edit(gvk, namespace, name, `{"metadata":{"labels":{"declared":"edited"}}}`)
	e.eventually(name+" is repaired", func() error {
		return e.field(gvk, namespace, name, "yes", "metadata", "labels", "declared")
	})
}

// workload is a Deployment of one replica that is never ready, with a label.
func workload(name, image string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, labels: {declared: "yes", team: a}}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: main, image: "example.com/main:%[2]s"}]}
`, name, image)
}

// labelled is a ConfigMap with the label that repaired needs.
func labelled(name, value string) string {
	return strings.Replace(configMap(name, value), "}\ndata", ", labels: {declared: \"yes\", team: a}}\ndata", 1)
}

var gadgetKind = schema.GroupVersionKind{Group: "settings.example.com", Version: "v1", Kind: "Gadget"}

const gadgetCRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.settings.example.com}
spec:
  group: settings.example.com
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// gadgets serves the kind Gadget while the test lasts.
func (e *env) gadgets() {
	e.t.Helper()
	crd := schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
	e.apply(gadgetCRD)
	e.t.Cleanup(func() { e.delete(crd, "", "gadgets.settings.example.com") })
	e.eventually("gadgets are served", func() error {
		return hasCondition(e.get(crd, "", "gadgets.settings.example.com"), "Established", "True")
	})
}

func gadget(name, mood string) string {
	return fmt.Sprintf("apiVersion: settings.example.com/v1\nkind: Gadget\nmetadata: {name: %s}\nspec: {mood: %s}\n", name, mood)
}

const (
	moody = `
if obj.spec.mood == "bad" then
  return {status = "Degraded", message = obj.metadata.name .. " is in a bad mood"}
end
return {status = "Healthy"}
`
	keyed = `
hs = {}
hs.status = "Progressing"
hs.message = "key is " .. obj.data.key
if obj.data.key == "done" then hs.status = "Healthy" end
return hs
`
	endless = `while true do end`
)

// TestSettingsHealth configures health checks in Lua while an app is deployed: for a
// kind of a CRD, for one that has no health otherwise, one that never ends. Each
// holds at once, and what was before holds again when it is taken away.
func TestSettingsHealth(t *testing.T) {
	e := newEnv(t)
	e.forgetSettings()
	e.gadgets()
	repo := e.repo("moods", map[string]string{"g.yaml": gadget("moods-g", "bad"), "c.yaml": configMap("moods-c", "begun")})
	e.apply(application("moods", repo, ".", "moods"))
	e.synced("moods", "")

	e.settings(map[string]string{"resource.customizations.health.settings.example.com_Gadget": moody})
	e.shows("moods", map[string]string{"sync.status": "Synced", "health.status": "Degraded"})
	e.event("Application", "argocd", "moods", "ResourceUpdated", "-> Degraded")
	e.edit(gadgetKind, "moods", "moods-g", `{"metadata":{"annotations":{"a":"b"}}}`)
	commit := e.push(repo, "good", map[string]string{"g.yaml": gadget("moods-g", "good")})
	e.synced("moods", commit)

	// One map of all kinds means the same; a ConfigMap has no health but by a script.
	all, err := yaml.Marshal(map[string]any{
		"settings.example.com/Gadget": map[string]any{"health.lua": moody}, "ConfigMap": map[string]any{"health.lua": keyed},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.settings(map[string]string{"resource.customizations": string(all)})
	e.shows("moods", map[string]string{"sync.status": "Synced", "health.status": "Progressing"})
	commit = e.push(repo, "done", map[string]string{"c.yaml": configMap("moods-c", "done")})
	e.synced("moods", commit)

	// What a script says of the live object counts, whoever has written that.
	e.push(repo, "undone", map[string]string{"c.yaml": configMap("moods-c", "undone")})
	e.shows("moods", map[string]string{"sync.status": "Synced", "health.status": "Progressing"})

	e.settings(map[string]string{})
	e.synced("moods", "")

	// A check that does not end is an unknown health, and delays no other app.
	e.settings(map[string]string{"resource.customizations.health.settings.example.com_Gadget": endless})
	e.shows("moods", map[string]string{"sync.status": "Synced", "health.status": "Unknown"})
	calm := e.repo("calm", map[string]string{"c.yaml": configMap("calm-c", "1")})
	e.apply(application("calm", calm, ".", "calm"))
	e.synced("calm", "")
	e.synced("calm", e.push(calm, "two", map[string]string{"c.yaml": configMap("calm-c", "2")}))
	e.settings(map[string]string{"resource.customizations.health.settings.example.com_Gadget": `this is no Lua`})
	e.shows("moods", map[string]string{"sync.status": "Synced", "health.status": "Unknown"})
	e.settings(map[string]string{})
	e.synced("moods", "")
}

// TestSettingsWaves lets a users' own check hold a sync: the next wave waits for it.
func TestSettingsWaves(t *testing.T) {
	e := newEnv(t)
	e.forgetSettings()
	e.settings(map[string]string{"resource.customizations.health.ConfigMap": keyed})
	wave := func(manifest, n string) string {
		return strings.Replace(manifest, "metadata: {", "metadata: {annotations: {argocd.argoproj.io/sync-wave: \""+n+"\"}, ", 1)
	}
	repo := e.repo("keyed", map[string]string{"a.yaml": wave(configMap("keyed-a", "begun"), "0"), "b.yaml": wave(configMap("keyed-b", "done"), "1")})
	e.apply(application("keyed", repo, ".", "keyed"))
	e.shows("keyed", map[string]string{"operationState.phase": "Running", "health.status": "Progressing"})
	e.holds("keyed", "keyed-a", "key", "begun")
	e.eventually("it says what it waits for", func() error {
		if text := at(e.app("keyed"), "status", "operationState", "message"); !strings.Contains(text, "keyed-a") {
			return errorf("message: %s", text)
		}
		return nil
	})
	if err := e.absent(configMapKind, "keyed", "keyed-b"); err != nil {
		t.Error(err)
	}
	e.settings(map[string]string{})
	e.synced("keyed", "")
	e.holds("keyed", "keyed-b", "key", "done")
	e.delete(applicationKind, "argocd", "keyed")
	for _, name := range []string{"keyed-a", "keyed-b"} {
		e.delete(configMapKind, "keyed", name) // so that there is something to sync the next time
	}
}
