package input

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// prefetcher is a tree that reads many files faster if it is told first.
type prefetcher interface {
	// Prefetch makes the files below the directory cheap to read. A directory
	// that does not exist is fs.ErrNotExist.
	Prefetch(dir string) error
}

// Files reads a tree for one render: it notes what was asked, keeps the
// limits, and ends with the render's time.
type Files struct {
	*state
	tree model.Tree
	// place is what stands before names in messages, for trees but the app's own.
	place string
	reads map[string]Read
	// fetched are the directories that were prefetched.
	fetched []string
}

// state is what all trees of a render have in common.
type state struct {
	ctx context.Context
	// left is how many bytes may still be read.
	left, max int64
	// broken is the first error that is not about a file's absence. All reads
	// after it fail, which ends a render that does not look at errors.
	broken error
}

func (s *state) files(tree model.Tree, place string) *Files {
	return &Files{state: s, tree: tree, place: place, reads: map[string]Read{}}
}

// note keeps the first answer; the tree never changes.
func (r *Files) note(what question, name, answer, hash string) {
	if _, known := r.reads[key(what, name)]; !known {
		r.reads[key(what, name)] = Read{name: name, what: what, answer: answer, hash: hash}
	}
}

func key(what question, name string) string { return string(rune('0'+what)) + name }

// WereRead are the names of the files whose content was asked for, sorted.
func (r *Files) WereRead() []string {
	var names []string
	for _, it := range r.reads {
		if it.what == askContent {
			names = append(names, it.name)
		}
	}
	slices.Sort(names)
	return names
}

// noted are all reads; ok is false if one can't be compared later.
func (r *Files) noted() (reads []Read, ok bool) {
	for _, it := range r.reads {
		if it.answer == "" {
			return nil, false
		}
		if it.what == askKind && it.answer == File.String() && r.hasContent(it.name) {
			continue
		}
		reads = append(reads, it)
	}
	return reads, true
}

// hasContent reports whether the content of name was asked for, which tells
// that it is a file, too.
func (r *Files) hasContent(name string) bool {
	_, asked := r.reads[key(askContent, name)]
	return asked
}

// Fail makes err the render's, unless there is one already.
func (s *state) Fail(err error) error {
	if s.broken == nil {
		s.broken = err
	}
	return s.broken
}

// Check fails when the render is over.
func (s *state) Check() error {
	if s.broken != nil {
		return s.broken
	}
	if s.ctx.Err() != nil {
		return s.Fail(context.Cause(s.ctx))
	}
	return nil
}

// Broken is the first error that ended the render; nil if there is none.
func (s *state) Broken() error { return s.broken }

// Heal forgets Broken, for a second try.
func (s *state) Heal() { s.broken = nil }

// Tree is what is read. Reading it directly is not noted.
func (r *Files) Tree() model.Tree { return r.tree }

// Kind tells what name is. A symbolic link that leads out of the tree is Bad.
func (r *Files) Kind(name string) (Kind, error) {
	if err := r.Check(); err != nil {
		return None, err
	}
	k, err := KindOf(r.tree, name)
	if err != nil {
		return None, r.Fail(r.unreadable(name, err))
	}
	r.note(askKind, name, k.String(), "")
	return k, nil
}

// List returns the entries of a directory, by name.
func (r *Files) List(dir string) ([]fs.DirEntry, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	entries, err := r.tree.ReadDir(dir)
	if err != nil {
		return nil, r.Fail(r.unreadable(dir, err))
	}
	r.note(askEntries, dir, listing(entries), ContentOf(r.tree, dir))
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Read reads a file, if it is not too big. One that does not exist is
// fs.ErrNotExist and breaks nothing.
func (r *Files) Read(name string) ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	r.note(askContent, name, ContentOf(r.tree, name), "")
	info, err := r.tree.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, r.Fail(r.unreadable(name, err))
	}
	if err := r.spend(r.place+name, info.Size()); err != nil {
		return nil, err
	}
	data, err := r.tree.ReadFile(name)
	if err != nil {
		return nil, r.Fail(r.unreadable(name, err))
	}
	return data, nil
}

func (s *state) spend(name string, size int64) error {
	if size > s.max {
		return s.Fail(model.Invalidf("%s: %d bytes are more than the limit of %d for all files of an app; "+
			"take it out of the path or exclude it", name, size, s.max))
	}
	if s.left -= size; s.left < 0 {
		return s.Fail(model.Invalidf("%s: the files read up to here have more than the limit of %d bytes; "+
			"split the app or exclude files", name, s.max))
	}
	return nil
}

// Left is how many bytes may still be read.
func (s *state) Left() int64 { return s.left }

// Refund takes size bytes back that will be read again.
func (s *state) Refund(size int64) { s.left += size }

// Place is a name for messages, with the tree that it is in.
func (r *Files) Place(name string) string { return r.place + name }

// Prefetch tells the tree that files below dir will be read.
func (r *Files) Prefetch(dir string) error {
	p, ok := r.tree.(prefetcher)
	if !ok || slices.ContainsFunc(r.fetched, func(done string) bool { return Within(dir, done) }) {
		return nil
	}
	r.fetched = append(r.fetched, dir)
	if err := p.Prefetch(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r.Fail(r.unreadable(dir, err))
	}
	return nil
}

// unreadable says that a name can't be read, for the kind of the cause.
func (r *Files) unreadable(name string, err error) error {
	name = r.place + name
	if errors.Is(err, fs.ErrInvalid) {
		return model.Invalidf("%s: a symbolic link leads out of the source; replace it by a copy of the file", name)
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) && r.place+path.Clean(pathError.Path) == name {
		err = pathError.Err
	}
	err = fmt.Errorf("reading %s from the source: %w", name, err)
	if errors.Is(err, model.ErrInvalid) || errors.Is(err, model.ErrDenied) || errors.Is(err, model.ErrTransient) {
		return err
	}
	return model.As(model.ErrTransient, err)
}
