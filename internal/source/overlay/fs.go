package overlay

import (
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/source/opened"
)

// ReadFile reads a whole file.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name, true)
	if err != nil {
		return nil, err
	}
	if n.mode.IsDir() {
		return nil, n.error("read", errors.New("is a directory"))
	}
	data, err := n.tree.ReadFile(n.at)
	return data, wrap(n, "read", err)
}

// ReadDir lists a folder by name. Links are listed as such.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, n.error("readdir", errors.New("not a directory"))
	}
	nodes, err := t.children(n)
	if err != nil {
		return nil, n.error("readdir", err)
	}
	out := make([]fs.DirEntry, len(nodes))
	for i, kid := range nodes {
		out[i] = fs.FileInfoToDirEntry(info{node: kid, name: path.Base(kid.path)})
	}
	return out, nil
}

// Stat describes a file or folder; links are followed.
func (t *Tree) Stat(name string) (fs.FileInfo, error) { return t.stat("stat", name, true) }

// Lstat is Stat of a link itself.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) { return t.stat("lstat", name, false) }

func (t *Tree) stat(op, name string, follow bool) (fs.FileInfo, error) {
	n, err := t.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	return info{node: n, name: path.Base(name)}, nil
}

// ReadLink is where a link points to.
func (t *Tree) ReadLink(name string) (string, error) {
	n, err := t.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if !n.isLink() {
		return "", n.error("readlink", fs.ErrInvalid)
	}
	to, err := n.link()
	return to, wrap(n, "readlink", err)
}

// Prefetch makes the files beneath a folder cheap to read, where the tree that
// they come from can do that.
func (t *Tree) Prefetch(dir string) error {
	n, err := t.find("prefetch", dir, true)
	if err != nil {
		return err
	}
	if p, ok := n.tree.(interface{ Prefetch(string) error }); ok {
		return wrap(n, "prefetch", p.Prefetch(n.at))
	}
	return nil
}

// Open opens a file, whose content is in memory then, or a folder.
func (t *Tree) Open(name string) (fs.File, error) {
	about, err := t.stat("open", name, true)
	if err != nil {
		return nil, err
	}
	if about.IsDir() {
		entries, err := t.ReadDir(name)
		return opened.Dir(about, name, entries), err
	}
	data, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return opened.File(about, data), nil
}

// info describes a node. The size of a file is looked up when it is asked for; it
// is -1 if that fails.
type info struct {
	node node
	name string
}

func (i info) Name() string       { return i.name }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.node.mode.IsDir() }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if about := i.about(); about != nil {
		return about.Mode()
	}
	return i.node.mode
}

func (i info) Size() int64 {
	if i.IsDir() {
		return 0
	}
	if about := i.about(); about != nil {
		return about.Size()
	}
	return -1
}

func (i info) about() fs.FileInfo {
	if i.node.tree == nil {
		return nil
	}
	about, err := lstat(i.node.tree, i.node.at)
	if err != nil {
		return nil
	}
	return about
}
