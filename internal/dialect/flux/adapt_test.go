package flux

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite what the testdata expects")

// object reads one object from YAML.
func object(t *testing.T, text []byte) *unstructured.Unstructured {
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

func TestAdapt(t *testing.T) {
	archives(t, "adapt-*.txtar", func(t *testing.T, file string, a *txtar.Archive) {
		obj := object(t, a.Files[0].Data)
		var text string
		var warnings []model.Warning
		switch obj.GetKind() {
		case "Kustomization":
			app := App(obj)
			warnings, app.Warnings = app.Warnings, nil
			text = dump(app)
		case "GitRepository":
			r := RepositoryOf(obj)
			warnings, r.Warnings = r.Warnings, nil
			text = dump(r)
		}
		check(t, file, a, map[string]string{"model": text, "warnings": warningText(warnings)})
	})
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
