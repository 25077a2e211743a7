package cue

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/mod/modfile"

	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// The loader does not read what is vendored below cue.mod when it reads from
// anything but the host's disk. So imports of that are turned into imports of
// the module itself, and its three directories are shown as one, all, in which
// the name of each file begins with that of its directory.

// areas are the directories below cue.mod that vendored packages lie in; the
// files of a package may be spread over them.
var areas = []string{"gen", "pkg", "usr"}

const all = "cue.mod/all"

// enter looks for the module that dir is in.
func (f *files) enter(dir string) error {
	for ; ; dir = path.Dir(dir) {
		name := path.Join(dir, "cue.mod", "module.cue")
		k, err := f.tree.Kind(name)
		if err != nil {
			return err
		}
		if k != input.File {
			if dir == "." {
				return nil
			}
			continue
		}
		data, err := f.tree.Read(name)
		if err != nil {
			return err
		}
		// The loader will tell what is wrong with it.
		if m, err := modfile.FixLegacy(data, name); err == nil {
			f.module, _, _ = strings.Cut(m.QualifiedModule(), "@")
			f.root = dir
		}
		return nil
	}
}

// parse parses a file and turns its imports.
func (f *files) parse(name string, src any, config parser.Config) (*ast.File, error) {
	file, err := parser.ParseFile(name, src, config)
	if err != nil || f.module == "" {
		return file, err
	}
	for spec := range file.ImportSpecs() {
		text, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		p := ast.ParseImportPath(text)
		if input.Within(p.Path, f.module) || !fs.ValidPath(p.Path) || !f.isVendored(p.Path) {
			continue
		}
		p.Path, p.Version = path.Join(f.module, all, p.Path), ""
		spec.Path.Value = strconv.Quote(p.String())
	}
	return file, nil
}

func (f *files) isVendored(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.kind("stat", path.Join(f.root, all, name))
	return err == nil && k == input.Dir
}

// inAll is a name below all, as seen from there.
func (f *files) inAll(name string) (string, bool) {
	dir := path.Join(f.root, all)
	if f.module == "" || name == dir || !input.Within(name, dir) {
		return "", false
	}
	return input.Relative(name, dir), true
}

// real is the file that a name below all stands for; other names are what they
// are.
func (f *files) real(name string) string {
	below, ok := f.inAll(name)
	if !ok {
		return name
	}
	dir, base := path.Split(below)
	for _, area := range areas {
		if rest, ok := strings.CutPrefix(base, area+"_"); ok {
			return path.Join(f.root, "cue.mod", area, dir, rest)
		}
	}
	return name
}

// shown is a loader's name as users know it.
func (f *files) shown(name string) string {
	name = strings.TrimPrefix(name, "/")
	if name == "" {
		// No name at all would mean no module.
		return "."
	}
	return f.real(name)
}

// kindInAll is what a name below all stands for.
func (f *files) kindInAll(name, below string) (input.Kind, error) {
	if real := f.real(name); real != name {
		if k, err := f.tree.Kind(real); err != nil || k == input.File {
			return k, err
		}
	}
	for _, area := range areas {
		if k, err := f.tree.Kind(path.Join(f.root, "cue.mod", area, below)); err != nil || k == input.Dir {
			return k, err
		}
	}
	return input.None, nil
}

// entriesInAll are those of a directory below all.
func (f *files) entriesInAll(below string) (out []fs.DirEntry, err error) {
	dirs := map[string]bool{}
	for _, area := range areas {
		dir := path.Join(f.root, "cue.mod", area, below)
		if k, err := f.tree.Kind(dir); err != nil || k != input.Dir {
			if err != nil {
				return nil, err
			}
			continue
		}
		entries, err := f.entries(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			switch name := e.Name(); {
			case e.IsDir() && !dirs[name]:
				dirs[name] = true
				out = append(out, e)
			case !e.IsDir() && !strings.HasPrefix(name, "_") && !strings.HasPrefix(name, "."):
				out = append(out, fs.FileInfoToDirEntry(info{name: area + "_" + name}))
			}
		}
	}
	return out, nil
}
