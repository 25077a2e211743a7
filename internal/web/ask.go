package web

import (
	"net/url"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// ask is the query of the list of apps as its address has it.
type ask struct {
	view.Query
	// Tiles instead of a table.
	Tiles bool
}

func parseAsk(v url.Values) (ask, error) {
	q, err := view.ParseQuery(v)
	return ask{Query: q, Tiles: v.Get("view") == "tiles"}, err
}

// filter is a parameter that may occur several times.
type filter struct {
	// Name is the parameter's, Title what people call it.
	name, title string
	get         func() []string
	set         func([]string)
}

// filters are all of them, with where they are kept.
func (a *ask) filters() []filter {
	q := &a.Query
	return []filter{
		filterOf("health", "health", &q.Health), filterOf("sync", "sync", &q.Sync), filterOf("phase", "last sync", &q.Phases),
		filterOf("kind", "kind", &q.Kinds), filterOf("project", "project", &q.Projects), filterOf("cluster", "cluster", &q.Clusters),
		filterOf("ns", "namespace", &q.Namespaces), filterOf("label", "label", &q.Labels),
		filterOf("declared", "declared in", &q.Declared), filterOf("repo", "source", &q.Repos),
	}
}

func filterOf[T ~string](name, title string, in *[]T) filter {
	return filter{name, title, func() []string {
		out := make([]string, len(*in))
		for i, v := range *in {
			out[i] = string(v)
		}
		return out
	}, func(values []string) {
		*in = nil
		for _, v := range values {
			*in = append(*in, T(v))
		}
	}}
}

// values are the parameters that ask the same, in the order of their names.
func (a ask) values() url.Values {
	a.Facets = false
	v := a.Query.Values()
	if a.Tiles {
		v.Set("view", "tiles")
	}
	return v
}

// path is the address that asks this.
func (a ask) path() string {
	if query := a.values().Encode(); query != "" {
		return "/apps?" + query
	}
	return "/apps"
}

// filtered reports whether anything but order and page is asked for.
func (a ask) filtered() bool {
	return a.Search != "" || slices.ContainsFunc(a.filters(), func(f filter) bool { return len(f.get()) > 0 })
}

// has reports whether a filter has the value.
func (a ask) has(name, value string) bool {
	return slices.ContainsFunc(a.filters(), func(f filter) bool {
		return f.name == name && slices.Contains(f.get(), value)
	})
}

// toggled is the same question with a value more or less of a filter, from the first
// page on.
func (a ask) toggled(name, value string) ask {
	chosen := a.has(name, value)
	for _, f := range a.filters() {
		if f.name != name {
			continue
		}
		values := slices.DeleteFunc(f.get(), func(v string) bool { return v == value })
		if !chosen {
			values = append(values, value)
		}
		f.set(values)
	}
	a.Offset = 0
	return a
}

// searchWord is one that asks for a field in a search of apps (view.Query.Search).
type searchWord struct{ Example, Meaning string }

// searchWords are those that the list of apps tells of.
var searchWords = []searchWord{
	{"health:degraded", "or progressing, missing, suspended, unknown, healthy"},
	{"sync:outofsync", "or synced, unknown"},
	{"phase:failed", "how the last sync went: or running, succeeded, error"},
	{"kind:helmrelease", "or application, kustomization"},
	{"project:default", "the Argo CD project"},
	{"cluster:in-cluster", "where it goes to"},
	{"ns:shop", "the namespace that it goes to"},
	{"declared:argocd", "the namespace that it is declared in"},
	{"label:team=shop", "its label; label:team is any value"},
	{"repo:github.com", "a part of a source’s address"},
}

// URL is the address of the apps that the example finds.
func (w searchWord) URL() string { return ask{Query: view.Query{Search: w.Example}}.path() }
