package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// maxBatch bounds how many files are fetched because one of them was asked for.
const maxBatch = 2000

// maxLinks bounds how many symbolic links lead to one file.
const maxLinks = 40

// tree is the content of one commit, read when it is asked for.
type tree struct {
	top   *content
	flags treeFlags
	subs  submodules
}

// treeFlags say what of a commit's content is read that lies elsewhere.
type treeFlags struct {
	// submodules: else one is an empty folder.
	submodules bool
	// lfs: else its files are their pointers.
	lfs bool
}

// content is a commit of one repository that makes up a tree, or a part of it.
type content struct {
	access *access
	commit string
	root   oid
	// at is its place in the tree, and depth how many submodules it lies in.
	at    string
	depth int
	along along
}

var (
	_ model.Tree    = (*tree)(nil)
	_ fs.ReadLinkFS = (*tree)(nil)
)

// with is the same tree read in another way.
func (t *tree) with(flags treeFlags) *tree {
	if t.flags == flags {
		return t
	}
	return &tree{top: t.top, flags: flags}
}

// node is a place in the tree: where it really is, and what is there.
type node struct {
	path string
	in   *content
	entry
}

func (c *content) node() node {
	return node{path: c.at, in: c, entry: entry{name: ".", mode: modeTree, id: c.root}}
}

// find walks to a name. Links on the way are followed; a link at the end only
// with follow.
func (t *tree) find(op, name string, follow bool) (node, error) {
	if !fs.ValidPath(name) {
		return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, err := t.walk(name, follow)
	if err != nil {
		return node{}, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

func (t *tree) walk(name string, follow bool) (node, error) {
	stack := []node{t.top.node()}
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case ".", "":
			continue
		case "..":
			if len(stack) == 1 {
				return node{}, linkError("a symbolic link leads out of the repository")
			}
			stack = stack[:len(stack)-1]
			continue
		}
		next, err := t.child(stack[len(stack)-1], part)
		if err != nil {
			return node{}, err
		}
		if !next.isLink() || len(todo) == 0 && !follow {
			stack = append(stack, next)
			continue
		}
		if links++; links > maxLinks {
			return node{}, linkError("symbolic links lead in a circle")
		}
		to, err := t.linkText(next)
		if err != nil {
			return node{}, err
		}
		todo = append(strings.Split(to, "/"), todo...)
	}
	return stack[len(stack)-1], nil
}

// linkError is an error that is fs.ErrInvalid and says why.
func linkError(text string) error {
	return fmt.Errorf("%s: %w", text, fs.ErrInvalid)
}

func (t *tree) child(dir node, name string) (node, error) {
	dir, err := t.inside(dir)
	if err != nil {
		return node{}, err
	}
	entries, err := t.entries(dir)
	if err != nil {
		return node{}, err
	}
	at, ok := called(entries, name)
	if !ok {
		return node{}, fs.ErrNotExist
	}
	return dir.child(entries[at]), nil
}

func (n node) child(e entry) node {
	return node{path: path.Join(n.path, e.name), in: n.in, entry: e}
}

// linkText is where a link points to, relative to its folder.
func (t *tree) linkText(link node) (string, error) {
	data, err := t.blob(link, 4096)
	if err != nil {
		return "", err
	}
	to := string(data)
	if path.IsAbs(to) || to == "" || strings.ContainsAny(to, "\x00") {
		return "", linkError(fmt.Sprintf("the symbolic link %s leads out of the repository", link.path))
	}
	return to, nil
}

// entries are the lines of a folder; of a submodule that is not read there are
// none.
func (t *tree) entries(dir node) ([]entry, error) {
	dir, err := t.inside(dir)
	switch {
	case err != nil:
		return nil, err
	case dir.isRepo():
		return nil, nil
	case !dir.isTree():
		return nil, fs.ErrNotExist
	}
	return dir.in.entries(dir.id)
}

// entries reads a tree object.
func (c *content) entries(id oid) ([]entry, error) {
	entries, err := c.access.mirror.tree(id)
	if isMissing(err) {
		if err := c.fetchCommit(); err != nil {
			return nil, err
		}
		entries, err = c.access.mirror.tree(id)
	}
	if err != nil {
		return nil, c.damaged(err)
	}
	return entries, nil
}

// fetchCommit gets the commit again if the mirror was made anew since.
func (c *content) fetchCommit() error {
	ctx, cancel := c.patience()
	defer cancel()
	done, err := c.access.mirror.use(ctx)
	if err != nil {
		return waiting(err)
	}
	defer done()
	return c.access.need(ctx, map[string]bool{c.commit: true})
}

func waiting(err error) error {
	return model.As(model.ErrTransient, fmt.Errorf("waiting for the mirror: %w", err))
}

// patience bounds a fetch that a read needs.
func (c *content) patience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 2*time.Duration(c.access.timeout.Load()))
}

// damaged reports that something that must be in the mirror is not. The next
// look makes the mirror anew; that of a submodule, which nobody looks at, is made
// anew at once.
func (c *content) damaged(err error) error {
	m := c.access.mirror
	if !c.access.store.lookAt(m) {
		c.remake()
	}
	return model.As(model.ErrTransient, fmt.Errorf("the local mirror is damaged and is fetched anew: %w", err))
}

