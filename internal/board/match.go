package board

import (
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// The filters of a query, as bits. Those before filterPhase are facets as well.
const (
	filterSync = 1 << iota
	filterHealth
	filterKind
	filterProject
	filterCluster
	filterNamespace
	filterLabel
	filterPhase
	filterDeclared
	filterRepo
)

// misses are the filters that r does not pass.
func misses(q *view.Query, r *row) int {
	return refused(filterSync, q.Sync, r.app.Sync) |
		refused(filterHealth, q.Health, r.app.Health) |
		refused(filterKind, q.Kinds, r.app.Kind) |
		refused(filterProject, q.Projects, r.app.Project) |
		refused(filterCluster, q.Clusters, r.app.Cluster.Name) |
		refused(filterNamespace, q.Namespaces, r.app.Namespace) |
		refused(filterPhase, q.Phases, r.app.Phase) |
		refused(filterDeclared, q.Declared, r.app.Key.Namespace) |
		refusedAny(filterLabel, q.Labels, r.hasLabel) |
		refusedAny(filterRepo, q.Repos, func(url string) bool { return slices.Contains(r.repos, url) })
}

func refused[T comparable](filter int, wanted []T, value T) int {
	if len(wanted) == 0 || slices.Contains(wanted, value) {
		return 0
	}
	return filter
}

func refusedAny(filter int, wanted []string, has func(string) bool) int {
	if len(wanted) == 0 || slices.ContainsFunc(wanted, has) {
		return 0
	}
	return filter
}

// term is a word of a search: a text that has to occur, or with a field one that the
// field has to be, or begin with if prefix is set. All but label is in lower case.
type term struct {
	field, text string
	prefix      bool
}

// fields are those that a word "field:value" may name, with their values.
var fields = map[string]func(*view.App) string{
	"name":      func(a *view.App) string { return a.Key.Name },
	"declared":  func(a *view.App) string { return a.Key.Namespace },
	"kind":      func(a *view.App) string { return a.Kind },
	"health":    func(a *view.App) string { return string(a.Health) },
	"sync":      func(a *view.App) string { return string(a.Sync) },
	"phase":     func(a *view.App) string { return string(a.Phase) },
	"project":   func(a *view.App) string { return a.Project },
	"cluster":   func(a *view.App) string { return a.Cluster.Name },
	"ns":        func(a *view.App) string { return a.Namespace },
	"namespace": func(a *view.App) string { return a.Namespace },
}

// appendTerms reads a search. A word whose field is none that there is, such as
// https://host, is a text.
func appendTerms(terms []term, search string) []term {
	for word := range strings.FieldsSeq(search) {
		field, value, has := strings.Cut(word, ":")
		field = strings.ToLower(field)
		if !has || value == "" || fields[field] == nil && field != "label" && field != "repo" {
			terms = append(terms, term{text: strings.ToLower(word)})
			continue
		}
		if field != "label" {
			value = strings.ToLower(value)
		}
		t := term{field: field}
		t.text, t.prefix = strings.CutSuffix(value, "*")
		terms = append(terms, t)
	}
	return terms
}

func (t *term) matches(r *row) bool {
	switch t.field {
	case "":
		return strings.Contains(r.text, t.text)
	case "label":
		if t.prefix {
			return slices.ContainsFunc(r.labels, func(l string) bool { return strings.HasPrefix(l, t.text) })
		}
		return r.hasLabel(t.text)
	case "repo":
		return slices.ContainsFunc(r.repos, func(url string) bool { return strings.Contains(strings.ToLower(url), t.text) })
	}
	value := fields[t.field](&r.app)
	if t.prefix {
		return len(value) >= len(t.text) && strings.EqualFold(value[:len(t.text)], t.text)
	}
	return strings.EqualFold(value, t.text)
}
