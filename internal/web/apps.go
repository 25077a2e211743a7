package web

import (
	"cmp"
	"math"
	"net/http"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

type appsPage struct {
	Frame
	view.Page
	Ask ask
	// CanBulk: the reader may sync or refresh one of those that are shown.
	CanBulk bool
	Facets  []facet
}

func (w *Web) appsRoutes() {
	w.page("/apps", w.apps)
	w.deed("/apps/sync", w.syncMany)
	w.deed("/apps/refresh", w.refreshMany)
}

func (w *Web) apps(r *http.Request) (Page, error) {
	a, err := parseAsk(r.URL.Query())
	if err != nil {
		return nil, err
	}
	a.Query.Facets = true
	desk := view.DeskOf(r.Context())
	found, err := desk.Apps(r.Context(), a.Query)
	if err != nil {
		return nil, err
	}
	p := &appsPage{
		Frame: Frame{Title: "Apps", Nav: "apps", Template: "apps", Topics: []view.Topic{view.TopicApps}, Address: a.path()},
		Page:  found, Ask: a, Facets: facetsOf(a, found.Facets),
	}
	p.counts(found.Health[model.Degraded], stateOf(model.Degraded))
	p.Tone = "" // among many apps there is always one: an icon for it would say nothing
	p.CanBulk = slices.ContainsFunc(found.Apps, func(app view.App) bool {
		return desk.May(view.VerbSync, app) || desk.May(view.VerbRefresh, app)
	})
	return p, nil
}

// None: the reader sees no app at all, whatever is asked for.
func (p *appsPage) None() bool { return p.All == 0 }

// Filtered: something is asked for that leaves apps out.
func (p *appsPage) Filtered() bool { return p.Ask.filtered() }

// Unfiltered is the address of all apps in the same order and form.
func (p *appsPage) Unfiltered() string {
	return ask{Query: view.Query{Sort: p.Ask.Sort, Desc: p.Ask.Desc, Limit: p.Ask.Limit}, Tiles: p.Ask.Tiles}.path()
}

// active is a value of a filter, with the address without it.
type active struct{ Name, Value, URL string }

// Chosen are what is asked for.
func (p *appsPage) Chosen() []active {
	var out []active
	if p.Ask.Search != "" {
		a := p.Ask
		a.Search, a.Offset = "", 0
		out = append(out, active{"search", p.Ask.Search, a.path()})
	}
	for _, f := range p.Ask.filters() {
		for _, v := range f.get() {
			out = append(out, active{f.title, v, p.Ask.toggled(f.name, v).path()})
		}
	}
	return out
}

// Keep are the parameters that the form of search and filters passes on.
func (p *appsPage) Keep() []pair {
	v := p.Ask.values()
	var kept []pair
	for _, name := range []string{"sync", "health", "phase", "declared", "repo", "sort", "limit", "view"} {
		for _, value := range v[name] {
			kept = append(kept, pair{name, value})
		}
	}
	return kept
}

type pair struct{ Name, Value string }

// Form is the address of the same apps as a table or as tiles.
func (p *appsPage) Form(tiles bool) string {
	a := p.Ask
	a.Tiles = tiles
	return a.path()
}

// column is one that can be sorted by: its address, and "ascending" or "descending" if
// it is what they are sorted by.
type column struct{ Text, URL, Sorted, Class string }

// Column is that of a sort key.
func (p *appsPage) Column(key, text string) column {
	a, c := p.Ask, column{Text: text, Class: map[string]string{"cluster": "dest", "revision": "rev"}[key]}
	c.Class = cmp.Or(c.Class, key)
	current := a.Sort == key || a.Sort == "" && key == "name"
	switch {
	case current && a.Desc:
		c.Sorted = "descending"
	case current:
		c.Sorted = "ascending"
	}
	// What is looked for comes first: the newest, the worst.
	first := key == "changed" || key == "health" || key == "sync" || key == "status"
	a.Desc = first
	if current {
		a.Desc = !p.Ask.Desc
	}
	if a.Sort = key; key == "name" {
		a.Sort = ""
	}
	a.Offset = 0
	c.URL = a.path()
	return c
}

// segment is a part of the summary: how many have a status, and the address of them.
type segment struct {
	State
	Count   int
	URL     string
	Chosen  bool
	X, Size string // per cent of the bar
}

// HealthSegments and SyncSegments are the summary bars, worst first.
func (p *appsPage) HealthSegments() []segment {
	order := []model.HealthStatus{model.Degraded, model.Missing, model.Unknown, model.Progressing, model.Suspended, model.Healthy}
	return segments(p.Ask, "health", order, p.Page.Facets["health"], p.Health)
}

func (p *appsPage) SyncSegments() []segment {
	order := []model.SyncStatus{model.OutOfSync, model.SyncUnknown, model.Synced}
	return segments(p.Ask, "sync", order, p.Page.Facets["sync"], p.Sync)
}

// segments counts what there would be without that filter, so that there is a way back.
func segments[T ~string](a ask, name string, order []T, facet []view.Count, found map[T]int) []segment {
	counts, total := map[string]int{}, 0
	for _, c := range facet {
		counts[c.Value] = c.Count
		total += c.Count
	}
	var out []segment
	x := 0.0
	for _, value := range order {
		n, chosen := counts[string(value)], a.has(name, string(value))
		if n == 0 && found[value] == 0 && !chosen {
			continue
		}
		size := 100 * float64(n) / math.Max(float64(total), 1)
		out = append(out, segment{
			State: stateOf(value), Count: n, Chosen: chosen, URL: a.toggled(name, string(value)).path(),
			X: percent(x), Size: percent(size),
		})
		x += size
	}
	return out
}

// AppID is what a form calls an app.
func (p *appsPage) AppID(a view.App) string { return a.Key.String() }
