package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// history are the versions of an object that a watch has seen.
type history struct {
	mu   sync.Mutex
	seen []*unstructured.Unstructured
}

func (h *history) all() []*unstructured.Unstructured {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*unstructured.Unstructured(nil), h.seen...)
}

// was waits until a version of the object has had these values, by their paths with dots:
// what lasts a moment may be over before anybody asks for it.
func (h *history) was(t *testing.T, want map[string]string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("it was %v", want), func() bool {
		return slices.ContainsFunc(h.all(), func(o *unstructured.Unstructured) bool {
			for path, value := range want {
				if !strings.Contains(at(o, strings.Split(path, ".")...), value) {
					return false
				}
			}
			return true
		})
	})
}

// record watches an object until the test ends.
func (e *env) record(gvk schema.GroupVersionKind, namespace, name string) *history {
	e.t.Helper()
	r, err := e.cluster.kind(gvk, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	w, err := r.Watch(e.t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		e.t.Fatal(err)
	}
	h := &history{}
	go func() {
		for event := range w.ResultChan() {
			if o, ok := event.Object.(*unstructured.Unstructured); ok {
				h.mu.Lock()
				h.seen = append(h.seen, o)
				h.mu.Unlock()
			}
		}
	}()
	e.t.Cleanup(w.Stop)
	return h
}

// TestFailingSync repeats a sync that can't succeed: what it says of that stays
// there between the attempts.
func TestFailingSync(t *testing.T) {
	e := newEnv(t)
	e.namespaces("failing-flux")
	broken := "apiVersion: v1\nkind: Service\nmetadata: {name: failing-s}\nspec: {ports: [{port: 99999}]}\n"
	repo := e.repo("failing", map[string]string{"s.yaml": broken, "a.yaml": configMap("failing-a", "1")})
	seen := e.record(applicationKind, "argocd", "failing")
	e.apply(strings.Replace(application("failing", repo, ".", "failing"), "duration: 1s", "duration: 100ms", 1))
	e.holds("failing", "failing-a", "key", "1")
	e.eventually("repeated", func() error {
		o := e.app("failing")
		if n := at(o, "status", "operationState", "retryCount"); n != "5" {
			return errorf("retries: %s: %s", n, brief(o))
		}
		return e.condition(applicationKind, "argocd", "failing", "SyncError", "", "failing-s")
	})
	e.shows("failing", map[string]string{"operationState.phase": "Failed", "sync.status": "OutOfSync"})
	told := false
	for _, o := range seen.all() {
		now := strings.Contains(at(o, "status", "conditions"), "SyncError")
		if told && !now {
			t.Errorf("the condition is gone in between, at retry %s: %s", at(o, "status", "operationState", "retryCount"), brief(o))
		}
		told = told || now
	}
	t.Logf("%d versions of the Application; events: %q", len(seen.all()), e.events("Application", "argocd", "failing"))
	commit := e.push(repo, "repaired", map[string]string{"s.yaml": strings.Replace(broken, "99999", "80", 1)})
	e.synced("failing", commit)
}
