package action

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite the results in testdata and docs/actions.md")

var noon = time.Date(2026, 11, 5, 12, 0, 0, 123_000_000, time.UTC)

// TestActions reads cases of the form
//
//	-- object.yaml --   or a name for it, with .yaml: what actions are listed of and run on
//	-- run --           actions to run on the object above, a line each, with parameters as name=value
//	-- result --        what the list and the runs come to
func TestActions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out := &txtar.Archive{Comment: ar.Comment}
			var obj map[string]any
			var got string
			for _, f := range ar.Files {
				switch {
				case strings.HasSuffix(f.Name, ".yaml"):
					obj = readObject(t, f.Data)
					got = listed(obj)
				case f.Name == "run":
					for line := range strings.Lines(string(f.Data)) {
						got += ran(obj, strings.Fields(line))
					}
				case f.Name == "result":
					if diff := cmp.Diff(string(f.Data), got); diff != "" && !*update {
						t.Errorf("result (-want +got):\n%s", diff)
					}
					f.Data = []byte(got)
				}
				out.Files = append(out.Files, f)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(out), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func readObject(t *testing.T, text []byte) map[string]any {
	t.Helper()
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var obj map[string]any
	if err := kjson.Unmarshal(data, &obj); err != nil {
		t.Fatal(err)
	}
	return obj
}

// listed is the list of actions, a line each.
func listed(obj map[string]any) string {
	var b strings.Builder
	for _, a := range List(obj) {
		b.WriteString(a.Name)
		for _, p := range a.Params {
			fmt.Fprintf(&b, " %s(%s)=%s", p.Name, p.Type, p.Default)
		}
		if a.Danger {
			b.WriteString(" danger")
		}
		if a.Disabled {
			b.WriteString(": not now, " + a.Why)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// ran is what an action makes of an object.
func ran(obj map[string]any, words []string) string {
	params := map[string]string{}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		params[name] = value
	}
	before, _ := json.Marshal(obj)
	changes, err := Run(words[0], obj, params, noon)
	if after, _ := json.Marshal(obj); string(before) != string(after) {
		return "THE OBJECT HAS CHANGED\n"
	}
	out := "> " + strings.Join(words, " ") + "\n"
	if err != nil {
		kind := "ErrInvalid"
		if errors.Is(err, model.ErrNotFound) {
			kind = "ErrNotFound"
		} else if !errors.Is(err, model.ErrInvalid) {
			kind = "an error of no kind"
		}
		return out + kind + ": " + err.Error() + "\n"
	}
	return out + printed(changes)
}

func printed(changes []Change) string {
	var b strings.Builder
	for _, c := range changes {
		switch {
		case c.Create != nil:
			text, err := yaml.Marshal(c.Create)
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(&b, "create %s %s\n%s", c.Ref.APIVersion(), c.Ref.ObjectKey, text)
		case c.Subresource != "":
			fmt.Fprintf(&b, "patch %s of %s: %s\n", c.Subresource, c.Ref.ObjectKey, c.Patch)
		default:
			fmt.Fprintf(&b, "patch %s: %s\n", c.Ref.ObjectKey, c.Patch)
		}
	}
	return b.String()
}

func TestMerge(t *testing.T) {
	users := []Action{{Name: "restart", Title: "Theirs"}, {Name: "clean"}}
	ours := []Action{{Name: "pause"}, {Name: "restart", Title: "Ours"}}
	names := func(list []Action) (out []string) {
		for _, a := range list {
			out = append(out, a.Name+a.Title)
		}
		return out
	}
	if diff := cmp.Diff([]string{"clean", "pause", "restartTheirs"}, names(Merge(users, ours, true))); diff != "" {
		t.Errorf("with ours: %s", diff)
	}
	if diff := cmp.Diff([]string{"clean", "restartTheirs"}, names(Merge(users, ours, false))); diff != "" {
		t.Errorf("without ours: %s", diff)
	}
	if users[0].Name != "restart" {
		t.Error("the list that was given has changed")
	}
}

func TestPatches(t *testing.T) {
	const live = `{"apiVersion": "example.io/v1", "kind": "Widget", "metadata": {"name": "a", "resourceVersion": "7", "labels": {"a": "b", "c": "d"}},
		"spec": {"n": 1, "list": [{"a": 1}, {"b": 2}], "gone": {"x": 1}}, "status": {"phase": "Old"}}`
	tests := map[string]struct {
		want  string
		apart bool
		out   string
	}{
		"nothing":                   {want: live},
		"numbers that are the same": {want: strings.Replace(live, `"n": 1`, `"n": 1.0`, 1)},
		"what the server keeps":     {want: strings.Replace(live, `"resourceVersion": "7"`, `"resourceVersion": "8", "uid": "u"`, 1)},
		"a field": {want: strings.Replace(live, `"n": 1`, `"n": 2`, 1),
			out: "patch Widget.example.io/a: {\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"n\":2}}\n"},
		"a field that goes": {want: strings.Replace(live, `, "gone": {"x": 1}`, ``, 1),
			out: "patch Widget.example.io/a: {\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"gone\":null}}\n"},
		"a null": {want: strings.Replace(live, `"n": 1`, `"n": 1, "none": null`, 1)},
		"a list": {want: strings.Replace(live, `{"b": 2}`, `{"b": 3}`, 1),
			out: "patch Widget.example.io/a: {\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"list\":[{\"a\":1},{\"b\":3}]}}\n"},
		"a label": {want: strings.Replace(live, `"c": "d"`, `"e": "f"`, 1),
			out: "patch Widget.example.io/a: {\"metadata\":{\"labels\":{\"c\":null,\"e\":\"f\"},\"resourceVersion\":\"7\"}}\n"},
		"the status": {want: strings.Replace(strings.Replace(live, "Old", "New", 1), `"n": 1`, `"n": 2`, 1),
			out: "patch Widget.example.io/a: {\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"n\":2},\"status\":{\"phase\":\"New\"}}\n"},
		"the status apart": {want: strings.Replace(strings.Replace(live, "Old", "New", 1), `"n": 1`, `"n": 2`, 1), apart: true,
			out: "patch status of Widget.example.io/a: {\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"phase\":\"New\"}}\npatch Widget.example.io/a: {\"metadata\":{\"resourceVersion\":\"7\"},\"spec\":{\"n\":2}}\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := readObject(t, []byte(live)), readObject(t, []byte(tt.want))
			if diff := cmp.Diff(tt.out, printed(Patches(a, b, tt.apart))); diff != "" {
				t.Error(diff)
			}
			if a["metadata"].(map[string]any)["resourceVersion"] != "7" {
				t.Error("the object has changed")
			}
		})
	}
}

func TestNew(t *testing.T) {
	c := New(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a", "namespace": "b"}})
	want := model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "ConfigMap", Namespace: "b", Name: "a"}, Version: "v1"}
	if c.Ref != want || c.Patch != nil || c.Create == nil {
		t.Errorf("%+v", c)
	}
}
