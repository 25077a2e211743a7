package e2e

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// mutation is what a webhook does to an object: the operations of a JSON patch.
type mutation func(obj map[string]any) []map[string]any

// admission is a mutating webhook that the API server calls for the Deployments and
// ConfigMaps of a namespace.
type admission struct {
	*comparer
	name   string
	server *httptest.Server

	mu     sync.Mutex
	mutate mutation
	calls  int
}

var webhookKind = schema.GroupVersionKind{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "MutatingWebhookConfiguration"}

// webhook starts a webhook that changes nothing yet.
func (c *comparer) webhook() *admission {
	c.t.Helper()
	a := &admission{comparer: c, name: c.ns}
	a.server = httptest.NewTLSServer(a)
	c.t.Cleanup(a.server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw})
	c.apply(fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: %[1]s}
webhooks:
- name: mutate.compare.example.com
  clientConfig: {url: %[2]q, caBundle: %[3]s}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
  rules:
  - {apiGroups: ["", apps], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [deployments, configmaps]}
  sideEffects: None
  failurePolicy: Fail
  admissionReviewVersions: [v1]
`, a.name, a.server.URL, base64.StdEncoding.EncodeToString(ca)))
	c.t.Cleanup(func() { c.delete(webhookKind, "", a.name) })
	c.eventually("the API server calls the webhook", func() error {
		probe := model.Object{ObjectRef: model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "ConfigMap", Namespace: c.ns, Name: "probe"}, Version: "v1"},
			JSON: []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"probe","namespace":"` + c.ns + `"}}`)}
		if _, err := c.target.Apply(c.t.Context(), probe, "prober", model.Write{DryRun: true}); err != nil {
			return err
		}
		if a.called() == 0 {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	return a
}

func (a *admission) called() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

func (a *admission) does(m mutation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mutate = m
}

