package worker

import (
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// tree is a tree of the process that asked for the render.
type tree struct {
	client *client
	number int
	// stats, lists and files are what is known of names, from answers and from
	// what was given in advance.
	stats map[string]known[entry]
	lists map[string]known[listing]
	files map[string]known[content]
}

// known is an answer. What was given in advance has to be told of when it is
// used; that the process knows of the others is certain, as it answered.
type known[T any] struct {
	value T
	err   error
	told  bool
}

type listing struct {
	entries []entry
	hash    string
}

type content struct {
	entry entry
	hash  string
	data  []byte
}

var _ model.Tree = (*tree)(nil)

func newTree(c *client, number int) *tree {
	return &tree{
		client: c, number: number, stats: map[string]known[entry]{},
		lists: map[string]known[listing]{}, files: map[string]known[content]{},
	}
}

// lookup is what is known of a name, else the answer to a question.
func lookup[T any](t *tree, memory map[string]known[T], about subject, name string, read func(answer) T) (T, error) {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	q := question{About: about, Tree: t.number, Name: name}
	k, ok := memory[name]
	if ok && k.told {
		return k.value, k.err
	}
	if ok {
		t.client.tell(q)
	} else {
		a := t.client.ask(q)
		k = known[T]{value: read(a), err: a.Err.error()}
	}
	k.told = true
	memory[name] = k
	return k.value, k.err
}

func (t *tree) stat(name string) (entry, error) {
	t.infer(name)
	return lookup(t, t.stats, askStat, name, func(a answer) entry { return a.Entry })
}

// infer finds that a name is missing from a directory that was given in
// advance.
func (t *tree) infer(name string) {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	dir, complete := t.lists[path.Dir(name)]
	if _, known := t.stats[name]; known || !complete || dir.err != nil || !fs.ValidPath(name) || name == "." {
		return
	}
	for _, e := range dir.value.entries {
		if e.Name == path.Base(name) {
			return
		}
	}
	t.stats[name] = known[entry]{err: &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}}
}

func (t *tree) list(name string) (listing, error) {
	return lookup(t, t.lists, askList, name, func(a answer) listing { return listing{a.Entries, a.Hash} })
}

func (t *tree) content(name string) (content, error) {
	return lookup(t, t.files, askRead, name, func(a answer) content { return content{a.Entry, a.Hash, a.Data} })
}

// Prefetch gets what is in and below a directory in one answer, as far as it
// is small.
func (t *tree) Prefetch(dir string) error {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	a := t.client.ask(question{About: askPrefetch, Tree: t.number, Name: dir})
	for _, it := range a.Ahead {
		remember(t.stats, it.Name, it.Entry)
		if it.Entry.Mode.IsDir() {
			remember(t.lists, it.Name, listing{it.Entries, it.Hash})
		} else {
			remember(t.files, it.Name, content{it.Entry, it.Hash, it.Data})
		}
	}
	return a.Err.error()
}

func remember[T any](memory map[string]known[T], name string, value T) {
	if _, ok := memory[name]; !ok {
		memory[name] = known[T]{value: value}
	}
}

// Stat tells what name is.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	if k, ok := t.peek(name); ok {
		return info{k.entry}, nil
	}
	e, err := t.stat(name)
	if err != nil {
		return nil, err
	}
	return info{e}, nil
}

// peek is a file that was read already, of which all is known.
func (t *tree) peek(name string) (content, bool) {
	t.client.mu.Lock()
	defer t.client.mu.Unlock()
	k, ok := t.files[name]
	return k.value, ok && k.told && k.err == nil
}

// ReadDir lists a directory.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	l, err := t.list(name)
	if err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, len(l.entries))
	for i, e := range l.entries {
		entries[i] = dirEntry{info{e}, t, path.Join(name, e.Name)}
	}
	return entries, nil
}

// ReadFile reads a file.
func (t *tree) ReadFile(name string) ([]byte, error) {
	c, err := t.content(name)
	return c.data, err
}

// Hash is the hash of a file, or of a directory that was listed.
func (t *tree) Hash(name string) (string, error) {
	t.client.mu.Lock()
	dir, listed := t.lists[name]
	t.client.mu.Unlock()
	if listed && dir.told && dir.err == nil {
		return dir.value.hash, nil
	}
	c, err := t.content(name)
	return c.hash, err
}

// Open opens a file.
func (t *tree) Open(name string) (fs.File, error) {
	e, err := t.Stat(name)
	if err != nil {
		return nil, err
	}
	if e.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is a directory: list it instead")}
	}
	data, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return newFile(e, data), nil
}

// info is what is told of a file or directory.
type info struct{ entry }

func (i info) Name() string       { return i.entry.Name }
func (i info) Size() int64        { return i.entry.Size }
func (i info) Mode() fs.FileMode  { return i.entry.Mode }
func (i info) IsDir() bool        { return i.entry.Mode.IsDir() }
func (i info) Sys() any           { return nil }
func (i info) ModTime() time.Time { return time.Time{} }

// dirEntry is an entry of a directory. Its size is asked for when it is wanted.
type dirEntry struct {
	info
	tree *tree
	path string
}

func (d dirEntry) Type() fs.FileMode { return d.entry.Mode.Type() }

func (d dirEntry) Info() (fs.FileInfo, error) {
	if !d.Type().IsRegular() {
		return d.info, nil
	}
	return d.tree.Stat(d.path)
}
