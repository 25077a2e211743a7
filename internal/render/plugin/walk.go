package plugin

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// What one directory may hold. Links can make a tree endless: only so many may
// lie on the way to a file.
const (
	maxEntries = 50_000
	maxDepth   = 64
	maxLinks   = 3
)

// walk goes through a directory and all below it, links to directories
// included, in the order of names.
type walk struct {
	// list is the content of a directory, kind what a link leads to.
	list func(dir string) ([]fs.DirEntry, error)
	kind func(name string) (input.Kind, error)
	// enter and visit are called with directories and files.
	enter, visit func(name string) error

	entries int
}

func (w *walk) dir(dir string, depth, links int) error {
	entries, err := w.list(dir)
	if err != nil {
		return err
	}
	if w.entries += len(entries); w.entries > maxEntries || depth > maxDepth {
		return model.Invalidf("%s: more than %d files, or %d directories inside each other; name a smaller path",
			dir, maxEntries, maxDepth)
	}
	for _, e := range entries {
		if !isName(e.Name()) {
			return model.Invalidf("%s: there is a file with the name %q, which can't be copied; rename it", dir, e.Name())
		}
		if err := w.entry(path.Join(dir, e.Name()), e.Type(), depth, links); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(name string, mode fs.FileMode, depth, links int) error {
	switch {
	case mode.IsRegular():
		return w.visit(name)
	case mode&fs.ModeSymlink != 0:
		return w.link(name, depth, links)
	case !mode.IsDir():
		return nil
	}
	if err := w.enter(name); err != nil || input.IsSubmodule(mode) {
		return err
	}
	return w.dir(name, depth+1, links)
}

// link makes of a link what it leads to; one that leads nowhere is left out.
func (w *walk) link(name string, depth, links int) error {
	kind, err := w.kind(name)
	switch {
	case err != nil:
		return err
	case kind == input.Bad:
		return model.Invalidf("%s: a symbolic link leads out of the source; replace it by a copy of the file", name)
	case kind == input.File:
		return w.visit(name)
	case kind != input.Dir || links >= maxLinks:
		return nil
	}
	if err := w.enter(name); err != nil {
		return err
	}
	return w.dir(name, depth+1, links+1)
}

// isName reports whether a name from a tree is one of a file in its directory.
func isName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00")
}

// noting is a walk that notes what it sees, for what the render is remembered
// by.
func noting(f *input.Files) *walk {
	return &walk{
		list: f.List, kind: f.Kind,
		enter: func(string) error { return nil },
		visit: func(name string) error {
			if _, err := f.Read(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		},
	}
}

// reading is a walk through a tree.
func reading(t model.Tree, enter, visit func(name string) error) *walk {
	return &walk{
		list: t.ReadDir, kind: func(name string) (input.Kind, error) { return input.KindOf(t, name) },
		enter: enter, visit: visit,
	}
}
