package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func configMap(value string, extra ...string) map[string]any {
	meta := map[string]any{"name": "settings", "namespace": "my-app", "uid": "u", "resourceVersion": "7",
		"managedFields": []any{"x"}, "generation": int64(3), "creationTimestamp": "2026-01-01T00:00:00Z"}
	for _, e := range extra {
		meta[e] = "changed"
	}
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": map[string]any{"colour": value}, "status": map[string]any{"x": value}}
}

func step(action model.Action) model.Step {
	key := model.ObjectKey{Kind: "ConfigMap", Namespace: "my-app", Name: "settings"}
	return model.Step{Object: model.ObjectRef{ObjectKey: key, Version: "v1"}, Action: action, Reason: "a reason"}
}

func TestDifferences(t *testing.T) {
	const header = "--- ConfigMap/my-app/settings (live)\n+++ ConfigMap/my-app/settings (main)\n"
	tests := map[string]struct {
		change Change
		want   []difference
	}{
		"an update shows what changes and nothing that a server sets": {
			Change{Step: step(model.ActionUpdate), Before: configMap("blue"), After: configMap("red", "resourceVersion", "uid", "managedFields")},
			[]difference{{Object: "ConfigMap/my-app/settings", Action: "update", Reason: "a reason", Diff: header +
				"@@ -1,6 +1,6 @@\n apiVersion: v1\n data:\n-  colour: blue\n+  colour: red\n kind: ConfigMap\n metadata:\n   name: settings\n"}},
		},
		"an update that changes only ownership is no difference": {
			Change{Step: step(model.ActionUpdate), Before: configMap("blue"), After: configMap("blue", "managedFields")}, nil,
		},
		"a creation is compared with nothing": {
			Change{Step: step(model.ActionCreate), After: map[string]any{"kind": "ConfigMap"}},
			[]difference{{Object: "ConfigMap/my-app/settings", Action: "create", Reason: "a reason",
				Diff: "--- /dev/null\n+++ ConfigMap/my-app/settings (main)\n@@ -0,0 +1 @@\n+kind: ConfigMap\n"}},
		},
		"a deletion leaves nothing": {
			Change{Step: step(model.ActionDelete), Before: map[string]any{"kind": "ConfigMap"}},
			[]difference{{Object: "ConfigMap/my-app/settings", Action: "delete", Reason: "a reason",
				Diff: "--- ConfigMap/my-app/settings (live)\n+++ /dev/null\n@@ -1 +0,0 @@\n-kind: ConfigMap\n"}},
		},
		"a refusal is told without a diff": {
			Change{Step: step(model.ActionUpdate), Before: configMap("blue"), Err: errors.New("immutable")},
			[]difference{{Object: "ConfigMap/my-app/settings", Action: "update", Reason: "a reason", Error: "immutable"}},
		},
		"what stays is told": {
			Change{Step: step(model.ActionLeave)},
			[]difference{{Object: "ConfigMap/my-app/settings", Action: "leave", Reason: "a reason"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Inspection{Ref: "main", Changes: []Change{tt.change}}.differences()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDifferencesNameOthers: whoever set by hand what a sync would change is named.
func TestDifferencesNameOthers(t *testing.T) {
	others := []Other{{Manager: "kubectl-edit", Operation: "Update", Fields: []string{"data.colour"}, Text: "kubectl-edit (Update) changed data.colour"}}
	i := Inspection{Ref: "main", Changes: []Change{{Step: step(model.ActionUpdate), Before: configMap("blue"), After: configMap("red"), Others: others}}}
	all, err := i.differences()
	if err != nil || len(all) != 1 || len(all[0].SetBy) != 1 {
		t.Fatalf("%+v: %v", all, err)
	}
	var out strings.Builder
	i.summarise(&out, item{kind: application, Unstructured: &unstructured.Unstructured{Object: map[string]any{}}}, all)
	if want := "ConfigMap/my-app/settings: kubectl-edit (Update) changed data.colour\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("%q, want it to begin with %q", out.String(), want)
	}
}

// TestDiffExit holds diff to the exit codes of kubectl diff.
func TestDiffExit(t *testing.T) {
	for name, tt := range map[string]struct {
		differs bool
		err     error
		want    int
	}{
		"nothing differs":     {false, nil, 0},
		"something differs":   {true, nil, 1},
		"an error":            {false, errors.New("x"), 2},
		"a wrong invocation":  {false, &codedError{exitUsage, errors.New("x")}, 2},
		"an interrupted wait": {true, context.Canceled, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if got := Exit(&out, diffExit(tt.differs, tt.err)); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			if (out.Len() > 0) != (tt.err != nil) {
				t.Errorf("printed %q for the error %v", out.String(), tt.err)
			}
		})
	}
}
