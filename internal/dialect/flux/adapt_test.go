package flux

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite what the testdata expects")

// parse reads one object from YAML.
func parse(t *testing.T, text []byte) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON(text)
	if err == nil {
		err = obj.UnmarshalJSON(data)
	}
	if err != nil {
		t.Fatalf("reading object: %v", err)
	}
	return obj
}

// check compares the sections of an archive with what they should hold, or
// rewrites them with -update.
func check(t *testing.T, file string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	for i := range archive.Files {
		f := &archive.Files[i]
		text, ok := got[f.Name]
		if !ok {
			continue
		}
		if diff := cmp.Diff(string(f.Data), text); diff != "" && !*update {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
		f.Data = []byte(text)
		delete(got, f.Name)
	}
	for name := range got {
		t.Errorf("no section %q in %s", name, file)
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func archives(t *testing.T, pattern string, run func(t *testing.T, file string, a *txtar.Archive)) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata for %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			run(t, file, a)
		})
	}
}

func warningText(warnings []model.Warning) string {
	var b strings.Builder
	for _, w := range warnings {
		b.WriteString(string(w.Type) + ": " + w.Message + "\n")
	}
	return b.String()
}

// A case is an object, the objects that it refers to (parent, and Secrets and
// ConfigMaps in the section "refs"), and what comes of it.
func TestAdapt(t *testing.T) {
	archives(t, "adapt-*.txtar", func(t *testing.T, file string, a *txtar.Archive) {
		obj, parent, in := parse(t, a.Files[0].Data), (*unstructured.Unstructured)(nil), Contents{}
		for _, f := range a.Files {
			switch f.Name {
			case "parent":
				parent = parse(t, f.Data)
			case "refs":
				in = contentsOf(t, f.Data)
			}
		}
		text, warnings := adapted(t, obj, parent, in)
		check(t, file, a, map[string]string{"model": text, "warnings": warningText(warnings)})
	})
}

func adapted(t *testing.T, obj, parent *unstructured.Unstructured, in Contents) (string, []model.Warning) {
	t.Helper()
	var out any
	var warnings []model.Warning
	switch obj.GetKind() {
	case "Kustomization":
		app := Kustomization(obj, in)
		warnings, app.Warnings, out = app.Warnings, nil, &app
	case "HelmRelease":
		chart := noChart(obj)
		if template, err := ChartTemplate(obj); err != nil {
			t.Log(err)
		} else if template != nil {
			chart = ChartOf(obj, template, parent)
		} else if parent != nil {
			chart = ChartOf(obj, parent, nil)
		}
		app := HelmRelease(obj, chart, in)
		warnings, app.Warnings, out = app.Warnings, nil, &app
	case "Receiver":
		r := ReceiverOf(obj)
		warnings, r.Warnings, out = r.Warnings, nil, &r
	default:
		d := SourceOf(obj, parent)
		source, err := d.With(in)
		if err != nil {
			return err.Error() + "\n", d.Warnings
		}
		warnings, d.Warnings, d.Source, out = d.Warnings, nil, source, &d
	}
	return dump(reflect.ValueOf(out).Elem().Interface()), warnings
}

// contentsOf reads Secrets, ConfigMaps and ServiceAccounts from YAML documents.
func contentsOf(t *testing.T, text []byte) Contents {
	t.Helper()
	in := Contents{}
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		obj := parse(t, []byte(doc))
		content := &Content{Data: map[string][]byte{}, Version: "1"}
		for _, field := range []string{"data", "stringData"} {
			data, _, err := unstructured.NestedStringMap(obj.Object, field)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range data {
				content.Data[k] = []byte(v)
			}
		}
		pull, _, _ := unstructured.NestedSlice(obj.Object, "imagePullSecrets")
		for _, p := range pull {
			content.Pull = append(content.Pull, p.(map[string]any)["name"].(string))
		}
		in[Ref{obj.GetKind(), obj.GetNamespace(), obj.GetName()}] = content
	}
	return in
}

func TestSpecDigest(t *testing.T) {
	spec := func(pairs ...any) map[string]any {
		m := map[string]any{"interval": "5m", "path": "./a", "prune": true}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	for name, tc := range map[string]struct {
		reason string
		other  map[string]any
		same   bool
	}{
		"equal":    {"equal specs are one", spec(), true},
		"interval": {"a change of the interval makes no new sync worth trying", spec("interval", "1m"), true},
		"suspend":  {"nor does a suspension", spec("suspend", true), true},
		"path":     {"another path does", spec("path", "./b"), false},
		"timeout":  {"more time may help a sync that ran out of it", spec("timeout", "1m"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := specDigest(spec()) == specDigest(tc.other); got != tc.same {
				t.Errorf("same = %v, want %v: %s", got, tc.same, tc.reason)
			}
		})
	}
}
