package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/fixpoint-cd/fixpoint"

// file is a Go file of the repository and what it imports.
type file struct {
	// name is relative to the root of the repository, with slashes.
	name    string
	pkg     string
	imports []string
}

func (f file) dir() string  { return path.Dir(f.name) }
func (f file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

// own are the imports that belong to the product, relative to its module.
func (f file) own() []string {
	var dirs []string
	for _, i := range f.imports {
		if dir, ok := strings.CutPrefix(i, module+"/"); ok {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// root is the top folder of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("the repository's root is expected two folders up: %v", err)
	}
	return dir
}

// goFiles are all Go files of the repository, whatever platform or build tag
// they are for. It parses instead of asking the go command, so that the test's
// cached result is dropped when a file changes.
func goFiles(t *testing.T) []file {
	t.Helper()
	top := root(t)
	var files []file
	err := filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); name != top && (strings.HasPrefix(base, ".") || base == "testdata" || base == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		f, err := parse(top, name)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go file found")
	}
	return files
}

func parse(top, name string) (file, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return file{}, err
	}
	rel, err := filepath.Rel(top, name)
	if err != nil {
		return file{}, err
	}
	f := file{name: filepath.ToSlash(rel), pkg: tree.Name.Name}
	for _, spec := range tree.Imports {
		i, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("%s: %w", name, err)
		}
		f.imports = append(f.imports, i)
	}
	return f, nil
}

// within reports whether dir is top or below it.
func within(dir, top string) bool { return dir == top || strings.HasPrefix(dir, top+"/") }

// withinAny reports whether dir is one of the tops or below one.
func withinAny(dir string, tops []string) bool {
	for _, top := range tops {
		if within(dir, top) {
			return true
		}
	}
	return false
}
