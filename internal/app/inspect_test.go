package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/engine"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

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
			got, err := contents(context.Background(), fakeCluster{refuse: tt.refuse}, found, model.App{Manager: "m"}, nil)
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

// TestContentsIgnored: what does not count is not shown.
func TestContentsIgnored(t *testing.T) {
	key := model.ObjectKey{Kind: "ConfigMap", Name: "a"}
	found := engine.Inspection{
		Plan:    model.Plan{Steps: []model.Step{{Object: model.ObjectRef{ObjectKey: key}, Action: model.ActionUpdate}}},
		Desired: map[model.ObjectKey]model.Object{key: {ObjectRef: model.ObjectRef{ObjectKey: key}, JSON: []byte(`{"kind":"ConfigMap","data":{"a":"1","b":"1"}}`)}},
	}
	live := map[string]map[string]any{"a": {"kind": "ConfigMap", "data": map[string]any{"a": "2", "b": "2"}}}
	app := model.App{Manager: "m", Compare: model.Comparison{Ignore: []model.IgnoredFields{{Kind: "ConfigMap", Pointers: []string{"/data/b"}}}}}
	got, err := contents(context.Background(), fakeCluster{live: live}, found, app, nil)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v: %v", got, err)
	}
	for _, side := range []map[string]any{got[0].Before, got[0].After} {
		data, _ := side["data"].(map[string]any)
		if _, shown := data["b"]; shown || data["a"] == nil {
			t.Errorf("shown: %v", side)
		}
	}
}

// TestContentsSetByOthers: a change says who set what it changes, not who set the rest.
func TestContentsSetByOthers(t *testing.T) {
	key := model.ObjectKey{Kind: "ConfigMap", Name: "a"}
	found := engine.Inspection{
		Plan:    model.Plan{Steps: []model.Step{{Object: model.ObjectRef{ObjectKey: key}, Action: model.ActionUpdate}}},
		Desired: map[model.ObjectKey]model.Object{key: {ObjectRef: model.ObjectRef{ObjectKey: key}, JSON: []byte(`{"kind":"ConfigMap","data":{"a":"1","b":"1"}}`)}},
	}
	entry := func(manager, field string) any {
		return map[string]any{
			"manager": manager, "operation": "Update", "time": "2026-01-02T03:04:05Z",
			"fieldsV1": map[string]any{"f:data": map[string]any{"f:" + field: map[string]any{}}},
		}
	}
	live := map[string]map[string]any{"a": {
		"kind": "ConfigMap", "data": map[string]any{"a": "2", "b": "1"},
		"metadata": map[string]any{"managedFields": []any{entry("kubectl-edit", "a"), entry("other", "b")}},
	}}
	got, err := contents(context.Background(), fakeCluster{live: live}, found, model.App{Manager: "m"}, nil)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v: %v", got, err)
	}
	want := []cli.Other{{
		Manager: "kubectl-edit", Operation: "Update", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Fields: []string{"data.a"}, Text: "kubectl-edit (Update) changed data.a",
	}}
	if diff := cmp.Diff(want, got[0].Others); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	d := looker{}.object(got[0])
	if len(d.SetBy) != 1 || d.SetBy[0].Manager != "kubectl-edit" || !slices.Equal(d.SetBy[0].Fields, []string{"data.a"}) {
		t.Errorf("shown: %+v", d.SetBy)
	}
}

// TestSecurityDiffOfOthersObjects: of what belongs to another app, or is not for this
// one, a diff shows neither what is there nor what a sync would make of it.
func TestSecurityDiffOfOthersObjects(t *testing.T) {
	key := func(name string) model.ObjectKey { return model.ObjectKey{Kind: "ConfigMap", Name: name} }
	found := engine.Inspection{Desired: map[model.ObjectKey]model.Object{}, Barred: map[model.ObjectKey]error{
		key("taken"): model.Others(key("taken")), key("kept"): model.Others(key("kept")),
	}}
	for name, action := range map[string]model.Action{"own": model.ActionUpdate, "taken": model.ActionUpdate, "kept": model.ActionKeep} {
		found.Plan.Steps = append(found.Plan.Steps, model.Step{Object: model.ObjectRef{ObjectKey: key(name), Version: "v1"}, Action: action})
		found.Desired[key(name)] = model.Object{JSON: []byte(`{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"declared"}}`)}
	}
	content := func(name string) map[string]any {
		return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "PLANTED in " + name}}
	}
	cluster := fakeCluster{live: map[string]map[string]any{"own": content("own"), "taken": content("taken"), "kept": content("kept")}}
	l := looker{previewer: cluster, app: model.App{Manager: "m"}, found: found}
	for _, only := range []*model.ObjectKey{nil, {Kind: "ConfigMap", Name: "taken"}} {
		d, err := l.diff(t.Context(), view.DiffQuery{Noise: true, Object: only})
		if err != nil {
			t.Fatal(err)
		}
		barred := 0
		for _, o := range d.Objects {
			if o.Ref.Name == "own" {
				continue
			}
			barred++
			if o.Before != nil || o.After != nil || len(o.Hunks) > 0 || o.Action != model.ActionRefuse || o.Reason == "" {
				t.Errorf("the diff shows %+v", o)
			}
		}
		if declared, err := l.diff(t.Context(), view.DiffQuery{Declared: true}); err != nil || len(declared.Declared) != 1 || len(declared.Objects) > 0 {
			t.Errorf("declared are %v, %v", declared, err)
		}
		if text := fmt.Sprint(d); barred == 0 || strings.Contains(text, "PLANTED in taken") || strings.Contains(text, "PLANTED in kept") ||
			(only == nil) != strings.Contains(text, "PLANTED in own") {
			t.Errorf("the diff of %v is %s", only, text)
		}
	}
}

// TestSecurityDeclaredIsMasked: what an app declares at a revision is shown without values of
// Secrets and credentials in addresses.
func TestSecurityDeclaredIsMasked(t *testing.T) {
	found := engine.Inspection{Desired: map[model.ObjectKey]model.Object{
		{Kind: "Secret", Name: "a"}:                            {JSON: []byte(`{"apiVersion":"v1","kind":"Secret","stringData":{"a":"hunter2"},"data":{"b":"aHVudGVyMg=="}}`)},
		{Group: "argoproj.io", Kind: "Application", Name: "b"}: {JSON: []byte(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","spec":{"source":{"repoURL":"https://bot:hunter2@git.example/a"}}}`)},
		{Kind: "ConfigMap", Name: "c"}:                         {JSON: []byte(`{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"shown"}}`)},
	}}
	found.Hooks = []model.Object{{ObjectRef: model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "Secret", Name: "d"}}, JSON: []byte(`{"apiVersion":"v1","kind":"Secret","stringData":{"a":"hunter2"}}`)}}
	d, err := looker{found: found}.diff(t.Context(), view.DiffQuery{Declared: true})
	text := fmt.Sprint(d.Declared)
	if err != nil || len(d.Declared) != 4 || strings.Contains(text, "hunter2") || strings.Contains(text, "aHVudGVyMg") || !strings.Contains(text, "shown") {
		t.Errorf("declared is %s, %v", text, err)
	}
}
