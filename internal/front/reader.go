package front

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// open are requests that are answered without a reader as well: how to sign in, and
// what is the same for everybody.
var open = map[string]bool{
	"GET /api/badge":                 true,
	"HEAD /api/badge":                true,
	"GET /api/version":               true,
	"POST /api/v1/session":           true,
	"GET /api/v1/session/userinfo":   true,
	"GET /api/v1/settings":           true,
	"POST /fixpoint/v1/session":      true,
	"GET /fixpoint/v1/sign-in":       true,
	"HEAD /fixpoint/v1/sign-in":      true,
	"GET /fixpoint/v1/openapi.json":  true,
	"HEAD /fixpoint/v1/openapi.json": true,
}

// seated gives the request its reader's desk, or refuses it.
func (d *door) seated(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := d.identify(r)
		if err != nil {
			if open[r.Method+" "+r.URL.Path] {
				brief(w, r)
				d.timed(w, r, next)
				return
			}
			d.turnAway(w, r, err)
			return
		}
		reader := Reader{
			Identity: id, From: ClientOf(r), Via: via(r),
			Valid: func(ctx context.Context) error { return d.SignIn.Valid(ctx, id) },
		}
		noteReader(w, id.Subject)
		r = r.WithContext(view.WithDesk(r.Context(), d.Desk(reader)))
		if isStream(r) {
			d.stream(w, r, reader, next)
			return
		}
		leave, ok := d.requests.enter(keyOf(id, reader.From))
		if !ok {
			refuse(w, r, tooManyRequests)
			return
		}
		defer leave()
		d.timed(w, r, next)
	}
}

// mostOfStranger bounds the body of somebody who is not known: a name and a password. Read,
// it takes many times its size, and there is no bound for how many strangers ask at a time.
const mostOfStranger = 32 << 10

// brief bounds the body of a request without a reader.
func brief(w http.ResponseWriter, r *http.Request) {
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, mostOfStranger)
	}
}

// timed answers a request that is no stream.
func (d *door) timed(w http.ResponseWriter, r *http.Request, next http.Handler) {
	ctx, cancel := context.WithTimeout(r.Context(), d.Timeout)
	defer cancel()
	next.ServeHTTP(w, r.WithContext(ctx))
}

// turnAway answers a request that nobody known has sent. People are asked to sign in,
// programs are told.
func (d *door) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, view.ErrUnauthenticated) {
		d.Log.Error("telling who asks", "err", err)
		refuse(w, r, unavailable)
		return
	}
	if r.Header.Get("Authorization") != "" {
		d.Refusals.Cheap(r.Context(), d.of(r, view.Audit{Action: "authenticate", Detail: "a token that is no good"}))
	}
	switch {
	case isAPI(r):
	case r.Header.Get("Hx-Request") == "true":
		w.Header().Set("Hx-Redirect", loginAddress(local(pathOf(r.Header.Get("Hx-Current-Url")))))
	case r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html"):
		http.Redirect(w, r, loginAddress(local(r.URL.RequestURI())), http.StatusSeeOther)
		return
	}
	if errors.Is(err, errElsewhere) {
		refuse(w, r, elsewhere)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="fixpoint"`)
	refuse(w, r, unauthenticated)
}

func loginAddress(returnTo string) string {
	return "/auth/login?" + url.Values{"return": {returnTo}}.Encode()
}

// pathOf is the path and query of an address; "" if it has none.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.RequestURI()
}

// isAPI reports whether programs are answered there.
func isAPI(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/fixpoint/") || strings.HasPrefix(r.URL.Path, "/api/")
}

// via says by which of the ways in a request has come.
func via(r *http.Request) string {
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/"):
		return "argocd-api"
	case !strings.HasPrefix(r.URL.Path, "/fixpoint/"):
		return "ui"
	case strings.HasPrefix(r.UserAgent(), "fixpoint/"):
		return "cli"
	}
	return "api"
}

// note writes to the audit trail what was allowed.
func (d *door) note(r *http.Request, a view.Audit) { d.Refusals.write(r.Context(), d.of(r, a)) }

// of is a record of what a request was about.
func (d *door) of(r *http.Request, a view.Audit) view.Audit {
	a.From, a.Via = ClientOf(r), via(r)
	return a
}

// keyOf tells readers apart: anonymous ones by their address, of which whoever has one of
// IPv6 has as many as there are behind its first 64 bits.
func keyOf(id access.Identity, from string) string {
	if !id.Anonymous {
		return "as " + id.Subject
	}
	if a, err := netip.ParseAddr(from); err == nil && a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			from = network.String()
		}
	}
	return "from " + from
}
