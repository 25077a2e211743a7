package web

import (
	"bytes"
	"net/http"
	"net/url"
)

// Outcome is what a deed has come to. The script shows it in a corner; without it, it
// is a page.
type Outcome struct {
	// Title is a sentence such as "Sync requested".
	Title   string
	Results []Result
	// Back is the local path that the page leads back to; "" is where the reader came
	// from. To, if set, is gone to at once instead of showing anything.
	Back, To string
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
		case o.To != "" && isPartial(r):
			rw.Header().Set("Hx-Redirect", local(o.To))
		case o.To != "":
			http.Redirect(rw, r, local(o.To), http.StatusSeeOther)
		case isPartial(r):
			w.toast(rw, r, http.StatusOK, o)
		default:
			w.sendOutcome(rw, r, o)
		}
	})
}

func (w *Web) sendOutcome(rw http.ResponseWriter, r *http.Request, o Outcome) {
	if o.Back == "" {
		if u, err := url.Parse(r.Referer()); err == nil && u.Host == r.Host {
			o.Back = u.RequestURI()
		}
	}
	o.Back = local(o.Back)
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
