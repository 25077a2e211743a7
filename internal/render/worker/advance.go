package worker

import (
	"io/fs"
	"path"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// What is given in advance: of a small directory all, of a big one what lies
// highest. The rest is asked for one by one.
const (
	aheadEntries = 1000
	aheadBytes   = 4 << 20
	aheadFile    = 256 << 10
)

// advance collects what is given in advance.
type advance struct {
	tree  model.Tree
	given []ahead
	bytes int64
}

// inAdvance are a directory and what is below it. Symbolic links are not
// followed, and what can't be read is left out: whoever asks for it hears why.
func inAdvance(tree model.Tree, dir string) []ahead {
	a := &advance{tree: tree}
	if i, err := tree.Stat(dir); err != nil || !i.IsDir() || input.IsSubmodule(i.Mode()) {
		return nil
	}
	for dirs := []string{dir}; len(dirs) > 0 && len(a.given) < aheadEntries; dirs = dirs[1:] {
		dirs = append(dirs, a.dir(dirs[0])...)
	}
	return a.given
}

// dir gives a directory and its files, and returns its directories.
func (a *advance) dir(dir string) (dirs []string) {
	i, err := a.tree.Stat(dir)
	if err != nil {
		return nil
	}
	entries, err := a.tree.ReadDir(dir)
	if err != nil {
		return nil
	}
	hash, err := a.tree.Hash(dir)
	if err != nil {
		return nil
	}
	a.given = append(a.given, ahead{
		Name: dir, Entry: entry{i.Name(), i.Mode(), i.Size()}, Hash: hash, Entries: listed(entries),
	})
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case e.Type().IsRegular():
			a.file(name)
		case e.Type() == fs.ModeDir:
			dirs = append(dirs, name)
		}
	}
	return dirs
}

func (a *advance) file(name string) {
	i, err := a.tree.Stat(name)
	if err != nil || len(a.given) >= aheadEntries || i.Size() > aheadFile || a.bytes+i.Size() > aheadBytes {
		return
	}
	hash, err := a.tree.Hash(name)
	if err != nil {
		return
	}
	data, err := a.tree.ReadFile(name)
	if err != nil {
		return
	}
	a.bytes += int64(len(data))
	if k, ok := a.tree.(*kept); ok {
		k.files[name] = data
	}
	a.given = append(a.given, ahead{Name: name, Entry: entry{i.Name(), i.Mode(), i.Size()}, Hash: hash, Data: data})
}
