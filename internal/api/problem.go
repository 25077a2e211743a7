package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Problem is an error (RFC 9457).
type Problem struct {
	Type   string `json:"type" doc:"what kind of problem it is: an address where it is explained"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty" doc:"what is the matter this time"`
	Next   string `json:"next,omitempty" doc:"what to do"`
}

// kind is a kind of problem.
type kind struct {
	name   string
	status int
	next   string
	err    error
}

// kinds are tried in their order: the first that an error is of counts. Those without
// an error are of requests that reach no desk.
var kinds = []kind{
	{"unauthenticated", 401, "Send a token as \"Authorization: Bearer …\", or sign in at /auth/login.", view.ErrUnauthenticated},
	{"not-found", 404, "Check the name, and whether you may see it: what is missing and what is not for you look alike.", model.ErrNotFound},
	{"too-many", 429, "Close other streams, if it is about them, or try again after the seconds that the header Retry-After names.", view.ErrTooMany},
	{"conflict", 409, "Ask again once what the detail names is out of the way.", view.ErrConflict},
	{"unverified", 422, "Sign the content, or change which signatures are asked for.", model.ErrUnverified},
	{"denied", 403, "Ask whoever keeps the access rules for the right; GET /fixpoint/v1/me says who you are.", model.ErrDenied},
	{"invalid", 400, "Correct what the detail names.", model.ErrInvalid},
	{"too-large", 413, "Send less.", nil},
	{"timeout", 504, "Try again, or ask for less.", context.DeadlineExceeded},
	{"unavailable", 503, "Try again after a while; something that this depends on does not answer.", model.ErrTransient},
	{"internal", 500, "The log of the controller has more under the id that the detail names.", nil},
	{"method", 405, "Use one of the methods that the header Allow names.", nil},
	{"not-acceptable", 406, "Accept the type that the document of this API names.", nil},
	{"media-type", 415, "Send the body as JSON, with the header \"Content-Type: application/json\".", nil},
	{"cross-origin", 403, "Use the pages of this site. Programs send neither Origin nor Sec-Fetch-Site.", nil},
}

func kindNamed(name string) (kind, bool) {
	for _, k := range kinds {
		if k.name == name {
			return k, true
		}
	}
	return kind{}, false
}

func problem(k kind, detail string) Problem {
	return Problem{Type: Root + "/problems/" + k.name, Title: http.StatusText(k.status), Status: k.status, Detail: detail, Next: k.next}
}

// refusal is an error of a kind that no package but this one knows.
type refusal struct{ name, detail string }

func (r refusal) Error() string { return r.detail }

// problemOf is what is said of an error. What is of no known kind is told to the log
// alone, under an id.
func (a *api) problemOf(r *http.Request, err error) Problem {
	var own refusal
	if errors.As(err, &own) {
		k, _ := kindNamed(own.name)
		return problem(k, own.detail)
	}
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		k, _ := kindNamed("too-large")
		return problem(k, "the body is too large")
	}
	for _, k := range kinds {
		if k.err != nil && errors.Is(err, k.err) {
			return problem(k, err.Error())
		}
	}
	var id [6]byte
	_, _ = rand.Read(id[:])
	name := hex.EncodeToString(id[:])
	a.log.Error("a request has failed", "id", name, "method", r.Method, "path", r.URL.Path, "err", err)
	k, _ := kindNamed("internal")
	return problem(k, "something went wrong here (error "+name+")")
}

// fail answers with an error.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // nobody reads it
	}
	p := a.problemOf(r, err)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="fixpoint"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "10")
	}
	body, _ := json.Marshal(p)
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}
