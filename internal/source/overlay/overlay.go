// Package overlay makes a tree out of others: some folders of a tree, folders of
// other trees placed in it, and all of that without the files that rules leave
// out. It reads nothing before it is asked to, and holds no content.
//
// A folder in which nothing is left is left out too. The hash of a folder is that
// of what can be seen in it: a file that is left out never changes one, and where
// nothing is hidden or added it is the hash that the folder has without overlay.
// Symbolic links are followed inside of the whole.
package overlay

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Options say what is made of a tree.
type Options struct {
	// Sparse are the folders of the tree that are kept; empty keeps all.
	Sparse []string
	// Include are placed in it, whatever Sparse says.
	Include []Include
	// Ignore leaves files out of the whole; nil leaves out nothing.
	Ignore *model.Ignore
	// Cache may be shared by many trees; nil is one of its own.
	Cache *Cache
}

// Include is a folder of another tree.
type Include struct {
	// Name is that of the other tree, for errors.
	Name string
	Tree model.Tree
	// From is "" or "." for all of it.
	From, To string
}

// New makes a tree. model.ErrInvalid if a path is none, model.ErrNotFound if a
// folder does not exist.
func New(base model.Tree, o Options) (*Tree, error) {
	t := &Tree{base: base, rules: rules{of: o.Ignore, at: map[string]ruleSet{}}, cache: o.Cache, full: map[string]bool{}}
	if t.cache == nil {
		t.cache = NewCache()
	}
	t.rules.tree = t
	if err := t.keep(o.Sparse); err != nil {
		return nil, err
	}
	for _, i := range o.Include {
		if err := t.include(i); err != nil {
			return nil, fmt.Errorf("including %q of %s at %q: %w", i.From, i.Name, i.To, err)
		}
	}
	return t, nil
}

// Tree is a model.Tree.
type Tree struct {
	base   model.Tree
	sparse []string
	grafts []graft
	rules  rules
	cache  *Cache

	mu   sync.Mutex
	full map[string]bool // folders by whether there is anything in them
}

var (
	_ model.Tree    = (*Tree)(nil)
	_ fs.ReadLinkFS = (*Tree)(nil)
)

type graft struct {
	to   string
	tree model.Tree
	from string
}

// node is a place in the whole: where it is, and what serves it. No link is on
// the way to it.
type node struct {
	path string
	tree model.Tree // nil for a folder that only leads to an include
	at   string     // its path in tree
	mode fs.FileMode
}

func (n node) isLink() bool { return n.mode&fs.ModeSymlink != 0 }

func (n node) error(op string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &fs.PathError{Op: op, Path: n.path, Err: err}
}

// clean is a path of the user, which may begin with ./ and end with a slash.
func clean(name string) (string, error) {
	c := path.Clean(strings.TrimRight(name, "/"))
	if !fs.ValidPath(c) {
		return "", model.Invalidf("%q is no path inside of the source; write it without .. and without a slash at the beginning", name)
	}
	return c, nil
}

// keep limits the tree to some folders.
func (t *Tree) keep(dirs []string) error {
	var kept []string
	for _, dir := range dirs {
		name, err := clean(dir)
		if err != nil {
			return err
		}
		n, err := t.resolve(name, false, t.raw)
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!n.mode.IsDir() || n.path != name) {
			return model.As(model.ErrNotFound, fmt.Errorf("the directory %q that the source is limited to is not in the repository; create it or correct the name", dir))
		}
		if err != nil {
			return err
		}
		kept = append(kept, name)
	}
	if !slices.Contains(kept, ".") {
		t.sparse = kept
	}
	return nil
}

// include places a folder of another tree.
func (t *Tree) include(i Include) error {
	to, err := clean(i.To)
	if err == nil && (to == "." || strings.TrimSpace(i.To) == "") {
		err = model.Invalidf("it needs a directory to be placed at")
	}
	if err != nil {
		return err
	}
	from := "."
	if i.From != "" {
		if from, err = clean(i.From); err != nil {
			return err
		}
	}
	info, err := i.Tree.Stat(from)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return model.As(model.ErrNotFound, fmt.Errorf("there is no such directory"))
	}
	if err != nil {
		return err
	}
	if err := t.vacant(to); err != nil {
		return err
	}
	t.grafts = append(t.grafts, graft{to: to, tree: i.Tree, from: from})
	return nil
}

// vacant refuses a place where there is something, or that a file or a link
// stands in the way of.
func (t *Tree) vacant(to string) error {
	for dir, rest, more := "", to, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, "/")
		dir = path.Join(dir, part)
		n, err := t.resolve(dir, false, t.raw)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case dir == to || !n.mode.IsDir():
			return model.Invalidf("%s exists already; choose another place", dir)
		}
	}
	return nil
}

// raw is what there is below a folder with every file; nobody hides it.
func (t *Tree) raw(dir node, name string) (node, error) {
	p := path.Join(dir.path, name)
	leads := false
	for _, g := range t.grafts {
		if g.to == p {
			return node{path: p, tree: g.tree, at: g.from, mode: fs.ModeDir | 0o555}, nil
		}
		leads = leads || strings.HasPrefix(g.to, p+"/")
	}
	if dir.tree != nil {
		info, err := lstat(dir.tree, path.Join(dir.at, name))
		if err == nil {
			return node{path: p, tree: dir.tree, at: path.Join(dir.at, name), mode: info.Mode()}, nil
		}
		if !leads || !errors.Is(err, fs.ErrNotExist) {
			return node{}, err
		}
	}
	if !leads {
		return node{}, fs.ErrNotExist
	}
	return node{path: p, mode: fs.ModeDir | 0o555}, nil
}

func lstat(t model.Tree, name string) (fs.FileInfo, error) {
	if links, ok := t.(fs.ReadLinkFS); ok {
		return links.Lstat(name)
	}
	return t.Stat(name)
}

// maxLinks bounds how many symbolic links lead to one file.
const maxLinks = 40

// resolve walks to a name by child. Links on the way are followed; one at the end
// only with follow.
func (t *Tree) resolve(name string, follow bool, child func(node, string) (node, error)) (node, error) {
	stack := []node{{path: ".", tree: t.base, at: ".", mode: fs.ModeDir | 0o555}}
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case ".", "":
			continue
		case "..":
			if len(stack) == 1 {
				return node{}, linkError("a symbolic link leads out of the source")
			}
			stack = stack[:len(stack)-1]
			continue
		}
		dir := stack[len(stack)-1]
		if !dir.mode.IsDir() {
			return node{}, fs.ErrNotExist
		}
		next, err := child(dir, part)
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
		to, err := next.link()
		if err != nil {
			return node{}, err
		}
		todo = append(strings.Split(to, "/"), todo...)
	}
	return stack[len(stack)-1], nil
}

func linkError(text string) error { return fmt.Errorf("%s: %w", text, fs.ErrInvalid) }

// link is where a link points to, relative to its folder.
func (n node) link() (string, error) {
	links, ok := n.tree.(fs.ReadLinkFS)
	if !ok {
		return "", linkError("it is no symbolic link")
	}
	to, err := links.ReadLink(n.at)
	if err == nil && (path.IsAbs(to) || to == "") {
		err = linkError("the symbolic link " + n.path + " leads out of the source")
	}
	return to, err
}
