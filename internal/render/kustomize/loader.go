package kustomize

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/kustomize/api/ifc"
)

// maxPathLength is how long a path may become through symbolic links that lead
// back.
const maxPathLength = 1000

// loader reads what the kustomization in a directory names. Nothing leaves the
// tree that the directory is in: the app's source, or that of a remote base.
type loader struct {
	b     *build
	files *input.Files
	dir   string
	// up is the loader of the kustomization that uses this one.
	up *loader
	// repo is the URL of a remote base's repository.
	repo string
	// free: files may lie anywhere in the tree, and not only below dir.
	free bool
	// as are the names under which files are decrypted, by the paths that name
	// them; others keep theirs.
	as map[string]string
}

var _ ifc.Loader = (*loader)(nil)

// fault is an error of ours, which may come back from the library with other
// text around it.
type fault struct{ error }

func (f fault) Unwrap() error { return f.error }

func faultf(format string, args ...any) error {
	return fault{model.Invalidf(format, args...)}
}

// Repo is the URL of a remote base's repository.
func (l *loader) Repo() string { return l.repo }

// Root is the directory, for messages.
func (l *loader) Root() string { return l.files.Place(l.dir) }

// Cleanup does nothing.
func (l *loader) Cleanup() error { return nil }

// New is the loader of a directory or a repository.
func (l *loader) New(p string) (ifc.Loader, error) { return l.base(p) }

// Load reads a file, or downloads it.
func (l *loader) Load(p string) ([]byte, error) {
	if isFileURL(p) {
		return l.b.download(p)
	}
	name, err := l.file(p)
	if err != nil {
		return nil, err
	}
	data, err := l.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, faultf("%q does not exist in the source", p)
	}
	if err != nil || l.b.opt.Decrypt == nil {
		return data, err
	}
	as := l.as[p]
	if as == "" {
		as = name
	}
	if data, err = l.b.opt.Decrypt(as, data); err != nil {
		return nil, fault{err}
	}
	return data, nil
}

// read is the content of a file, if it becomes no more than it is.
func (l *loader) read(name string) ([]byte, error) {
	data, err := l.files.Read(name)
	if err != nil {
		return nil, err
	}
	if err := manifest.Guard(data); err != nil {
		return nil, faultf("%s, %w", l.files.Place(name), err)
	}
	return data, nil
}

// name is the name in the tree of a path.
func (l *loader) name(p string) (string, error) {
	if p == "" || strings.ContainsRune(p, 0) || strings.Contains(p, `\`) {
		return "", faultf("%q is no path", p)
	}
	if path.IsAbs(p) {
		return "", faultf("%q is absolute; write it relative to the kustomization", p)
	}
	name := path.Join(l.dir, p)
	if name == ".." || strings.HasPrefix(name, "../") {
		return "", faultf("%q leads out of the source", p)
	}
	if len(name) > maxPathLength {
		return "", l.b.in.Fail(model.Invalidf("a path has more than %d characters: %.100s…; does a symbolic link lead back?", maxPathLength, l.files.Place(name)))
	}
	return name, nil
}

// file is the name of a file, where files may lie.
func (l *loader) file(p string) (string, error) {
	name, err := l.name(p)
	if err != nil {
		return "", err
	}
	if !l.free && !input.Within(name, l.dir) {
		return "", faultf("file %q is not in or below %q, the directory of the kustomization that names it; "+
			"move it there, or make a base of its directory", p, l.Root())
	}
	switch k, err := l.files.Kind(name); {
	case err != nil:
		return "", err
	case k == input.Dir:
		return "", faultf("%q is a directory, and has to be a file", p)
	case k == input.Bad:
		return "", faultf("%q is a symbolic link that leads out of the source", p)
	case k != input.File:
		return "", faultf("%q does not exist in the source", p)
	}
	return name, nil
}

// base is the loader of a directory with a kustomization of its own, here or
// in another repository.
func (l *loader) base(p string) (*loader, error) {
	if at, ok := remoteBase(p); ok {
		return l.remote(at)
	}
	name, err := l.name(p)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(strings.Split(p, "/"), func(part string) bool {
		return part != ".." && strings.Contains(part, "..")
	}) {
		return nil, faultf("%q has a name with two dots in it; is the indentation of the kustomization right?", p)
	}
	switch k, err := l.files.Kind(name); {
	case err != nil:
		return nil, err
	case k == input.Bad:
		return nil, faultf("%q is a symbolic link that leads out of the source", p)
	case k == input.Module:
		return nil, faultf("%q is a submodule that is not read", p)
	case k == input.File:
		return nil, faultf("%q is a file, and has to be a directory with a kustomization", p)
	case k != input.Dir:
		return nil, faultf("%q does not exist in the source", p)
	}
	return l.enter(&loader{b: l.b, files: l.files, dir: name, up: l, free: l.free, repo: l.repo})
}

// enter refuses a directory that is on the way to itself.
func (l *loader) enter(next *loader) (*loader, error) {
	for at := l; at != nil; at = at.up {
		if at.files == next.files && input.Within(at.dir, next.dir) {
			return nil, faultf("%q uses %q, which contains it: they refer to each other without end", l.Root(), next.Root())
		}
	}
	return next, next.files.Prefetch(next.dir)
}
