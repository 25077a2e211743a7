package overlay

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/ignore"
)

// rules are those of a model.Ignore with the files that it names.
type rules struct {
	of   *model.Ignore
	tree *Tree

	mu sync.Mutex
	at map[string]ruleSet // by folder
}

// ruleSet are the rules for what is in a folder. From the least to the most
// important: those that always hold or are the defaults, those of files from the
// root down, the user's own.
type ruleSet struct {
	rules ignore.Rules
	files ignore.Rules // without the user's own
	id    string       // the same for the same rules
}

// in are the rules of a folder, given by a path that no link is on.
func (r *rules) in(dir string) (ruleSet, error) {
	if r.of == nil {
		return ruleSet{}, nil
	}
	r.mu.Lock()
	set, ok := r.at[dir]
	r.mu.Unlock()
	if ok {
		return set, nil
	}
	set, err := r.above(dir)
	if err != nil {
		return ruleSet{}, err
	}
	n, err := r.tree.resolve(dir, false, r.tree.raw)
	if err != nil {
		return ruleSet{}, err
	}
	text, err := r.text(n)
	if err != nil {
		return ruleSet{}, err
	}
	if own := ignore.Parse(text, dir); len(own) > 0 {
		set.files = slices.Concat(set.files, own)
		set.id = digest(set.id, dir, text)
	}
	if len(set.rules) == 0 || len(set.rules) != len(set.files)+len(r.users()) {
		set.rules = slices.Concat(set.files, r.users())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at[dir] = set
	return set, nil
}

func (r *rules) users() ignore.Rules { return ignore.Parse(r.of.Rules, ".") }

// above are the rules of the folder above, or those that come before all files.
func (r *rules) above(dir string) (ruleSet, error) {
	if dir != "." {
		return r.in(path.Dir(dir))
	}
	set := ruleSet{files: ignore.Parse(r.of.Always, ".")}
	defaults := r.of.Defaults != "" && len(r.users()) == 0
	if defaults {
		root, err := r.tree.resolve(".", false, r.tree.raw)
		if err != nil {
			return set, err
		}
		some, err := r.beneath(root)
		if err != nil {
			return set, err
		}
		defaults = !some
	}
	if defaults {
		set.files = append(set.files, ignore.Parse(r.of.Defaults, ".")...)
	}
	set.id = digest(r.of.Always, r.of.Defaults, r.of.Rules, r.of.Files, defaults)
	return set, nil
}

// text is the file with rules in a folder; "" if there is none.
func (r *rules) text(dir node) (string, error) {
	if r.of.Files == "" || dir.tree == nil {
		return "", nil
	}
	n, err := r.tree.raw(dir, r.of.Files)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!n.mode.IsRegular() || !r.tree.kept(n)) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	data, err := n.tree.ReadFile(n.at)
	if err != nil {
		return "", n.error("read", err)
	}
	return string(data), nil
}

// beneath reports whether a file with rules lies in a folder or beneath it.
func (r *rules) beneath(dir node) (bool, error) {
	if r.of.Files == "" {
		return false, nil
	}
	key := ""
	if dir.tree != nil && r.tree.whole(dir) {
		hash, err := dir.tree.Hash(dir.at)
		if err != nil {
			return false, dir.error("hash", err)
		}
		key = digest("rules", r.of.Files, hash)
		if s, ok := r.tree.cache.load(key); ok {
			return s.some, nil
		}
	}
	some, err := r.search(dir)
	if err == nil && key != "" {
		r.tree.cache.store(key, summary{some: some})
	}
	return some, err
}

func (r *rules) search(dir node) (bool, error) {
	text, err := r.text(dir)
	if err != nil || len(ignore.Parse(text, ".")) > 0 {
		return err == nil, err
	}
	all, err := r.tree.all(dir)
	if err != nil {
		return false, err
	}
	for _, n := range all {
		if !n.mode.IsDir() || !r.tree.kept(n) {
			continue
		}
		if some, err := r.beneath(n); err != nil || some {
			return some, err
		}
	}
	return false, nil
}
