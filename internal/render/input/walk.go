package input

import (
	"io/fs"
	"path"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Symbolic links can make a tree endless: maxDirs bounds how many directories
// one walk lists, maxDepth how deep they lie.
const (
	maxDirs  = 20_000
	maxDepth = 64
)

// Walk goes through directories in the order of names. Directories behind
// symbolic links are not entered.
type Walk struct {
	Files *Files
	// Warnf takes warnings.
	Warnf func(format string, args ...any)
	// Recurse goes through subdirectories too.
	Recurse bool
	// Enter, if set, says whether a subdirectory is gone through.
	Enter func(dir string) (bool, error)
	// Visit is called for every file, and every link to one.
	Visit func(name string) error

	dirs int
}

// Dir goes through dir.
func (w *Walk) Dir(dir string) error { return w.dir(dir, 0) }

func (w *Walk) dir(dir string, depth int) error {
	if w.dirs++; w.dirs > maxDirs || depth > maxDepth {
		return model.Invalidf("%s: more than %d directories, or %d inside each other; "+
			"name a smaller path", dir, maxDirs, maxDepth)
	}
	entries, err := w.Files.List(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.entry(path.Join(dir, e.Name()), e.Type(), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *Walk) entry(name string, mode fs.FileMode, depth int) error {
	switch {
	case mode.IsRegular():
		return w.Visit(name)
	case mode&fs.ModeSymlink != 0:
		if k, err := w.Files.Kind(name); err != nil || k == Dir {
			return err
		}
		return w.Visit(name)
	case !mode.IsDir() || !w.Recurse:
		return nil
	case IsSubmodule(mode):
		w.Warnf("%s: a submodule: skipped", name)
		return nil
	}
	if w.Enter != nil {
		if in, err := w.Enter(name); err != nil || !in {
			return err
		}
	}
	return w.dir(name, depth+1)
}
