package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/job"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"
)

// runTools is what workers do outside of tests.
func runTools(ctx context.Context, in model.RenderInput, limits Limits, hooks input.Hooks) Outcome {
	return Outcome(job.Run(ctx, in, job.Limits(limits), hooks))
}

// useTools is a variable of the build environment that makes a worker of the
// tests one as outside of them.
const useTools = "USE_TOOLS"

// world is what a case's render.yaml finds around it; see package oracle.
type world struct {
	Version                           string
	APIs                              []string
	Refs, Remotes, Downloads, Lookups map[string]string

	files map[string]string
}

var _ model.RenderHost = (*world)(nil)

func (w *world) Cluster(context.Context) (string, []string, error) { return w.Version, w.APIs, nil }

func (w *world) Remote(_ context.Context, src model.Source) (*model.Snapshot, error) {
	url := src.URL
	if src.Kind == model.SourceHelm {
		url += "/" + src.Chart
	}
	dir, ok := w.Remotes[url]
	if !ok {
		return nil, model.As(model.ErrDenied, fmt.Errorf("%s is not allowed here", url))
	}
	return &model.Snapshot{URL: src.URL, Revision: dir, Tree: w.tree(dir)}, nil
}

func (w *world) Download(_ context.Context, url string) ([]byte, error) {
	name, ok := w.Downloads[url]
	if !ok {
		return nil, model.As(model.ErrDenied, fmt.Errorf("%s is not allowed here", url))
	}
	return []byte(w.files[name]), nil
}

func (w *world) Lookup(_ context.Context, ref model.ObjectRef) ([]byte, error) {
	name, ok := w.Lookups[ref.ObjectKey.String()]
	if !ok {
		return nil, nil
	}
	return []byte(w.files[name]), nil
}

// tree are the files in a directory of the case.
func (w *world) tree(dir string) *memTree {
	t := newTestTree(nil)
	for name, text := range w.files {
		name, to, isLink := strings.Cut(name, " -> ")
		if !input.Within(name, dir) {
			continue
		}
		if dir != "." {
			name = strings.TrimPrefix(name, dir+"/")
		}
		f := &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		if isLink {
			f = &fstest.MapFile{Data: []byte(to), Mode: 0o777 | fs.ModeSymlink}
		}
		t.MapFS[name] = f
	}
	return t
}

// readCase is what a case of package oracle renders.
func readCase(t *testing.T, name string) model.RenderInput {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{files: map[string]string{}}
	in := model.RenderInput{Host: w, Refs: map[string]model.Tree{}}
	for _, f := range archive.Files {
		switch f.Name {
		case "cmd":
		case "render.yaml":
			var fields any
			err = yaml.Unmarshal(f.Data, &fields)
			text, _ := yaml.Marshal(asBytes(fields, ""))
			err = errors.Join(err, yaml.UnmarshalStrict(text, &in.Render))
		case "world.yaml":
			err = yaml.UnmarshalStrict(f.Data, w)
		default:
			w.files[f.Name] = string(f.Data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	in.Tree = w.tree(".")
	for ref, dir := range w.Refs {
		in.Refs[ref] = w.tree(dir)
	}
	return in
}

// asBytes writes the fields of the type model.Hidden as JSON has them.
func asBytes(v any, field string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			text, isText := item.(string)
			if isText && (strings.EqualFold(name, "text") || strings.EqualFold(field, "vars") || strings.EqualFold(field, "keys")) {
				v[name] = []byte(text)
				continue
			}
			v[name] = asBytes(item, name)
		}
	case []any:
		for i := range v {
			v[i] = asBytes(v[i], field)
		}
	}
	return v
}

// TestToolsInWorker renders the cases of package oracle in this process and in
// a worker: confinement takes nothing from the tools that they need, and all
// they are told arrives.
func TestToolsInWorker(t *testing.T) {
	cases, err := filepath.Glob("../oracle/testdata/*/*.txtar")
	if err != nil || len(cases) < 40 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	more, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(more) == 0 {
		t.Fatalf("%d cases of our own, %v", len(more), err)
	}
	cases = append(cases, more...)
	p := newPool(t, Config{Memory: 8 << 30, Resident: 4 << 30}) // with the race detector it takes and keeps much
	for _, name := range cases {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(name, "../oracle/"), ".txtar"), func(t *testing.T) {
			in := readCase(t, name)
			want := runTools(t.Context(), in, toolLimits, input.Hooks{})
			in.Env = map[string]string{useTools: "yes"}
			got := p.Run(t.Context(), in, toolLimits, input.Hooks{})
			if fmt.Sprint(got.Err) != fmt.Sprint(want.Err) || got.Lasting != want.Lasting {
				t.Fatalf("error %v (lasting: %t), in this process %v (lasting: %t)", got.Err, got.Lasting, want.Err, want.Lasting)
			}
			for _, k := range kinds[:5] {
				if errors.Is(got.Err, k) != errors.Is(want.Err, k) {
					t.Errorf("the error is %v: %t", k, errors.Is(got.Err, k))
				}
			}
			if diff := cmp.Diff(want.Rendered, got.Rendered, cmp.Transformer("text", func(b []byte) string { return string(bytes.TrimSpace(b)) })); diff != "" {
				t.Errorf("-in this process +in a worker:\n%s", diff)
			}
			if len(got.Reads) < len(want.Reads) {
				t.Errorf("%d reads are noted, in this process %d", len(got.Reads), len(want.Reads))
			}
		})
	}
	if s := p.Stats(); s.Died > 0 || s.Started > 1 {
		t.Errorf("stats %+v", s)
	}
}

var toolLimits = Limits{MaxBytes: 10 << 20, MaxObjects: 10_000}
