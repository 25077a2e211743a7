package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// declarations checks all manifests of dialects, and renders the apps.
func (c *checker) declarations() {
	sources := map[model.SourceKey]model.Source{}
	apps := map[int]Declared{}
	around := newSurroundings(c.manifests)
	for i, m := range c.manifests {
		d, ok := c.deps.Declared(m.Unstructured, around.of(m.file))
		if !ok {
			continue
		}
		for _, w := range d.Warnings {
			c.add(m.finding("warning", w.Message))
		}
		if errors.Is(d.Invalid, model.ErrNotFound) {
			c.add(m.finding("warning", "what it renders to is not checked: "+d.Invalid.Error()))
		} else if d.Invalid != nil {
			for text := range strings.SplitSeq(d.Invalid.Error(), "\n") {
				c.add(m.finding("error", text))
			}
		}
		maps.Copy(sources, d.Sources)
		if d.App != nil && d.Invalid == nil {
			apps[i] = d
		}
	}
	for i := range c.manifests {
		if d, ok := apps[i]; ok {
			own := maps.Clone(sources)
			maps.Copy(own, d.Sources)
			c.app(&c.manifests[i], *d.App, own)
		}
	}
}

// app renders the content of an app, as far as it is here.
func (c *checker) app(m *manifest, app model.App, sources map[model.SourceKey]model.Source) {
	in := model.RenderInput{Refs: map[string]model.Tree{}}
	places := make([]place, len(app.Sources))
	for i, src := range app.Sources {
		from := sources[src.Key]
		at, ok := c.repository(from.URL, src.Render.Path)
		if !ok || from.Kind != "" && from.Kind != model.SourceGit {
			f := m.finding("note", fmt.Sprintf("%s %q: path %q of %s is not in this directory: its content is not checked",
				m.GetKind(), m.GetName(), src.Render.Path, orUnknown(from.URL)))
			f.Line = m.lineOf("spec.source.path", "spec.path")
			c.add(f)
			return
		}
		places[i] = at
		if src.Ref != "" {
			in.Refs[src.Ref] = at.tree
		}
	}
	for i, src := range app.Sources {
		if !src.FilesOnly {
			in.Tree, in.Render = places[i].tree, src.Render
			c.render(places[i], in, m, app.Key.Dialect)
		}
	}
}

func orUnknown(url string) string {
	if url == "" {
		return "a repository that is not declared here"
	}
	return url
}

// repository finds the work tree of a repository that an app names: a folder of
// the repository's name below or beside the checked one, or the whole tree if
// that has the app's path.
func (c *checker) repository(url, dir string) (place, bool) {
	checked := filepath.Join(c.top.top, filepath.FromSlash(c.top.path))
	name := strings.TrimSuffix(path.Base(strings.TrimRight(url, "/")), ".git")
	if i := strings.LastIndexAny(name, ":"); i >= 0 {
		name = name[i+1:]
	}
	clean := path.Clean("/" + dir)[1:]
	var tops []string
	if name != "" && name != "." {
		tops = slices.Concat(c.folders[name], []string{filepath.Join(filepath.Dir(checked), name), filepath.Join(c.top.top, name)})
	}
	if clean != "" || filepath.Base(c.top.top) == name {
		tops = append(tops, c.top.top, checked)
	}
	for _, top := range tops {
		inside := top == c.top.top || strings.HasPrefix(top, c.top.top+string(filepath.Separator))
		if info, err := os.Stat(filepath.Join(top, filepath.FromSlash(clean))); !inside || err != nil || !info.IsDir() {
			continue
		}
		if tree, err := c.deps.Tree(top); err == nil {
			return place{tree: tree, top: top, path: clean}, true
		}
	}
	return place{}, false
}

// fieldPath is how messages name a field.
var fieldPath = regexp.MustCompile(`(?:^|fix )((?:spec|metadata|operation)(?:\.[A-Za-z0-9]+)+)`)

func (m *manifest) finding(severity, text string) finding {
	field := ""
	if found := fieldPath.FindStringSubmatch(text); found != nil {
		field = found[1]
	}
	return finding{File: m.file, Line: m.lineOf(field), Severity: severity, Text: text}
}

// lineOf is the line of the first field that the manifest has, or of the field
// nearest above it.
func (m *manifest) lineOf(fields ...string) int {
	best := m.line
	if len(m.node.Content) > 0 {
		best = m.line + m.node.Content[0].Line - 1
	}
	for _, f := range fields {
		if f == "" {
			continue
		}
		line, whole := lineIn(m.node, strings.Split(f, "."))
		if line > 0 {
			best = m.line + line - 1
		}
		if whole {
			return best
		}
	}
	return best
}

// lineIn descends into a node as far as the path goes.
func lineIn(n *kyaml.Node, fields []string) (line int, whole bool) {
	switch {
	case len(fields) == 0:
		return 0, true
	case n.Kind == kyaml.DocumentNode && len(n.Content) > 0:
		return lineIn(n.Content[0], fields)
	case n.Kind == kyaml.SequenceNode:
		for _, e := range n.Content {
			if line, whole := lineIn(e, fields); whole {
				return line, true
			}
		}
	case n.Kind == kyaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value != fields[0] {
				continue
			}
			line, whole := lineIn(n.Content[i+1], fields[1:])
			if line == 0 {
				line = n.Content[i].Line
			}
			return line, whole
		}
	}
	return 0, false
}
