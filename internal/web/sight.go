package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// sight is what a live page looks like at a moment, the same to all whose rights are
// equal: nothing in it is of one reader. It never changes.
type sight struct {
	topics  []view.Topic
	regions []liveRegion
	// gone takes the page's place at last.
	gone *gone
}

// liveRegion is a region with its items, and their HTML.
type liveRegion struct {
	Region
	items items
	html  []string
}

// sight makes the page of an address for a stream, or takes part when it is made for
// others. Of the request it depends on the address, the desk, and on the screen's size.
func (w *Web) sight(r *http.Request) (*sight, error) {
	page, phone := r.URL.RequestURI(), isPhone(r)
	made, err := view.DeskOf(r.Context()).Together(r.Context(), fmt.Sprint("page ", phone, " ", page),
		func(ctx context.Context, desk view.Desk) (any, error) {
			return w.sightOf(view.WithDesk(ctx, desk), page, phone)
		})
	seen, _ := made.(*sight)
	return seen, err
}

// sightOf makes a page of nothing but its address, the context's desk and the size of the
// screen.
func (w *Web) sightOf(ctx context.Context, page string, phone bool) (*sight, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil) //nolint:gosec // it is answered here, and sent nowhere
	if err != nil {
		return nil, err
	}
	if phone {
		r.Header.Set(phoneHeader, "?1")
	}
	p, err := w.make(r)
	if err != nil {
		return nil, err
	}
	f := p.frame()
	if !f.IsLive() {
		return nil, errNoPage
	}
	if err := f.lay(); err != nil {
		w.log.Error("a live page could not be rendered", "page", f.Template, "err", err)
		return nil, err
	}
	l := &sight{topics: append(slices.Clip(f.Topics), view.TopicClusters), gone: f.Gone}
	for _, region := range f.regions {
		its, html := split(region.HTML)
		l.regions = append(l.regions, liveRegion{region, its, html})
	}
	return l, nil
}
