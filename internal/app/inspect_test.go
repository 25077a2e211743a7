package app

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/engine"
	"github.com/fixpoint-cd/fixpoint/internal/model"
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
	m := mask{}
	m.hide(before)
	m.hide(after)
	if diff := cmp.Diff(masked("(hidden value 1)", "(hidden value 1)", "(hidden value 2)"), before); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(masked("(hidden value 3)", "(hidden value 1)", "(hidden value 2)"), after); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	other := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "shown"}}
	m.hide(other)
	m.hide(nil)
	if other["data"].(map[string]any)["a"] != "shown" {
		t.Error("a ConfigMap is masked")
	}
}

// fakeCluster answers reads and previews from maps.
type fakeCluster struct {
	live   map[string]map[string]any
	refuse error
}

func (f fakeCluster) Parallel() int { return 2 }

func (f fakeCluster) Read(_ context.Context, ref model.ObjectRef) (map[string]any, error) {
	if o, ok := f.live[ref.Name]; ok {
		return o, nil
	}
	return nil, model.As(model.ErrNotFound, errors.New("not found"))
}

func (f fakeCluster) Preview(_ context.Context, obj model.Object, _ string) (map[string]any, error) {
	if f.refuse != nil {
		return nil, f.refuse
	}
	return decoded(obj)
}

func TestContents(t *testing.T) {
	key := func(name string) model.ObjectKey { return model.ObjectKey{Kind: "ConfigMap", Name: name} }
	found := engine.Inspection{Desired: map[model.ObjectKey]model.Object{}}
	for name, action := range map[string]model.Action{"kept": model.ActionKeep, "new": model.ActionCreate} {
		found.Plan.Steps = append(found.Plan.Steps, model.Step{Object: model.ObjectRef{ObjectKey: key(name)}, Action: action})
		found.Desired[key(name)] = model.Object{JSON: []byte(`{"kind":"ConfigMap"}`)}
	}
	for name, tt := range map[string]struct {
		refuse error
		told   bool
	}{
		"accepted":                         {nil, false},
		"refused":                          {errors.New("invalid"), true},
		"its namespace does not exist yet": {model.As(model.ErrNotFound, errors.New("no namespace")), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := contents(context.Background(), fakeCluster{refuse: tt.refuse}, found, "m")
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].Object.Name != "new" {
				t.Fatalf("changes %v, want the new one only", got)
			}
			if got[0].Before != nil || got[0].After == nil || (got[0].Err != nil) != tt.told {
				t.Errorf("before %v, after %v, error %v", got[0].Before, got[0].After, got[0].Err)
			}
		})
	}
}
