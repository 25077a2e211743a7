package archive

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/opened"
)

// Tree is the content of an artifact. It may be read by several goroutines, also
// after its file was removed from its Room.
type Tree struct {
	root    *node
	content io.ReaderAt // holds the file open until the Tree is garbage
	damaged atomic.Bool
	onHarm  atomic.Pointer[func()]
}

var _ model.Tree = (*Tree)(nil)

// node is a file or a folder.
type node struct {
	name       string
	size, at   int64
	sum        [sha256.Size]byte
	executable bool
	dir        bool
	kids       []*node // by name
}

// ID is the hash of the whole tree, and the name of its file.
func (t *Tree) ID() string { return hex.EncodeToString(t.root.sum[:]) }

// Size is the size of all files.
func (t *Tree) Size() int64 {
	var n int64
	_ = t.each(func(_ string, f *node) error {
		n += f.size
		return nil
	})
	return n
}

// Damaged reports whether a content was read that is not the one that was
// stored.
func (t *Tree) Damaged() bool { return t.damaged.Load() }

// OnDamage calls f when Damaged becomes true.
func (t *Tree) OnDamage(f func()) { t.onHarm.Store(&f) }

// Hash is the SHA-256 of a file's content with its mode, or that of a folder's
// entries, recursively.
func (t *Tree) Hash(name string) (string, error) {
	n, err := t.find("hash", name)
	if err != nil {
		return "", err
	}
	return n.hash(), nil
}

func (n *node) hash() string {
	if n.dir {
		return hex.EncodeToString(n.sum[:])
	}
	return n.gitMode() + ":" + hex.EncodeToString(n.sum[:])
}

// gitMode is how Git writes the mode.
func (n *node) gitMode() string {
	switch {
	case n.dir:
		return "40000"
	case n.executable:
		return "100755"
	}
	return "100644"
}

// seal sorts the entries and computes the hashes, from the leaves up.
func (n *node) seal() {
	if !n.dir {
		return
	}
	slices.SortFunc(n.kids, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	h := sha256.New()
	for _, kid := range n.kids {
		kid.seal()
		fmt.Fprintf(h, "%s %s\x00%x\n", kid.gitMode(), kid.name, kid.sum)
	}
	h.Sum(n.sum[:0])
}

func (n *node) kid(name string) *node {
	i, ok := slices.BinarySearchFunc(n.kids, name, func(k *node, name string) int { return cmp.Compare(k.name, name) })
	if !ok {
		return nil
	}
	return n.kids[i]
}

func (t *Tree) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := t.root
	if name == "." {
		return n, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if n = n.kid(part); n == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return n, nil
}

// each visits all files, folder by folder in the order of their names.
func (t *Tree) each(visit func(name string, f *node) error) error {
	var walk func(dir string, n *node) error
	walk = func(dir string, n *node) error {
		for _, kid := range n.kids {
			name := path.Join(dir, kid.name)
			var err error
			if kid.dir {
				err = walk(name, kid)
			} else {
				err = visit(name, kid)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return walk("", t.root)
}

// ReadFile reads a whole file and checks it.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	data := make([]byte, n.size)
	// What could not be read has another digest.
	_, _ = t.content.ReadAt(data, n.at)
	if sha256.Sum256(data) != n.sum {
		t.harm()
		return nil, &fs.PathError{Op: "read", Path: name, Err: model.As(model.ErrTransient,
			errors.New("its copy on disk is damaged; it is fetched again"))}
	}
	return data, nil
}

func (t *Tree) harm() {
	if f := t.onHarm.Load(); !t.damaged.Swap(true) && f != nil {
		(*f)()
	}
}

// ReadDir lists a folder by name.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	out := make([]fs.DirEntry, len(n.kids))
	for i, kid := range n.kids {
		out[i] = fs.FileInfoToDirEntry(info{node: kid, name: kid.name})
	}
	return out, nil
}

// Stat describes a file or a folder.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{node: n, name: path.Base(name)}, nil
}

// Open opens a file, whose content is in memory then, or a folder.
func (t *Tree) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	about := info{node: n, name: path.Base(name)}
	if n.dir {
		entries, err := t.ReadDir(name)
		return opened.Dir(about, name, entries), err
	}
	data, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return opened.File(about, data), nil
}
