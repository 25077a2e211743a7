package source

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/source/lfs"
	"github.com/fixpoint-cd/fixpoint/internal/source/opened"
)

// ReadFile reads a whole file, up to the store's MaxFile.
func (t *tree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name, true)
	if err != nil {
		return nil, err
	}
	if !n.isFile() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	limit := t.top.access.store.cfg.MaxFile
	data, err := t.blob(n, limit)
	if p, ok := t.pointer(data); ok && err == nil {
		if data, err = t.large(n.in, p, limit); err != nil {
			err = fmt.Errorf("its content, which is in LFS: %w", err)
		}
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, nil
}

// pointer reads an LFS pointer where that counts.
func (t *tree) pointer(data []byte) (lfs.Pointer, bool) {
	if !t.flags.lfs {
		return lfs.Pointer{}, false
	}
	return lfs.Parse(data)
}

// ReadDir lists a folder by name. Links are listed as such.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if n.isFile() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	if n, err = t.inside(n); err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	entries, err := t.entries(n)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	out := make([]fs.DirEntry, len(entries))
	for i, e := range entries {
		out[i] = fs.FileInfoToDirEntry(&info{tree: t, node: n.child(e), name: e.name})
	}
	return out, nil
}

// Stat describes a file or folder; links are followed.
func (t *tree) Stat(name string) (fs.FileInfo, error) { return t.stat("stat", name, true) }

// Lstat is Stat of a link itself.
func (t *tree) Lstat(name string) (fs.FileInfo, error) { return t.stat("lstat", name, false) }

func (t *tree) stat(op, name string, follow bool) (fs.FileInfo, error) {
	n, err := t.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	return &info{tree: t, node: n, name: name[strings.LastIndexByte(name, '/')+1:]}, nil
}

// ReadLink is where a link points to.
func (t *tree) ReadLink(name string) (string, error) {
	n, err := t.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if !n.isLink() {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	to, err := t.linkText(n)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return to, nil
}

// Open opens a file, whose content is in memory then, or a folder.
func (t *tree) Open(name string) (fs.File, error) {
	n, err := t.find("open", name, true)
	if err != nil {
		return nil, err
	}
	st := &info{tree: t, node: n, name: name[strings.LastIndexByte(name, '/')+1:]}
	if !n.isFile() {
		entries, err := t.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return opened.Dir(st, name, entries), nil
	}
	data, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return opened.File(st, data), nil
}

// info describes an entry. The size of a file is looked up when it is asked for;
// it is -1 if the content cannot be had.
type info struct {
	tree *tree
	node node
	name string
}

func (i *info) Name() string       { return i.name }
func (i *info) ModTime() time.Time { return time.Time{} }
func (i *info) IsDir() bool        { return i.Mode().IsDir() }
func (i *info) Sys() any           { return nil }

func (i *info) Mode() fs.FileMode {
	if i.node.isRepo() && i.tree.flags.submodules {
		return fs.ModeDir | 0o555
	}
	return i.node.fileMode()
}

func (i *info) Size() int64 {
	if i.IsDir() {
		return 0
	}
	n, ok := i.stored()
	if !ok {
		if i.tree.fetch(i.node, []oid{i.node.id}) != nil {
			return -1
		}
		n, _ = i.stored()
	}
	if i.tree.flags.lfs && i.node.isFile() && n <= lfs.MaxPointer {
		data, err := i.tree.blob(i.node, lfs.MaxPointer)
		if p, ok := lfs.Parse(data); ok && err == nil {
			return p.Size
		}
	}
	return n
}

// stored is the size of what the repository has; false if it is not here.
func (i *info) stored() (int64, bool) {
	size, err := i.node.in.access.mirror.reader.size(i.node.id)
	if err != nil {
		return -1, false
	}
	return size, true
}
