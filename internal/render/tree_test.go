package render

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing/fstest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// memTree is a tree in memory, with content hashes. A file of mode ModeSymlink
// with the text "!" leads out of the tree; other links are followed once.
type memTree struct {
	files fstest.MapFS
	// fail, if set, is the error of every read of a file.
	fail  error
	read  atomic.Int64
	block chan struct{}

	mu sync.Mutex
	// prefetched are the directories that were announced.
	prefetched []string
}

var _ model.Tree = (*memTree)(nil)

func newTree(files map[string]string) *memTree {
	t := &memTree{files: fstest.MapFS{}}
	for name, text := range files {
		t.files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return t
}

// with is the tree with more, or other, files.
func (t *memTree) with(files map[string]string) *memTree {
	out := newTree(files)
	for name, f := range t.files {
		if out.files[name] == nil {
			out.files[name] = f
		}
	}
	return out
}

func (t *memTree) link(name, to string) *memTree {
	t.files[name] = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink}
	return t
}

// follow resolves links in every part of the name.
func (t *memTree) follow(op, name string) (string, error) {
	parts := strings.Split(name, "/")
	at := "."
	for links := 0; len(parts) > 0; {
		at, parts = path.Join(at, parts[0]), parts[1:]
		f := t.files[at]
		if f == nil || f.Mode&fs.ModeSymlink == 0 {
			continue
		}
		if string(f.Data) == "!" {
			return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
		}
		if links++; links > 255 {
			return "", &fs.PathError{Op: op, Path: name, Err: errors.New("too many links")}
		}
		target := path.Join(path.Dir(at), strings.TrimSpace(string(f.Data)))
		at, parts = ".", append(strings.Split(target, "/"), parts...)
	}
	return at, nil
}

func (t *memTree) Open(name string) (fs.File, error) {
	name, err := t.follow("open", name)
	if err != nil {
		return nil, err
	}
	return t.files.Open(name)
}

func (t *memTree) ReadFile(name string) ([]byte, error) {
	t.read.Add(1)
	if t.block != nil {
		<-t.block
	}
	if t.fail != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: t.fail}
	}
	name, err := t.follow("read", name)
	if err != nil {
		return nil, err
	}
	return t.files.ReadFile(name)
}

func (t *memTree) ReadDir(name string) ([]fs.DirEntry, error) {
	name, err := t.follow("readdir", name)
	if err != nil {
		return nil, err
	}
	return t.files.ReadDir(name)
}

func (t *memTree) Stat(name string) (fs.FileInfo, error) {
	name, err := t.follow("stat", name)
	if err != nil {
		return nil, err
	}
	return t.files.Stat(name)
}

func (t *memTree) Hash(name string) (string, error) {
	name, err := t.follow("hash", name)
	if err != nil {
		return "", err
	}
	info, err := t.files.Stat(name)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	if !info.IsDir() {
		h.Write(t.files[name].Data)
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	for _, at := range slices.Sorted(maps.Keys(t.files)) {
		if name == "." || strings.HasPrefix(at, name+"/") {
			fmt.Fprintf(h, "%q %s %q\n", at, t.files[at].Mode, t.files[at].Data)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (t *memTree) Prefetch(dir string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.prefetched = append(t.prefetched, dir)
	return nil
}

// inputOf is what is rendered of a tree alone.
func inputOf(tree model.Tree, spec model.Render) model.RenderInput {
	return model.RenderInput{Render: spec, Tree: tree}
}
