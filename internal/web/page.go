package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Page is a struct that embeds Frame, with all that its template shows.
type Page interface{ frame() *Frame }

// Frame is what all pages have. Whoever makes a page fills in the first part:
//
//	type clustersPage struct {
//		Frame
//		Clusters []view.Cluster
//	}
//
// Its template is that of the name in Template, and is executed with the page. In it
// {{.Live "clusters-list"}} stands for the template of that name, executed with the page,
// too: a region, which has to be one element with the template's name as its id. When
// one of Topics changes, the page is made anew, and those regions that have become
// different are sent to all who look at it. That is one page for all of equal rights: a
// region must not show Who, Theme, Notice or anything else that is of one reader.
type Frame struct {
	// Title is that of the window, without the program's name. Tone is the colour of what
	// it says; "" is none.
	Title, Tone string
	// Nav is the entry of the navigation that the page belongs to, such as "apps".
	Nav string
	// Template is the page's.
	Template string
	// Topics are what the page shows; empty if it is not live.
	Topics []view.Topic
	// Status is that of the answer; 0 is 200.
	Status int
	// Address is the page's path and query as it is best written; "" is as it was asked
	// for. If set, the browser's history follows what links and forms of the page change.
	Address string

	// Gone is shown in place of the page when what it shows is gone while it is looked at;
	// nil is a line above it.
	Gone *gone

	// The rest is filled in for the templates.

	// Away are the clusters that can't be reached, of those that the reader may see. The
	// navigation of every page says so.
	Away []view.Cluster

	// Who looks at it, Theme is "light", "dark" or "" for that of the system.
	Who   view.Who
	Theme string
	// Self is the page's path and query.
	Self string
	// Notice says what was done before; "" if nothing was.
	Notice string
	// Now is when it was made.
	Now time.Time

	web     *Web
	page    Page
	regions []Region
}

func (f *Frame) frame() *Frame { return f }

// Main is the content of the page.
func (f *Frame) Main() (template.HTML, error) { return f.execute(f.Template) }

// lay makes all regions of the page without its frame.
func (f *Frame) lay() error {
	if _, err := f.Live(awayRegion); err != nil {
		return err
	}
	_, err := f.Main()
	return err
}

// awayRegion is the one of the navigation, on all pages.
const awayRegion = "nav-clusters"

// Live is a region of the page.
func (f *Frame) Live(name string) (template.HTML, error) {
	html, err := f.execute(name)
	if err == nil {
		f.regions = append(f.regions, newRegion(name, html))
	}
	return html, err
}

// Have says which regions the page has been sent with, as "name:hash,…".
func (f *Frame) Have() string { return have(f.regions) }

// IsLive reports whether the page changes while it is looked at.
func (f *Frame) IsLive() bool { return len(f.Topics) > 0 }

func (f *Frame) execute(name string) (template.HTML, error) {
	var b bytes.Buffer
	err := f.web.templates.ExecuteTemplate(&b, name, f.page)
	return template.HTML(b.String()), err //nolint:gosec // it comes from a template
}

// maker makes a page for a request. Its error is one of a Desk, or of the address.
type maker func(*http.Request) (Page, error)

// captured is where a page is put instead of being sent.
type captured struct {
	page Page
	err  error
}

type captureKey struct{}

// page registers a page for GET requests of the pattern, which is a path of
// http.ServeMux.
func (w *Web) page(path string, of maker) {
	w.pages.HandleFunc("GET "+path, func(rw http.ResponseWriter, r *http.Request) {
		r = takeNotice(r)
		p, err := of(r)
		if err == nil {
			w.fill(p, r)
		}
		if c, ok := r.Context().Value(captureKey{}).(*captured); ok {
			c.page, c.err = p, err
			return
		}
		if err != nil {
			w.fail(rw, r, err)
			return
		}
		w.send(rw, r, p)
	})
}

// make makes the page that a request asks for without sending it.
func (w *Web) make(r *http.Request) (Page, error) {
	c := &captured{err: errNoPage}
	w.pages.ServeHTTP(nowhere{}, r.WithContext(context.WithValue(r.Context(), captureKey{}, c)))
	return c.page, c.err
}

func (w *Web) fill(p Page, r *http.Request) {
	f := p.frame()
	f.web, f.page, f.Now, f.Notice = w, p, w.now(), noticeOf(r)
	f.Self, f.Theme = cmp.Or(f.Address, r.URL.RequestURI()), themeOf(r)
	if desk := view.DeskOf(r.Context()); desk != nil {
		f.Who = desk.Who()
		f.Away, _ = desk.Unreachable(r.Context()) // whoever may see nothing, of no cluster
	}
}

// send renders the page into a buffer and sends it: all of it, or for a request of the
// script its regions.
func (w *Web) send(rw http.ResponseWriter, r *http.Request, p Page) {
	body, err := w.render(p, isPartial(r))
	if err != nil {
		w.log.Error("A page could not be rendered", "page", p.frame().Template, "err", err)
		w.plainError(rw, http.StatusInternalServerError)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Hx-Request, Cookie")
	noteAddress(h, r, p.frame())
	rw.WriteHeader(max(p.frame().Status, http.StatusOK))
	if r.Method != http.MethodHead {
		_, _ = rw.Write(body) //nolint:gosec // it comes from templates; the reader may have gone
	}
}

// noteAddress tells the script what the address bar has to show: what is typed replaces
// the entry of the history, what is chosen makes one.
func noteAddress(h http.Header, r *http.Request, f *Frame) {
	switch {
	case f.Address == "" || !isPartial(r):
	case strings.HasPrefix(r.Header.Get("Hx-Source"), "input"):
		h.Set("Hx-Replace-Url", f.Address)
	default:
		h.Set("Hx-Push-Url", f.Address)
	}
}

func (w *Web) render(p Page, partial bool) ([]byte, error) {
	f := p.frame()
	f.regions = nil
	var b bytes.Buffer
	if !partial {
		err := w.templates.ExecuteTemplate(&b, "layout", p)
		return b.Bytes(), err
	}
	if err := f.lay(); err != nil {
		return nil, err
	}
	err := w.templates.ExecuteTemplate(&b, "partials", p)
	return b.Bytes(), err
}

// Partials are the regions as the script takes them; after Main.
func (f *Frame) Partials() []Region { return f.regions }

// isPartial reports whether the script asks for what a new address changes in the page.
func isPartial(r *http.Request) bool {
	return r.Header.Get("Hx-Request") == "true" && r.Header.Get("Hx-History-Restore-Request") == ""
}

var errNoPage = model.As(model.ErrNotFound, errors.New("no page has this address"))

// nowhere is written to when only a page's values are wanted.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}