// ServeHTTP answers an AdmissionReview.
func (a *admission) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var review admissionv1.AdmissionReview
	var obj map[string]any
	if json.Unmarshal(body, &review) != nil || json.Unmarshal(review.Request.Object.Raw, &obj) != nil {
		http.Error(w, "no review", http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls++
	review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if a.mutate != nil {
		if ops := a.mutate(obj); len(ops) > 0 {
			kind := admissionv1.PatchTypeJSONPatch
			review.Response.PatchType = &kind
			review.Response.Patch, _ = json.Marshal(ops)
		}
	}
	review.Request = nil
	_ = json.NewEncoder(w).Encode(review)
}

func containers(obj map[string]any) []any {
	list, _, _ := unstructured.NestedSlice(obj, "spec", "template", "spec", "containers")
	return list
}

// inject adds a label, and to Deployments a sidecar before all other containers.
func inject(obj map[string]any) []map[string]any {
	var ops []map[string]any
	labels, _, _ := unstructured.NestedStringMap(obj, "metadata", "labels")
	if labels["injected"] == "" {
		if len(labels) == 0 {
			ops = append(ops, map[string]any{"op": "add", "path": "/metadata/labels", "value": map[string]any{}})
		}
		ops = append(ops, map[string]any{"op": "add", "path": "/metadata/labels/injected", "value": "yes"})
	}
	if list := containers(obj); len(list) > 0 && !strings.Contains(fmt.Sprint(list), "name:sidecar") {
		ops = append(ops, map[string]any{"op": "add", "path": "/spec/template/spec/containers/0",
			"value": map[string]any{"name": "sidecar", "image": "example.com/sidecar:1", "resources": map[string]any{"limits": map[string]any{"cpu": "1000m"}}}})
	}
	return ops
}

// mirrored rewrites images, and the data of ConfigMaps.
func mirrored(obj map[string]any) []map[string]any {
	var ops []map[string]any
	for i, c := range containers(obj) {
		image, _, _ := unstructured.NestedString(c.(map[string]any), "image")
		if !strings.HasPrefix(image, "mirror/") {
			ops = append(ops, map[string]any{"op": "replace", "path": fmt.Sprintf("/spec/template/spec/containers/%d/image", i), "value": "mirror/" + image})
		}
	}
	if v, _, _ := unstructured.NestedString(obj, "data", "k"); v == "v" {
		ops = append(ops, map[string]any{"op": "replace", "path": "/data/k", "value": "rewritten"})
	}
	return ops
}

// TestWebhookAdds: what a mutating webhook adds is no drift, whether it was there
// when the object was applied or came later, and also when it adds something else
// each time. Where that is asked for, what it would add counts.
func TestWebhookAdds(t *testing.T) {
	c := newComparer(t, "compare-adds")
	web := c.declared(webDeployment)
	settings := c.declared("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}")
	c.watch(web, settings)
	hook := c.webhook()
	both := []model.Object{web, settings}

	c.deploy(both...)
	hook.does(inject)
	for _, o := range both {
		c.aged(o)
		c.same("the webhook came later", o, model.Comparison{})
		c.differs("what webhooks change counts", o, model.Comparison{KeepWebhooks: true})
	}
	c.deploy(both...)
	for _, o := range both {
		if c.live(o).GetLabels()["injected"] != "yes" {
			t.Fatalf("%s was not mutated: this test shows nothing", o.ObjectKey)
		}
		c.same("mutated", o, model.Comparison{})
		c.patch(o, "somebody", `{"metadata":{"annotations":{"note":"x"}}}`)
		c.same("mutated, and touched by somebody", o, model.Comparison{})
		c.same("mutated, and what webhooks change counts", o, model.Comparison{KeepWebhooks: true})
	}
	if len(containers(c.live(web).Object)) != 2 {
		t.Error("there is no sidecar")
	}

	n := 0
	hook.does(func(map[string]any) []map[string]any {
		n++
		return []map[string]any{{"op": "add", "path": "/metadata/annotations/count", "value": fmt.Sprint(n)}}
	})
	c.deploy(both...)
	for _, o := range both {
		c.same("counted anew each time", o, model.Comparison{})
		c.patch(o, "kubectl-edit", `{"metadata":{"annotations":{"test/app":"other"}}}`)
		c.patch(o, "kubectl-edit", `{"metadata":{"annotations":{"test/app":"compare-adds"}}}`)
		c.same("counted anew each time, and touched", o, model.Comparison{})
	}
}

// TestWebhookRewrites: a webhook that rewrites what is declared makes no drift, as
// long as applying would not change the live object by anything that is declared;
// somebody's change does.
func TestWebhookRewrites(t *testing.T) {
	c := newComparer(t, "compare-rewrites")
	web := c.declared(webDeployment)
	settings := c.declared("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}")
	c.watch(web, settings)
	hook := c.webhook()
	both := []model.Object{web, settings}

	c.deploy(both...)
	hook.does(mirrored)
	for _, o := range both {
		c.same("the webhook came later", o, model.Comparison{})
	}
	for _, o := range both {
		r, err := c.cluster.kind(gvkOf(o), o.Namespace)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Delete(t.Context(), o.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	c.deploy(both...)
	if text := fmt.Sprint(c.live(web).Object["spec"], c.live(settings).Object["data"]); !strings.Contains(text, "mirror/example.com/app:1") || !strings.Contains(text, "rewritten") {
		t.Fatalf("nothing was rewritten: %s", text)
	}
	for _, o := range both {
		c.same("rewritten", o, model.Comparison{})
		c.patch(o, "kubectl-edit", `{"metadata":{"annotations":{"test/app":"other"}}}`)
		c.differs("rewritten, and changed by somebody", o, model.Comparison{})
		c.patch(o, "kubectl-edit", `{"metadata":{"annotations":{"test/app":"compare-rewrites"}}}`)
		c.same("rewritten, and changed back", o, model.Comparison{})
	}
	hook.does(nil)
	for _, o := range both {
		c.differs("the webhook is gone", o, model.Comparison{})
	}
}
