package web

import (
	"bytes"
	"net/http"
	"net/url"
)

// Outcome is what a deed has come to. The script shows it in a corner; without it, a
// notice on the page that it leads back to says so, or a page of its own what failed.
type Outcome struct {
	// Title is a sentence such as "Sync requested".
	Title   string
	Results []Result
	// Done is its code in notices.
	Done string
	// Back is the local path of the page that shows what comes of it; "" is where the
	// reader came from.
	Back string
}

// Result is what came of one of the things that were asked for.
type Result struct {
	Name, Link string
	// Failed: it was refused, as Text says.
	Failed bool
	Text   string
}

// Failed counts the results that are failures.
func (o Outcome) Failed() int {
	n := 0
	for _, r := range o.Results {
		if r.Failed {
			n++
		}
	}
	return n
}

type outcomePage struct {
	Frame
	Done Outcome
}

// deed registers what a form does, for POST requests of the path.
func (w *Web) deed(path string, do func(*http.Request) (Outcome, error)) {
	w.pages.HandleFunc("POST "+path, func(rw http.ResponseWriter, r *http.Request) {
		o, err := do(r)
		switch {
		case err != nil:
			w.fail(rw, r, err)
		case isPartial(r):
			w.toast(rw, r, http.StatusOK, o)
		case o.Failed() == 0:
			goOn(rw, r, backOf(r, o), o.Done)
		default:
			w.sendOutcome(rw, r, o)
		}
	})
}

// backOf is the local path that an outcome leads back to.
func backOf(r *http.Request, o Outcome) string {
	if o.Back == "" {
		if u, err := url.Parse(r.Referer()); err == nil && u.Host == r.Host {
			o.Back = u.RequestURI()
		}
	}
	return local(o.Back)
}

// sendOutcome is for readers without script some of whose things were refused.
func (w *Web) sendOutcome(rw http.ResponseWriter, r *http.Request, o Outcome) {
	o.Back = backOf(r, o)
	p := &outcomePage{Done: o}
	p.Title, p.Template = o.Title, "outcome"
	w.fill(p, r)
	w.send(rw, r, p)
}

// toast tells the script what came of its request.
func (w *Web) toast(rw http.ResponseWriter, _ *http.Request, status int, o Outcome) {
	var b bytes.Buffer
	if err := w.templates.ExecuteTemplate(&b, "toast", o); err != nil {
		w.log.Error("A message could not be rendered", "err", err)
		w.plainError(rw, http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_, _ = rw.Write(b.Bytes()) // the reader may have gone
}
