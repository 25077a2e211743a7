package overlay

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// find is the node that can be seen under a name.
func (t *Tree) find(op, name string, follow bool) (node, error) {
	if !fs.ValidPath(name) {
		return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, err := t.resolve(name, follow, t.child)
	if err != nil {
		return node{}, node{path: name}.error(op, err)
	}
	return n, nil
}

func (t *Tree) child(dir node, name string) (node, error) {
	n, err := t.raw(dir, name)
	if err != nil {
		return node{}, err
	}
	ok, err := t.sees(n)
	if err == nil && !ok {
		err = fs.ErrNotExist
	}
	return n, err
}

// children are what can be seen in a folder, by name.
func (t *Tree) children(dir node) ([]node, error) {
	all, err := t.all(dir)
	if err != nil {
		return nil, err
	}
	var out []node
	for _, n := range all {
		ok, err := t.sees(n)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, n)
		}
	}
	return out, nil
}

// all is what there is in a folder, by name.
func (t *Tree) all(dir node) ([]node, error) {
	found := map[string]node{}
	for _, g := range t.grafts {
		rest, ok := strings.CutPrefix(g.to, strings.TrimPrefix(dir.path+"/", "./"))
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, "/")
		n, err := t.raw(dir, name)
		if err != nil {
			return nil, err
		}
		found[name] = n
	}
	if dir.tree != nil {
		entries, err := dir.tree.ReadDir(dir.at)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if _, ok := found[e.Name()]; !ok {
				found[e.Name()] = node{path: path.Join(dir.path, e.Name()), tree: dir.tree, at: path.Join(dir.at, e.Name()), mode: e.Type()}
			}
		}
	}
	out := make([]node, 0, len(found))
	for _, n := range found {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b node) int { return strings.Compare(a.path, b.path) })
	return out, nil
}

// sees reports whether something is neither left out nor an empty folder.
func (t *Tree) sees(n node) (bool, error) {
	if !t.kept(n) {
		return false, nil
	}
	if !n.mode.IsDir() {
		set, err := t.rules.in(path.Dir(n.path))
		return err == nil && !set.rules.Ignore(n.path, false), err
	}
	if len(t.sparse) == 0 && t.rules.of == nil {
		return true, nil // an empty folder is what the tree itself has
	}
	return t.occupied(n)
}

// kept is what Sparse says. A folder on the way to one that is kept is, too.
func (t *Tree) kept(n node) bool {
	if len(t.sparse) == 0 || n.tree != t.base {
		return true
	}
	for _, dir := range t.sparse {
		if strings.HasPrefix(n.path, dir+"/") || n.mode.IsDir() && (n.path == dir || strings.HasPrefix(dir, n.path+"/")) {
			return true
		}
	}
	return false
}

// occupied reports whether anything can be seen beneath a folder.
func (t *Tree) occupied(dir node) (bool, error) {
	t.mu.Lock()
	full, known := t.full[dir.path]
	t.mu.Unlock()
	if known {
		return full, nil
	}
	set, err := t.rules.in(path.Dir(dir.path))
	if err != nil {
		return false, err
	}
	if set.rules.IgnoreAll(dir.path) {
		// Only rules that lie beneath could take something in again.
		if some, err := t.rules.beneath(dir); err != nil || !some {
			return false, err
		}
	}
	all, err := t.all(dir)
	if err != nil {
		return false, err
	}
	// Files first: they need no further look.
	slices.SortStableFunc(all, func(a, b node) int { return weight(a) - weight(b) })
	for _, n := range all {
		if full, err = t.sees(n); err != nil {
			return false, err
		}
		if full {
			break
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.full[dir.path] = full
	return full, nil
}

func weight(n node) int {
	if n.mode.IsDir() {
		return 1
	}
	return 0
}
