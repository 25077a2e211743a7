package cue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

var update = flag.Bool("update", false, "write what is evaluated into testdata")

// tree is a source in memory. A file with the content "!" is a link that leads
// out of it.
type tree struct {
	fstest.MapFS
	failing bool
}

var _ model.Tree = tree{}

func (t tree) bad(op, name string) error {
	if f := t.MapFS[name]; f != nil && string(f.Data) == "!" {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return nil
}

func (t tree) Stat(name string) (fs.FileInfo, error) {
	if err := t.bad("stat", name); err != nil {
		return nil, err
	}
	return t.MapFS.Stat(name)
}

func (t tree) ReadFile(name string) ([]byte, error) {
	if t.failing {
		return nil, model.As(model.ErrTransient, errors.New("the source is down"))
	}
	if err := t.bad("open", name); err != nil {
		return nil, err
	}
	return t.MapFS.ReadFile(name)
}

func (t tree) Hash(name string) (string, error) { return name, nil }

// TestRender runs the cases of testdata: the settings as JSON in a file named
// settings, and files; the objects of the directory app, or the error.
func TestRender(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { run(t, name) })
	}
}

func run(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := tree{MapFS: fstest.MapFS{}}
	var settings model.CUE
	want := ""
	kept := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		switch f.Name {
		case "want":
			want = string(f.Data)
			continue
		case "settings":
			if err := json.Unmarshal(f.Data, &settings); err != nil {
				t.Fatal(err)
			}
		default:
			files.MapFS[f.Name] = &fstest.MapFile{Data: bytes.TrimSuffix(f.Data, []byte("\n"))}
		}
		kept.Files = append(kept.Files, f)
	}
	got := show(Render(open(files, settings, 1<<20), "app"))
	if *update {
		kept.Files = append(kept.Files, txtar.File{Name: "want", Data: []byte(got)})
		if err := os.WriteFile(name, txtar.Format(kept), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func open(files tree, settings model.CUE, limit int64) *input.Inputs {
	return input.Open(context.Background(), model.RenderInput{Render: model.Render{CUE: settings}, Tree: files}, limit)
}

func show(objects []model.Object, err error) string {
	if err != nil {
		kind := "another kind"
		if errors.Is(err, model.ErrInvalid) {
			kind = "invalid"
		}
		return fmt.Sprintf("%s: %v\n", kind, err)
	}
	var out strings.Builder
	for _, o := range objects {
		fmt.Fprintf(&out, "%s %s %s\n", o.Origin, o.ObjectKey, o.JSON)
	}
	return out.String()
}

// TestReads: what was read is noted, and nothing outside of the module.
func TestReads(t *testing.T) {
	files := tree{MapFS: fstest.MapFS{
		"cue.mod/module.cue": {Data: []byte("module: \"example.com/m\"\nlanguage: version: \"v0.9.0\"")},
		"app/main.cue":       {Data: []byte("package app\nimport \"example.com/m/lib\"\nx: lib.x")},
		"lib/lib.cue":        {Data: []byte("package lib\nx: {apiVersion: \"v1\", kind: \"ConfigMap\", metadata: name: \"c\"}")},
		"other/other.cue":    {Data: []byte("package other")},
	}}
	in := open(files, model.CUE{}, 1<<20)
	if objects, err := Render(in, "app"); err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	reads, lasting := in.Noted()
	text := fmt.Sprint(reads)
	for _, name := range []string{"cue.mod/module.cue", "app/main.cue", "lib/lib.cue"} {
		if !strings.Contains(text, name) {
			t.Errorf("%s is not noted in %s", name, text)
		}
	}
	if !lasting || strings.Contains(text, "other/other.cue") {
		t.Errorf("lasting %t: %s", lasting, text)
	}
}

// TestSource: errors of the source are not the package's.
func TestSource(t *testing.T) {
	files := tree{MapFS: fstest.MapFS{"app/main.cue": {Data: []byte("package app")}}, failing: true}
	if _, err := Render(open(files, model.CUE{}, 1<<20), "app"); !errors.Is(err, model.ErrTransient) {
		t.Error(err)
	}
	files.failing = false
	files.MapFS["app/big.cue"] = &fstest.MapFile{Data: []byte("package app\n//" + strings.Repeat("x", 2000))}
	if _, err := Render(open(files, model.CUE{}, 1000), "app"); !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "limit") {
		t.Error(err)
	}
}

// TestNoNetworkNoHost: the environment names a registry and a cache, and neither
// is asked.
func TestNoNetworkNoHost(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer s.Close()
	t.Setenv("CUE_REGISTRY", strings.TrimPrefix(s.URL, "http://")+"+insecure")
	t.Setenv("CUE_CACHE_DIR", t.TempDir())
	files := tree{MapFS: fstest.MapFS{
		"cue.mod/module.cue": {Data: []byte("module: \"example.com/m\"\nlanguage: version: \"v0.9.0\"\ndeps: \"example.com/x@v0\": v: \"v0.1.0\"")},
		"app/main.cue":       {Data: []byte("package app\nimport \"example.com/x\"\ny: x.y")},
	}}
	_, err := Render(open(files, model.CUE{}, 1<<20), "app")
	if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "no registry is asked") || asked != 0 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// TestMany stops at a limit.
func TestMany(t *testing.T) {
	files := tree{MapFS: fstest.MapFS{"app/main.cue": {Data: []byte(
		"package app\nimport \"list\"\n[for i in list.Range(0, 100, 1) {apiVersion: \"v1\", kind: \"ConfigMap\", metadata: name: \"c\\(i)\"}]")}}}
	in := open(files, model.CUE{}, 1<<20)
	in.MaxObjects = 10
	objects, err := Render(in, "app")
	if err != nil || len(objects) != 11 {
		t.Errorf("%d objects, %v", len(objects), err)
	}
}
