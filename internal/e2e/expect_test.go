package e2e

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var serviceKind = schema.GroupVersionKind{Version: "v1", Kind: "Service"}

// absent says that an object exists; nil if it does not.
func (e *env) absent(gvk schema.GroupVersionKind, namespace, name string) error {
	e.t.Helper()
	if o := e.get(gvk, namespace, name); o != nil {
		return fmt.Errorf("%s %s/%s exists: %s", gvk.Kind, namespace, name, brief(o))
	}
	return nil
}

// field says that a field has another value; nil if it has the one that is wanted.
func (e *env) field(gvk schema.GroupVersionKind, namespace, name string, want any, path ...string) error {
	e.t.Helper()
	o := e.get(gvk, namespace, name)
	if o == nil {
		return fmt.Errorf("there is no %s %s/%s", gvk.Kind, namespace, name)
	}
	got, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s is %v, want %v; status: %s", strings.Join(path, "."), got, want, brief(o))
	}
	return nil
}

// condition says why an object lacks a condition whose message holds the text.
// A status of "" is any.
func (e *env) condition(gvk schema.GroupVersionKind, namespace, name, kind, status, text string) error {
	e.t.Helper()
	o := e.get(gvk, namespace, name)
	if o == nil {
		return fmt.Errorf("there is no %s %s/%s", gvk.Kind, namespace, name)
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		if m["type"] == kind && (status == "" || m["status"] == status) && strings.Contains(fmt.Sprint(m["message"]), text) {
			return nil
		}
	}
	return fmt.Errorf("%s %s has no condition %s %s with %q: %s", gvk.Kind, name, kind, status, text, brief(o))
}

// events are the texts of an object's Kubernetes Events.
func (e *env) events(kind, namespace, name string) []string {
	e.t.Helper()
	r, err := e.cluster.kind(schema.GroupVersionKind{Version: "v1", Kind: "Event"}, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	list, err := r.List(context.Background(), metav1.ListOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	var out []string
	for _, o := range list.Items {
		k, _, _ := unstructured.NestedString(o.Object, "involvedObject", "kind")
		n, _, _ := unstructured.NestedString(o.Object, "involvedObject", "name")
		if k == kind && n == name {
			out = append(out, fmt.Sprintf("%v %v: %v", o.Object["type"], o.Object["reason"], o.Object["message"]))
		}
	}
	return out
}
