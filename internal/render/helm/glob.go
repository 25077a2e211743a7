package helm

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// Bounds for one glob: the directories that are listed, and the globs that its
// braces stand for.
const (
	maxGlobDirs   = 10_000
	maxGlobBraces = 100
)

// glob are the files that match a glob, in the order of their names: * ? and
// [set] inside of a name, ** for any number of directories, {a,b} for one of
// several texts. Directories behind symbolic links are not entered by **.
func glob(files *input.Files, pattern string) ([]string, error) {
	patterns, err := braces(pattern)
	if err != nil {
		return nil, err
	}
	g := &globber{files: files, pattern: pattern, been: map[string]bool{}}
	for _, p := range patterns {
		parts := slices.CompactFunc(strings.Split(p, "/"), func(a, b string) bool { return a == "**" && b == "**" })
		if parts[len(parts)-1] == "**" {
			parts = append(parts, "*")
		}
		if err := g.match(".", parts); err != nil {
			return nil, err
		}
	}
	slices.Sort(g.found)
	return slices.Compact(g.found), nil
}

// globber looks for the files that match.
type globber struct {
	files   *input.Files
	pattern string
	found   []string
	// been are the questions that were asked: a directory with what is left of
	// a pattern.
	been map[string]bool
}

func (g *globber) match(dir string, parts []string) error {
	key := dir + "\x00" + strings.Join(parts, "/")
	if g.been[key] {
		return nil
	}
	g.been[key] = true
	if len(g.been) > maxGlobDirs {
		return model.Invalidf("value files %s: the glob looks into more than %d directories; make it narrower", g.pattern, maxGlobDirs)
	}
	if !strings.ContainsAny(parts[0], `*?[\`) {
		return g.enter(path.Join(dir, parts[0]), parts[1:])
	}
	entries, err := g.files.List(dir)
	if err != nil {
		return err
	}
	if parts[0] == "**" {
		if err := g.match(dir, parts[1:]); err != nil {
			return err
		}
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if parts[0] == "**" {
			if e.Type().IsDir() && !input.IsSubmodule(e.Type()) {
				err = g.match(name, parts)
			}
		} else if ok, bad := path.Match(parts[0], e.Name()); errors.Is(bad, path.ErrBadPattern) {
			err = model.Invalidf("value files %s: the glob is malformed", g.pattern)
		} else if ok {
			err = g.enter(name, parts[1:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enter takes a name that matches up to here.
func (g *globber) enter(name string, rest []string) error {
	kind, err := g.files.Kind(name)
	switch {
	case err != nil:
		return err
	case len(rest) > 0 && kind == input.Dir:
		return g.match(name, rest)
	case len(rest) > 0:
		return nil
	case kind == input.Bad:
		return model.Invalidf("value files %s: %s is a symbolic link that leads out of the source", g.pattern, name)
	case kind == input.File:
		g.found = append(g.found, name)
	}
	return nil
}

// braces are the patterns that one with {a,b} stands for.
func braces(pattern string) ([]string, error) {
	done, todo := []string{}, []string{pattern}
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		open := strings.IndexByte(p, '{')
		end := strings.IndexByte(p[max(open, 0):], '}')
		if open < 0 || end < 0 {
			done = append(done, p)
			continue
		}
		end += open
		// The innermost braces first.
		open = strings.LastIndexByte(p[:end], '{')
		for text := range strings.SplitSeq(p[open+1:end], ",") {
			todo = append(todo, p[:open]+text+p[end+1:])
		}
		if len(todo)+len(done) > maxGlobBraces {
			return nil, model.Invalidf("value files %s: the braces stand for more than %d globs", pattern, maxGlobBraces)
		}
	}
	return done, nil
}
