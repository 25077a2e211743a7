package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// errorPage says what is the matter and what to do.
type errorPage struct {
	Frame
	Icon, Head, Text, Next string
}

// fail answers with the page of an error, or tells the script in a message.
func (w *Web) fail(rw http.ResponseWriter, r *http.Request, err error) {
	p := errorOf(err)
	w.fill(p, r)
	if p.Status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		w.log.Error("A page could not be made", "path", r.URL.Path, "err", err)
	}
	if isPartial(r) {
		w.toast(rw, r, p.Status, Outcome{Title: p.Head, Results: []Result{{Failed: true, Text: p.Text}}})
		return
	}
	w.send(rw, r, p)
}

// errorOf is the table from the kinds of errors to what people see.
func errorOf(err error) *errorPage {
	e := &errorPage{Text: err.Error()}
	switch {
	case errors.Is(err, view.ErrUnauthenticated):
		e.Status, e.Icon, e.Head = http.StatusUnauthorized, "key", "You are signed out"
		e.Text, e.Next = "Your session has ended. Sign in again to go on.", "sign-in"
	case errors.Is(err, model.ErrNotFound):
		e.Status, e.Icon, e.Head = http.StatusNotFound, "missing", "Not here"
		e.Text = "It does not exist, or you may not see it."
	case errors.Is(err, model.ErrDenied):
		e.Status, e.Icon, e.Head = http.StatusForbidden, "lock", "Not permitted"
	case errors.Is(err, model.ErrInvalid):
		e.Status, e.Icon, e.Head = http.StatusUnprocessableEntity, "warning", "That can't be done"
	case errors.Is(err, view.ErrConflict):
		e.Status, e.Icon, e.Head = http.StatusConflict, "clock", "Not now"
	case errors.Is(err, model.ErrTransient):
		e.Status, e.Icon, e.Head = http.StatusServiceUnavailable, "offline", "Not reachable at the moment"
		e.Next = "retry"
	default:
		e.Status, e.Icon, e.Head = http.StatusInternalServerError, "warning", "Something went wrong"
		e.Text, e.Next = "Fixpoint could not make this page. Its log says why.", "retry"
	}
	e.Title, e.Template = e.Head, "error"
	return e
}

// missing answers for addresses that no page has.
func (w *Web) missing(rw http.ResponseWriter, r *http.Request) {
	if _, ok := r.Context().Value(captureKey{}).(*captured); ok {
		return
	}
	w.fail(rw, r, errNoPage)
}

func (w *Web) plainError(rw http.ResponseWriter, status int) {
	http.Error(rw, "Fixpoint could not make this page. Its log says why.", status)
}
