package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write what is rendered into testdata")

// The parts of a case that are no files of the tree. A file of the tree whose
// name ends in " -> target" is a symbolic link.
const (
	partSpec     = "spec"
	partObjects  = "objects"
	partWarnings = "warnings"
	partError    = "error"
)

// TestRender runs the cases of testdata: a spec and files; the objects and
// warnings, or the error, that come of it.
func TestRender(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			runCase(t, name)
		})
	}
}

func runCase(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var spec model.Render
	tree := newTree(nil)
	in := &txtar.Archive{Comment: archive.Comment}
	want := map[string]string{}
	for _, f := range archive.Files {
		switch f.Name {
		case partObjects, partWarnings, partError:
			want[f.Name] = string(f.Data)
			continue
		case partSpec:
			if err := yaml.UnmarshalStrict(f.Data, &spec); err != nil {
				t.Fatal(err)
			}
		default:
			if from, to, is := strings.Cut(f.Name, " -> "); is {
				tree.link(from, to)
			} else {
				tree = tree.with(map[string]string{f.Name: string(f.Data)})
			}
		}
		in.Files = append(in.Files, f)
	}
	got := renderParts(t, tree, spec)
	if *update {
		for _, part := range []string{partObjects, partWarnings, partError} {
			if text := got[part]; text != "" {
				in.Files = append(in.Files, txtar.File{Name: part, Data: []byte(text)})
			}
		}
		if err := os.WriteFile(name, txtar.Format(in), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func renderParts(t *testing.T, tree model.Tree, spec model.Render) map[string]string {
	t.Helper()
	out, err := New(Config{}).Render(t.Context(), inputOf(tree, spec))
	parts := map[string]string{}
	if err != nil {
		kind := "no kind"
		if errors.Is(err, model.ErrInvalid) {
			kind = "invalid"
		} else if errors.Is(err, model.ErrDenied) {
			kind = "denied"
		}
		parts[partError] = fmt.Sprintf("%s: %v\n", kind, err)
		return parts
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "# %s\n", out.Tool)
	for _, o := range out.Objects {
		fmt.Fprintf(&text, "# %s at %s, from %s\n", o.ObjectKey, o.APIVersion(), o.Origin)
		if err := json.Indent(&text, o.JSON, "", "  "); err != nil {
			t.Error(err)
		}
		text.WriteByte('\n')
	}
	parts[partObjects] = text.String()
	if len(out.Warnings) > 0 {
		parts[partWarnings] = strings.Join(out.Warnings, "\n") + "\n"
	}
	return parts
}
