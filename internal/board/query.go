package board

import (
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Apps finds the page of a query among those apps that may reports true for; nil is
// all. A sort key that is none is name.
func (b *Board) Apps(q view.Query, may func(*view.App) bool) view.Page {
	s := b.state()
	w := b.begin(q)
	defer b.end(w)
	page := view.Page{Health: map[model.HealthStatus]int{}, Sync: map[model.SyncStatus]int{}, Version: s.forgotten}
	for _, r := range s.gone {
		if may == nil || may(&r.app) {
			page.Version = max(page.Version, r.app.Version)
		}
	}
	for _, r := range s.rows {
		if may == nil || may(&r.app) {
			page.All++
			page.Version = max(page.Version, r.app.Version)
			w.look(r, &page)
		}
	}
	page.Total = len(w.found)
	page.Apps = w.page()
	if q.Facets {
		page.Facets = w.counts.page()
	}
	return page
}

// work is the scratch space of a query, which is used again.
type work struct {
	q      view.Query
	terms  []term
	found  []*row
	counts counts
}

func (b *Board) begin(q view.Query) *work {
	var w *work
	select {
	case w = <-b.idle:
	default:
		w = &work{counts: newCounts()}
	}
	w.q = q
	w.terms = appendTerms(w.terms, q.Search)
	return w
}

// end forgets what the query was about, so that nothing is kept alive by it.
func (b *Board) end(w *work) {
	w.q = view.Query{}
	clear(w.terms)
	clear(w.found)
	w.terms, w.found = w.terms[:0], w.found[:0]
	w.counts.clear()
	select {
	case b.idle <- w:
	default:
	}
}

// look takes r in if the query finds it, and counts it where it belongs.
func (w *work) look(r *row, page *view.Page) {
	for i := range w.terms {
		if !w.terms[i].matches(r) {
			return
		}
	}
	missed := misses(&w.q, r)
	if w.q.Facets {
		w.counts.add(r, missed)
	}
	if missed != 0 {
		return
	}
	w.found = append(w.found, r)
	page.Health[r.app.Health]++
	page.Sync[r.app.Sync]++
	if r.app.Phase == model.PhaseRunning {
		page.Running++
	}
}

// page is the part of what was found that was asked for, in its order. What was found
// is in no order afterwards.
func (w *work) page() []view.App {
	from := min(max(w.q.Offset, 0), len(w.found))
	limit := w.q.Limit
	if limit <= 0 {
		limit = view.DefaultLimit
	}
	to := min(from+min(limit, view.MaxLimit), len(w.found))
	if from == to {
		return nil
	}
	out := make([]view.App, 0, to-from)
	for _, r := range w.upTo(to)[from:] {
		out = append(out, r.app)
	}
	return out
}

// upTo are the first n of what was found, which is in the order of names.
func (w *work) upTo(n int) []*row {
	switch by := orders[w.q.Sort]; {
	case by != nil:
		return first(w.found, n, thenName(by, w.q.Desc))
	case w.q.Desc:
		slices.Reverse(w.found)
	}
	return w.found[:n]
}
