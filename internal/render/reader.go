package render

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

// reader reads a tree for one render: it notes what was asked, keeps the
// limits, and ends with the render's time.
type reader struct {
	ctx  context.Context
	tree model.Tree
	// left is how many bytes may still be read.
	left, max int64
	reads     map[string]read
	// broken is the first error that is not about a file's absence. All reads
	// after it fail, which ends a render that does not look at errors.
	broken error
	// fetched are the directories that were prefetched.
	fetched []string
}

func newReader(ctx context.Context, tree model.Tree, max int64) *reader {
	return &reader{ctx: ctx, tree: tree, left: max, max: max, reads: map[string]read{}}
}

// note keeps the first answer; the tree never changes.
func (r *reader) note(what question, name, answer, hash string) {
	if _, known := r.reads[key(what, name)]; !known {
		r.reads[key(what, name)] = read{name: name, what: what, answer: answer, hash: hash}
	}
}

func key(what question, name string) string { return string(rune('0'+what)) + name }

// noted are all reads; ok is false if one can't be compared later.
func (r *reader) noted() (reads []read, ok bool) {
	for _, it := range r.reads {
		if it.answer == "" {
			return nil, false
		}
		if it.what == askKind && it.answer == kindFile.String() && r.hasContent(it.name) {
			continue
		}
		reads = append(reads, it)
	}
	return reads, true
}

// hasContent reports whether the content of name was asked for, which tells
// that it is a file, too.
func (r *reader) hasContent(name string) bool {
	_, asked := r.reads[key(askContent, name)]
	return asked
}

// fail makes err the render's, unless there is one already.
func (r *reader) fail(err error) error {
	if r.broken == nil {
		r.broken = err
	}
	return r.broken
}

// check fails when the render is over.
func (r *reader) check() error {
	if r.broken != nil {
		return r.broken
	}
	if r.ctx.Err() != nil {
		return r.fail(context.Cause(r.ctx))
	}
	return nil
}

// kind tells what name is. A symbolic link that leads out of the tree is kindBad.
func (r *reader) kind(name string) (kind, error) {
	if err := r.check(); err != nil {
		return kindNone, err
	}
	k, err := kindOf(r.tree, name)
	if err != nil {
		return kindNone, r.fail(unreadable(name, err))
	}
	r.note(askKind, name, k.String(), "")
	return k, nil
}

// list returns the entries of a directory, by name.
func (r *reader) list(dir string) ([]fs.DirEntry, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	entries, err := r.tree.ReadDir(dir)
	if err != nil {
		return nil, r.fail(unreadable(dir, err))
	}
	r.note(askEntries, dir, listing(entries), contentOf(r.tree, dir))
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// file reads a file, if it is not too big. One that does not exist is
// fs.ErrNotExist and breaks nothing.
func (r *reader) file(name string) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	r.note(askContent, name, contentOf(r.tree, name), "")
	info, err := r.tree.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, r.fail(unreadable(name, err))
	}
	if err := r.spend(name, info.Size()); err != nil {
		return nil, err
	}
	data, err := r.tree.ReadFile(name)
	if err != nil {
		return nil, r.fail(unreadable(name, err))
	}
	return data, nil
}

func (r *reader) spend(name string, size int64) error {
	if size > r.max {
		return r.fail(invalidf("%s: %d bytes are more than the limit of %d for all files of an app; "+
			"take it out of the path or exclude it", name, size, r.max))
	}
	if r.left -= size; r.left < 0 {
		return r.fail(invalidf("%s: the files read up to here have more than the limit of %d bytes; "+
			"split the app or exclude files", name, r.max))
	}
	return nil
}

// prefetch tells the tree that files below dir will be read.
func (r *reader) prefetch(dir string) error {
	p, ok := r.tree.(prefetcher)
	if !ok || slices.ContainsFunc(r.fetched, func(done string) bool { return within(dir, done) }) {
		return nil
	}
	r.fetched = append(r.fetched, dir)
	if err := p.Prefetch(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r.fail(unreadable(dir, err))
	}
	return nil
}

// within reports whether name is dir or below it.
func within(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

// unreadable says that a name can't be read, for the kind of the cause.
func unreadable(name string, err error) error {
	if errors.Is(err, fs.ErrInvalid) {
		return invalidf("%s: a symbolic link leads out of the source; replace it by a copy of the file", name)
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) && path.Clean(pathError.Path) == name {
		err = pathError.Err
	}
	err = fmt.Errorf("reading %s from the source: %w", name, err)
	if isInvalid(err) || errors.Is(err, model.ErrDenied) || errors.Is(err, model.ErrTransient) {
		return err
	}
	return model.As(model.ErrTransient, err)
}
