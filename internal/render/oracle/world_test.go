package oracle

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render"
	"sigs.k8s.io/yaml"
)

// world is what a render finds around it.
type world struct {
	// Version and APIs are those of the target; without a version there is none.
	Version string
	APIs    []string
	// Refs are directories of the case that stand for other sources of the app.
	Refs map[string]string
	// Remotes are directories of the case by the URL of a repository, with
	// "/CHART" at its end for a Helm repository.
	Remotes map[string]string
	// Downloads are files of the case by their URL.
	Downloads map[string]string
	// Lookups are files of the case with live objects as JSON, by
	// "Kind.group/namespace/name".
	Lookups map[string]string
}

// input is what the case renders.
func (c oracleCase) input(t *testing.T) model.RenderInput {
	t.Helper()
	in := model.RenderInput{Tree: c.tree(t, "."), Host: host{c: c, t: t}, Refs: map[string]model.Tree{}}
	var fields any
	if err := yaml.Unmarshal(c.render, &fields); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(hide(fields, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &in.Render); err != nil {
		t.Fatal(err)
	}
	for name, dir := range c.world.Refs {
		in.Refs[name] = c.tree(t, dir)
	}
	return in
}

// hide writes what is of the type model.Hidden as JSON wants it: the fields
// text, and the values of vars and keys.
func hide(v any, field string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			if text, ok := item.(string); ok && (strings.EqualFold(name, "text") || strings.EqualFold(field, "vars") || strings.EqualFold(field, "keys")) {
				v[name] = []byte(text)
				continue
			}
			v[name] = hide(item, name)
		}
	case []any:
		for i := range v {
			v[i] = hide(v[i], field)
		}
	}
	return v
}

func (c oracleCase) tree(t *testing.T, dir string) model.Tree {
	t.Helper()
	tree, err := render.DirTree(filepath.Join(c.dir, dir))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// host answers from the case's world.
type host struct {
	c oracleCase
	t *testing.T
}

var _ model.RenderHost = host{}

// Cluster is the case's target.
func (h host) Cluster(context.Context) (string, []string, error) {
	return h.c.world.Version, h.c.world.APIs, nil
}

// Remote is a directory of the case.
func (h host) Remote(_ context.Context, src model.Source) (*model.Snapshot, error) {
	url := src.URL
	if src.Kind == model.SourceHelm {
		url += "/" + src.Chart
	}
	dir, ok := h.c.world.Remotes[url]
	if !ok {
		return nil, model.As(model.ErrDenied, fmt.Errorf("%s is not allowed here", url))
	}
	return &model.Snapshot{URL: src.URL, Ref: src.Ref.Any, Revision: dir, Tree: h.c.tree(h.t, dir)}, nil
}

// Download is a file of the case.
func (h host) Download(_ context.Context, url string) ([]byte, error) {
	return h.file(h.c.world.Downloads, url)
}

// Lookup is a file of the case.
func (h host) Lookup(_ context.Context, ref model.ObjectRef) ([]byte, error) {
	data, err := h.file(h.c.world.Lookups, ref.ObjectKey.String())
	if err != nil {
		return nil, nil
	}
	return data, nil
}

func (h host) file(names map[string]string, key string) ([]byte, error) {
	name, ok := names[key]
	if !ok {
		return nil, model.As(model.ErrDenied, fmt.Errorf("%s is not allowed here", key))
	}
	return os.ReadFile(filepath.Join(h.c.dir, name))
}
