package jsonnet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// TestFile runs the cases of testdata: the settings as JSON in a file named
// settings, main.jsonnet and other files; the objects, or the error.
func TestFile(t *testing.T) {
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
	var settings model.Jsonnet
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
	got := show(File(open(files, 1<<20), "app/main.jsonnet", settings))
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

func open(files tree, limit int64) *input.Inputs {
	return input.Open(context.Background(), model.RenderInput{Tree: files}, limit)
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

// TestReads: what was imported is noted, and what was looked for in vain.
func TestReads(t *testing.T) {
	files := tree{MapFS: fstest.MapFS{
		"app/main.jsonnet": {Data: []byte(`import "lib.libsonnet"`)},
		"b/lib.libsonnet":  {Data: []byte(`[]`)},
	}}
	in := open(files, 1<<20)
	if _, err := File(in, "app/main.jsonnet", model.Jsonnet{Libs: []string{"b", "a"}}); err != nil {
		t.Fatal(err)
	}
	reads, lasting := in.Noted()
	if !lasting || len(reads) != 4 {
		t.Errorf("%d reads, lasting %t: %v", len(reads), lasting, reads)
	}
}

// TestSource: errors of the source are not the file's.
func TestSource(t *testing.T) {
	files := tree{MapFS: fstest.MapFS{"app/main.jsonnet": {Data: []byte(`[]`)}}, failing: true}
	if _, err := File(open(files, 1<<20), "app/main.jsonnet", model.Jsonnet{}); !errors.Is(err, model.ErrTransient) {
		t.Error(err)
	}
	big := tree{MapFS: fstest.MapFS{
		"app/main.jsonnet": {Data: []byte(`[importstr "big", importstr "big"]`)},
		"app/big":          {Data: slices.Repeat([]byte("x"), 2000)},
	}}
	if _, err := File(open(big, 1000), "app/main.jsonnet", model.Jsonnet{}); !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "limit") {
		t.Error(err)
	}
}
