package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// state is what of an app a tab of the browser shows.
func (h appHead) state() State {
	a := h.App
	switch {
	case a.Deleting:
		return State{"Being deleted", "trash", "bad"}
	case a.Health == model.Degraded:
		return stateOf(a.Health)
	case h.Running():
		return stateOf(model.PhaseRunning)
	case a.Health == model.Missing, a.Health == model.Progressing:
		return stateOf(a.Health)
	case a.Sync == model.OutOfSync:
		return stateOf(a.Sync)
	}
	return stateOf(a.Health)
}

// says makes the frame say a state in the title and the icon of the browser's tab. What
// is as it should be is not said.
func (f *Frame) says(s State) {
	f.Tone = s.Tone
	if s.Tone != "good" {
		f.Title = s.Word + ": " + f.Title
	}
}

// counts makes the frame say how many of something are in a bad state, if any are.
func (f *Frame) counts(n int, s State) {
	if n > 0 {
		f.Title = fmt.Sprintf("%d %s: %s", n, strings.ToLower(s.Word), f.Title)
		f.Tone = s.Tone
	}
}

// TabIcon is the file of the icon that says the tone.
func (f *Frame) TabIcon() string {
	switch f.Tone {
	case "bad", "warn", "busy":
		return "favicon-" + f.Tone + ".svg"
	}
	return "favicon.svg"
}

type glanceKey struct{}

// isGlance reports whether only the title of a page is wanted: what that does not need
// is not read.
func isGlance(r *http.Request) bool { return r.Context().Value(glanceKey{}) != nil }

// glance answers what the browser's tab would say of the page that the parameter page
// names, for tabs that nobody looks at. It looks at no descendant and makes no diff.
func (w *Web) glance(rw http.ResponseWriter, r *http.Request) {
	target, err := url.ParseRequestURI(local(r.URL.Query().Get("page")))
	if err != nil {
		w.fail(rw, r, model.Invalidf("the parameter page has to be the path of a page"))
		return
	}
	looked := r.Clone(context.WithValue(r.Context(), glanceKey{}, true))
	looked.URL, looked.RequestURI = target, target.RequestURI()
	p, err := w.make(looked)
	if err == nil && !p.frame().IsLive() {
		err = errNoPage
	}
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	f := p.frame()
	body, _ := json.Marshal(map[string]string{"title": f.Title + " · Fixpoint", "icon": w.assets.url(f.TabIcon())}) // texts can be written
	tag := `"` + stableHash(string(body)) + `"`
	h := rw.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-store")
	if r.Header.Get("If-None-Match") == tag {
		rw.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = rw.Write(body) // the reader may have gone
}
