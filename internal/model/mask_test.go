package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMask(t *testing.T) {
	secret := func(a, b string) map[string]any {
		return map[string]any{
			"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"a": a, "b": b},
			"metadata": map[string]any{"annotations": map[string]any{lastApplied: "with values", "other": "stays"}},
		}
	}
	masked := func(a, b, annotation string) map[string]any {
		m := secret(a, b)
		m["metadata"] = map[string]any{"annotations": map[string]any{lastApplied: annotation, "other": "stays"}}
		return m
	}
	before, after := secret("one", "one"), secret("two", "one")
	m := Mask{}
	m.Hide(before)
	m.Hide(after)
	if diff := cmp.Diff(masked("(hidden value 1)", "(hidden value 1)", "(hidden value 2)"), before); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(masked("(hidden value 3)", "(hidden value 1)", "(hidden value 2)"), after); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	other := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "shown"}}
	m.Hide(other)
	m.Hide(nil)
	if other["data"].(map[string]any)["a"] != "shown" {
		t.Error("a ConfigMap is masked")
	}
}
