package flux

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const receiverYAML = `
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: hook, namespace: ns}
spec:
  type: github
  events: [push]
  secretRef: {name: token}
  resources:
  - {kind: GitRepository, name: "*", matchLabels: {team: shop}}
  - {kind: HelmRepository, name: charts}
  - {kind: Kustomization, name: my-app, namespace: flux-system}
  - {kind: GitRepository, name: nowhere}`

func TestReceiver(t *testing.T) {
	labelled := yamlObject(t, fleetYAML)
	labelled.SetLabels(map[string]string{"team": "shop"})
	other := yamlObject(t, strings.Replace(fleetYAML, "name: fleet", "name: other", 1))
	registry := yamlObject(t, strings.Replace(publicChartsYAML, "https://charts", "oci://charts", 1))
	token := namedSecret("token", map[string]string{"token": "s3cret"})
	hook := named("Receiver", "hook")
	w := newWorld(t, yamlObject(t, receiverYAML), labelled, other, registry, yamlObject(t, chartYAML), testObject(t, "kustomization.yaml"))
	w.settle(hook, named("GitRepository", "fleet"), named("GitRepository", "other"), named("HelmChart", "podinfo"))
	if got := w.ready("Receiver", "ns", "hook"); got.Reason != "TokenNotFound" || !strings.Contains(got.Message, "Secret ns/token not found") {
		t.Fatalf("Ready = %+v", got)
	}
	if err := w.client.Create(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	w.touched(token, "Secret")
	w.settle()

	got, _, _ := unstructured.NestedString(w.read("Receiver", "ns", "hook").Object, "status", "webhookPath")
	if want := ReceiverOf(yamlObject(t, receiverYAML)).WebhookPath("s3cret"); got != want {
		t.Fatalf("webhookPath = %q, want %q", got, want)
	}
	if ready := w.ready("Receiver", "ns", "hook"); ready.Message != "Receiver initialized for path: "+got {
		t.Errorf("Ready = %+v", ready)
	}
	found, ok := w.c.Receiver(got)
	if !ok || found.Type != "github" || found.Token != "s3cret" || !slices.Equal(found.Events, []string{"push"}) {
		t.Fatalf("at the path is %+v, %v", found, ok)
	}
	w.sources.tokens, w.sources.looked = nil, nil
	if n := w.c.Poke(got); n != 3 {
		t.Errorf("%d objects were looked at, want three", n)
	}
	slices.Sort(w.sources.looked)
	if want := []model.SourceKey{keyOf("GitRepository", "fleet"), keyOf("HelmChart", "podinfo")}; !slices.Equal(w.sources.looked, want) {
		t.Errorf("looked at %v, want %v: of a registry its charts", w.sources.looked, want)
	}
	if w.engine.refreshed != 1 {
		t.Errorf("%d apps were refreshed", w.engine.refreshed)
	}

	w.edit(token, func() { token.Data["token"] = []byte("another") })
	w.touched(token, "Secret")
	w.settle()
	if _, ok := w.c.Receiver(got); ok {
		t.Error("the path of the old token still answers")
	}
	next, _, _ := unstructured.NestedString(w.read("Receiver", "ns", "hook").Object, "status", "webhookPath")
	receiver := w.read("Receiver", "ns", "hook")
	w.edit(receiver, func() { _ = unstructured.SetNestedField(receiver.Object, true, "spec", "suspend") })
	w.settle(hook)
	if _, ok := w.c.Receiver(next); ok {
		t.Error("a suspended Receiver answers")
	}
	for _, e := range w.recorded() {
		if strings.Contains(e, "s3cret") || strings.Contains(e, "another") {
			t.Errorf("event %q shows the token", e)
		}
	}
}

func TestReceiverStaysInItsNamespace(t *testing.T) {
	w := newWorld(t, yamlObject(t, receiverYAML), namedSecret("token", map[string]string{"token": "s3cret"}))
	w.deps(func(d *Deps) { d.NoCrossNamespace = true })
	w.settle(named("Receiver", "hook"))
	if got := w.ready("Receiver", "ns", "hook"); got.Reason != "AccessDenied" {
		t.Errorf("Ready = %+v", got)
	}
}

func TestWebhookPath(t *testing.T) {
	r := ReceiverOf(yamlObject(t, receiverYAML))
	// printf s3crethookns | sha256sum
	if got, want := r.WebhookPath("s3cret"), "/hook/1da4a1949f01eb364df8f5f7f53c4ae839a988ed9f8164b99b51806d30860fc3"; got != want {
		t.Errorf("path = %s, want %s", got, want)
	}
}
