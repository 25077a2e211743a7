package cue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"time"

	"cuelang.org/go/mod/modconfig"
	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"

	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
)

// files shows the source to the loader, which reads from several goroutines.
// Links are shown as what they lead to.
type files struct {
	mu   sync.Mutex
	tree *input.Files
	// module is the path of the module that is rendered, and root its directory;
	// "" if there is none.
	module, root string
}

var _ interface {
	fs.ReadDirFS
	fs.ReadFileFS
	fs.StatFS
} = (*files)(nil)

// newFiles shows the source to a load of a package in dir.
func newFiles(tree *input.Files, dir string) (*files, error) {
	f := &files{tree: tree}
	return f, f.enter(dir)
}

// kind is what a name stands for; an error if that is nothing.
func (f *files) kind(op, name string) (input.Kind, error) {
	k, err := f.kindOf(name)
	switch {
	case err != nil:
		return k, err
	case k == input.Bad:
		return k, &fs.PathError{Op: op, Path: name, Err: errors.New("a symbolic link that leads out of the source")}
	case k == input.None || k == input.Module:
		return k, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return k, nil
}

func (f *files) kindOf(name string) (input.Kind, error) {
	if below, ok := f.inAll(name); ok {
		return f.kindInAll(name, below)
	}
	return f.tree.Kind(name)
}

// Stat implements fs.StatFS.
func (f *files) Stat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.kind("stat", name)
	if err != nil {
		return nil, err
	}
	return info{name: path.Base(name), dir: k == input.Dir}, nil
}

// ReadDir implements fs.ReadDirFS.
func (f *files) ReadDir(name string) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.kind("readdir", name)
	if err != nil {
		return nil, err
	}
	if k != input.Dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("no directory")}
	}
	if below, ok := f.inAll(name); ok {
		return f.entriesInAll(below)
	}
	return f.entries(name)
}

// entries are those of a directory, links shown as what they lead to.
func (f *files) entries(name string) (out []fs.DirEntry, err error) {
	entries, err := f.tree.List(name)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		i := info{name: e.Name(), dir: e.IsDir()}
		if e.Type()&fs.ModeSymlink != 0 {
			k, err := f.kind("stat", path.Join(name, e.Name()))
			if err != nil {
				continue
			}
			i.dir = k == input.Dir
		}
		out = append(out, fs.FileInfoToDirEntry(i))
	}
	return out, nil
}

// ReadFile implements fs.ReadFileFS.
func (f *files) ReadFile(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.kind("open", name)
	if err != nil {
		return nil, err
	}
	if k != input.File {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("a directory")}
	}
	data, err := f.tree.Read(f.real(name))
	if err != nil {
		return nil, err
	}
	if ext := path.Ext(name); ext == ".yaml" || ext == ".yml" {
		if err := manifest.Guard(data); err != nil {
			return nil, fmt.Errorf("%s, %w", name, err)
		}
	}
	return data, nil
}

// Open implements fs.FS.
func (f *files) Open(name string) (fs.File, error) {
	i, err := f.Stat(name)
	if err != nil {
		return nil, err
	}
	if i.IsDir() {
		return &opened{info: i, Reader: bytes.NewReader(nil)}, nil
	}
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &opened{info: info{name: i.Name(), size: int64(len(data))}, Reader: bytes.NewReader(data)}, nil
}

// opened is an open file.
type opened struct {
	info fs.FileInfo
	*bytes.Reader
}

func (o *opened) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *opened) Close() error               { return nil }

// info describes a file or directory.
type info struct {
	name string
	dir  bool
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) IsDir() bool        { return i.dir }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// none is a registry that has nothing.
type none struct{}

var _ modconfig.Registry = none{}

func absent(what string) error {
	return fmt.Errorf("%s is not in the source, and no registry is asked: vendor it below cue.mod/pkg, "+
		"or replace it by a directory of the source", what)
}

// ModFile implements modconfig.Registry.
func (none) ModFile(_ context.Context, m module.Version) (*modfile.File, error) {
	return nil, absent("module " + m.String())
}

// Fetch implements modconfig.Registry.
func (none) Fetch(_ context.Context, m module.Version) (module.SourceLoc, error) {
	return module.SourceLoc{}, absent("module " + m.String())
}

// ModuleVersions implements modconfig.Registry.
func (none) ModuleVersions(_ context.Context, name string) ([]string, error) {
	return nil, absent("module " + name)
}