func (c *content) remake() {
	ctx, cancel := c.patience()
	defer cancel()
	done, err := c.access.mirror.use(ctx)
	if err != nil {
		return
	}
	defer done()
	_ = c.access.mirror.discard() // the next read says what is wrong
}

// lookAt makes every group of a damaged mirror due; false if there is none.
func (s *Store) lookAt(m *mirror) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	some := false
	for _, g := range s.groups {
		if r, ok := g.finder.(*repository); ok && r.mirror == m {
			some = true
			s.lookNow(g)
		}
	}
	if some {
		m.suspect.Store(true)
		s.poke()
	}
	return some
}

// blob is the content of a file or link in the repository, fetched if it has to
// be.
func (t *tree) blob(n node, limit int64) ([]byte, error) {
	r := n.in.access.mirror.reader
	_, data, err := r.read(n.id, limit)
	if isMissing(err) {
		if err := t.fetchAround(n); err != nil {
			return nil, err
		}
		_, data, err = r.read(n.id, limit)
	}
	var large *tooLarge
	switch {
	case err == nil:
		return data, nil
	case errors.As(err, &large):
		return nil, large.refusal(limit)
	default:
		return nil, n.in.damaged(err)
	}
}

// fetchAround gets a file that is missing, and with it, in one go, all others
// beneath its folder; only those in the folder itself if those are too many.
func (t *tree) fetchAround(n node) error {
	dir, err := t.walk(path.Dir(n.path), true)
	if err != nil {
		return err
	}
	if dir, err = t.inside(dir); err != nil {
		return err
	}
	ids, _, err := t.blobs(dir, maxBatch)
	if err != nil {
		return err
	}
	if !slices.Contains(ids, n.id) {
		ids = append(ids, n.id)
	}
	return t.fetch(dir, ids)
}

// blobs lists the contents beneath a folder, but for submodules: those in it
// first. With more than limit beneath, only those in the folder are listed; 0 is
// no limit.
func (t *tree) blobs(dir node, limit int) (ids []oid, complete bool, err error) {
	if dir, err = t.inside(dir); err != nil {
		return nil, false, err
	}
	seen := map[oid]bool{}
	var out []oid
	folders := []oid{dir.id}
	direct := 0
	for len(folders) > 0 {
		entries, err := dir.in.entries(folders[0])
		if err != nil {
			return nil, false, err
		}
		for _, e := range entries {
			switch {
			case e.isRepo(), seen[e.id]: // a few folders that hold each other many times have no end
				continue
			case e.isTree():
				folders = append(folders, e.id)
			default:
				out = append(out, e.id)
			}
			seen[e.id] = true
		}
		if direct == 0 {
			direct = max(len(out), 1)
		}
		if limit > 0 && (len(out) > limit || len(folders) > limit) {
			return out[:min(direct, len(out), limit)], false, nil
		}
		folders = folders[1:]
	}
	return out, true, nil
}

// fetch gets those of the contents that are not in the mirror, which lie at or beneath a
// place. When some have to be asked for, others are taken along in the same request: all of a
// small repository, some around the place in a larger one. Many apps read one repository, and
// few of them then have to ask.
func (t *tree) fetch(at node, ids []oid) error {
	in := at.in
	nothing := func(context.Context, []oid) error { return nil }
	missing, err := in.withMissing(ids, nothing)
	if err != nil {
		return err
	}
	more := in.along.ask(ids, missing)
	if missing == 0 {
		return nil
	}
	if !in.along.may() {
		_, err = in.withMissing(ids, in.access.fetchBlobs)
		return err
	}
	all, complete, err := t.blobs(in.node(), maxWhole)
	if err != nil {
		return err
	}
	var with []oid
	if complete {
		ids = all
	} else {
		with = in.around(in.below(at.path), more)
	}
	if _, err = in.withMissing(slices.Concat(ids, with), in.access.fetchBlobs); err != nil {
		in.along.failed()
		return err
	}
	in.along.take(with)
	return nil
}

// maxWhole is how many files a repository may have to be fetched whole.
const maxWhole = 1000

// withMissing does something about those of the contents that are not in the
// mirror, if there are any, and counts them.
func (c *content) withMissing(ids []oid, do func(context.Context, []oid) error) (int, error) {
	ctx, cancel := c.patience()
	defer cancel()
	done, err := c.access.mirror.use(ctx)
	if err != nil {
		return 0, waiting(err)
	}
	missing, err := c.access.mirror.missing(ids)
	if err != nil {
		done()
		return 0, c.damaged(err)
	}
	defer done()
	if len(missing) == 0 {
		return 0, nil
	}
	return len(missing), do(ctx, missing)
}

// Prefetch gets the contents of all files beneath a folder in one go, so that
// reading them does not ask the remote again.
func (t *tree) Prefetch(dir string) error {
	n, err := t.find("prefetch", dir, true)
	if err != nil {
		return err
	}
	if n.isFile() {
		return nil
	}
	ids, _, err := t.blobs(n, 0)
	if err != nil {
		return &fs.PathError{Op: "prefetch", Path: dir, Err: err}
	}
	if n, err = t.inside(n); err != nil || n.isRepo() {
		return err
	}
	if err := t.fetch(n, ids); err != nil {
		return &fs.PathError{Op: "prefetch", Path: dir, Err: err}
	}
	return nil
}
