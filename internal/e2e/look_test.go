package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	secretKind = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
	eventKind  = schema.GroupVersionKind{Version: "v1", Kind: "Event"}
)

// at is a field of an object: "" where there is none.
func at(o *unstructured.Unstructured, path ...string) string {
	if o == nil {
		return ""
	}
	v, found, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	if !found || v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// list is a list of objects of an object.
func list(o *unstructured.Unstructured, path ...string) []map[string]any {
	if o == nil {
		return nil
	}
	all, _, _ := unstructured.NestedSlice(o.Object, path...)
	var out []map[string]any
	for _, v := range all {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// resource is the entry of status.resources for an object; nil if there is none.
func resource(o *unstructured.Unstructured, kind, name string) map[string]any {
	for _, r := range list(o, "status", "resources") {
		if r["kind"] == kind && r["name"] == name {
			return r
		}
	}
	return nil
}

// app reads an Application.
func (e *env) app(name string) *unstructured.Unstructured {
	e.t.Helper()
	return e.get(applicationKind, "argocd", name)
}

// shows waits until an Application has these values in its status, by the path
// with dots.
func (e *env) shows(name string, want map[string]string) *unstructured.Unstructured {
	e.t.Helper()
	return e.status(applicationKind, "argocd", name, want)
}

// status is shows for any object.
func (e *env) status(gvk schema.GroupVersionKind, namespace, name string, want map[string]string) *unstructured.Unstructured {
	e.t.Helper()
	var o *unstructured.Unstructured
	e.eventually(fmt.Sprintf("%s %s shows %v", gvk.Kind, name, want), func() error {
		if o = e.get(gvk, namespace, name); o == nil {
			return fmt.Errorf("it does not exist")
		}
		for path, value := range want {
			if got := at(o, append([]string{"status"}, strings.Split(path, ".")...)...); got != value {
				return fmt.Errorf("%s is %q, want %q: %s", path, got, value, brief(o))
			}
		}
		return nil
	})
	return o
}

// event waits for an event of an object whose text holds all of these.
func (e *env) event(kind, namespace, name string, texts ...string) {
	e.t.Helper()
	e.eventually(fmt.Sprintf("event of %s %s with %q", kind, name, texts), func() error {
		all := e.events(kind, namespace, name)
		for _, text := range all {
			if !slices.ContainsFunc(texts, func(want string) bool { return !strings.Contains(text, want) }) {
				return nil
			}
		}
		return fmt.Errorf("events: %q", all)
	})
}

// metrics is what the controller's /metrics says.
func (e *env) metrics() string {
	e.t.Helper()
	resp, err := http.Get("http://" + e.addr + "/metrics")
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(body)
}

// count is a sample of the controller's /metrics, by its name with labels.
func (e *env) count(name string) float64 {
	e.t.Helper()
	for line := range strings.Lines(e.metrics()) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			var n float64
			if _, err := fmt.Sscan(rest, &n); err != nil {
				e.t.Fatal(err)
			}
			return n
		}
	}
	e.t.Fatalf("there is no metric %s", name)
	return 0
}

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

var clusterRoleKind = schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}
