package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// mount is where Kustomize sees the root of the tree. It lies below the root of
// Kustomize's world, so that a path that leads out of the tree is noticed.
const mount = "/.source"

// maxKustomizations bounds how many kustomizations one render loads, a base
// counted as often as it is used, and maxPathLength how long a path may become
// through symbolic links that lead back.
const (
	maxKustomizations = 2000
	maxPathLength     = 1000
)

// kustFS shows a tree to Kustomize, read-only, with some files replaced.
type kustFS struct {
	files *input.Files
	// replaced are contents that stand for those of the tree.
	replaced map[string][]byte
	// exclusive: the build may set the schema of the process.
	exclusive bool
	// schema is set when a kustomization wants to do so.
	schema bool
	// empty: there is nothing to build.
	empty  bool
	loaded int
}

var _ filesys.FileSystem = (*kustFS)(nil)

var (
	errReadOnly = errors.New("the source is read-only")
	errOutside  = errors.New("leads out of the source")
)

// name is the name in the tree of a path of Kustomize.
func (k *kustFS) name(p string) (string, error) {
	clean := path.Clean(p)
	if !path.IsAbs(clean) || clean != mount && !strings.HasPrefix(clean, mount+"/") {
		return "", fmt.Errorf("%s: %w", p, errOutside)
	}
	if len(clean) > maxPathLength {
		return "", k.files.Fail(model.Invalidf("a path of the kustomization has more than %d characters: %.100s…; "+
			"does a symbolic link lead back?", maxPathLength, strings.TrimPrefix(clean, mount+"/")))
	}
	return path.Clean(strings.TrimPrefix(strings.TrimPrefix(clean, mount), "/")), nil
}

func (k *kustFS) kind(p string) (string, input.Kind) {
	name, err := k.name(p)
	if err != nil {
		return "", input.None
	}
	if _, ok := k.replaced[name]; ok {
		return name, input.File
	}
	what, err := k.files.Kind(name)
	if err != nil {
		return name, input.None
	}
	return name, what
}

// ReadFile reads a file of the tree, and refuses what Kustomize must not see.
func (k *kustFS) ReadFile(p string) ([]byte, error) {
	name, err := k.name(p)
	if err != nil {
		return nil, err
	}
	data, ok := k.replaced[name]
	if !ok {
		if _, what := k.kind(p); what == input.Dir {
			return nil, fmt.Errorf("'%s' must resolve to a file", p)
		}
		if data, err = k.files.Read(name); err != nil {
			return nil, err
		}
		if err := manifest.Guard(data); err != nil {
			return nil, k.files.Fail(model.Invalidf("%s, %w", name, err))
		}
	}
	if isKustomizationFile(name) {
		if err := k.admit(name, data); err != nil {
			return nil, k.files.Fail(err)
		}
	}
	return data, nil
}

// CleanedAbs takes a path apart into an existing directory and a file in it.
func (k *kustFS) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	name, what := k.kind(p)
	clean := path.Clean(p)
	switch what {
	case input.Dir:
		if name != "." {
			if err := k.files.Prefetch(name); err != nil {
				return "", "", err
			}
		}
		return filesys.ConfirmedDir(clean), "", nil
	case input.File:
		return filesys.ConfirmedDir(path.Dir(clean)), path.Base(clean), nil
	}
	if k.files.Broken() != nil {
		return "", "", k.files.Broken()
	}
	return "", "", &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
}

// IsDir reports whether p is a directory.
func (k *kustFS) IsDir(p string) bool { _, what := k.kind(p); return what == input.Dir }

// Exists reports whether there is anything at p.
func (k *kustFS) Exists(p string) bool {
	_, what := k.kind(p)
	return what == input.Dir || what == input.File
}

// ReadDir lists the names in a directory.
func (k *kustFS) ReadDir(p string) ([]string, error) {
	name, err := k.name(p)
	if err != nil {
		return nil, err
	}
	entries, err := k.files.List(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// What follows is not used by a build.

// Create fails: nothing is written.
func (k *kustFS) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir fails: nothing is written.
func (k *kustFS) Mkdir(string) error { return errReadOnly }

// MkdirAll fails: nothing is written.
func (k *kustFS) MkdirAll(string) error { return errReadOnly }

// RemoveAll fails: nothing is written.
func (k *kustFS) RemoveAll(string) error { return errReadOnly }

// WriteFile fails: nothing is written.
func (k *kustFS) WriteFile(string, []byte) error { return errReadOnly }

// Open fails: files are read whole.
func (k *kustFS) Open(string) (filesys.File, error) { return nil, errReadOnly }

// Glob finds nothing.
func (k *kustFS) Glob(string) ([]string, error) { return nil, nil }

// Walk fails: directories are not gone through.
func (k *kustFS) Walk(string, filepath.WalkFunc) error { return errReadOnly }
