package front

import (
	"context"
	"errors"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// loginPage shows how to sign in. Nothing of the request is shown.
func (d *door) loginPage(w http.ResponseWriter, r *http.Request) {
	returnTo := local(r.URL.Query().Get("return"))
	id, err := d.identify(r)
	if err == nil && !id.Anonymous {
		goOn(w, r, returnTo)
		return
	}
	page := view.SignIn{ReturnTo: returnTo}
	switch {
	case errors.Is(err, ErrExpired):
		page.Failed = view.FailedExpired
		d.SignIn.ClearCookie(w, r)
	case errors.Is(err, errElsewhere):
		page.Failed = view.FailedHost
	}
	d.showLogin(w, r, http.StatusOK, page)
}

func (d *door) showLogin(w http.ResponseWriter, r *http.Request, status int, page view.SignIn) {
	page.Local, page.SSO = d.SignIn.Ways()
	d.Page(&withStatus{ResponseWriter: w, status: status}, r, page)
}

// login takes a name and a password from the form's body.
func (d *door) login(w http.ResponseWriter, r *http.Request) {
	brief(w, r)
	if err := r.ParseForm(); err != nil {
		if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
			refuse(w, r, tooLarge)
			return
		}
		d.showLogin(w, r, http.StatusBadRequest, view.SignIn{Failed: view.FailedPassword, ReturnTo: home})
		return
	}
	name, returnTo := r.PostForm.Get("name"), local(r.PostForm.Get("return"))
	if err := d.SignIn.Login(w, r, name, r.PostForm.Get("password"), ClientOf(r)); err != nil {
		d.loginFailed(w, r, view.SignIn{Name: Clean(name), ReturnTo: returnTo}, err)
		return
	}
	d.note(r, view.Audit{Who: Clean(name), Action: "login", Outcome: "allowed"})
	goOn(w, r, returnTo)
}

func (d *door) loginFailed(w http.ResponseWriter, r *http.Request, page view.SignIn, err error) {
	a := view.Audit{Who: page.Name, Action: "login"}
	status, busy, note := http.StatusUnauthorized, Busy{}, d.Refusals.Tried
	switch {
	case errors.Is(err, view.ErrUnauthenticated):
		page.Failed, a.Detail = view.FailedPassword, "wrong name or password"
	case errors.As(err, &busy):
		page.Failed, a.Detail = view.FailedBusy, "too many attempts"
		status, note = http.StatusTooManyRequests, d.Refusals.Cheap
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(busy.After.Seconds())))))
	default:
		d.Log.Error("signing in", "err", err)
		refuse(w, r, unavailable)
		return
	}
	note(r.Context(), d.of(r, a))
	d.showLogin(w, r, status, page)
}

// sso sends the browser to the provider.
func (d *door) sso(w http.ResponseWriter, r *http.Request) {
	returnTo := local(r.URL.Query().Get("return"))
	if err := d.SignIn.Begin(w, r, returnTo); err != nil {
		d.providerFailed(w, r, returnTo, err)
	}
}

// providerFailed shows why the provider let nobody in, and that it can be tried again.
func (d *door) providerFailed(w http.ResponseWriter, r *http.Request, returnTo string, err error) {
	d.Log.Warn("signing in by the provider", "from", ClientOf(r), "err", err)
	if errors.As(err, new(Busy)) {
		d.loginFailed(w, r, view.SignIn{ReturnTo: local(returnTo)}, err)
		return
	}
	failure := Failure{Why: view.FailedSSO}
	errors.As(err, &failure)
	status := http.StatusUnauthorized
	switch failure.Why {
	case view.FailedAway: // nobody was refused
		status = http.StatusServiceUnavailable
	case view.FailedDeclined:
		d.Refusals.Cheap(r.Context(), d.of(r, view.Audit{Action: "login", Detail: "the provider has declined"}))
	default:
		d.Refusals.Cheap(r.Context(), d.of(r, view.Audit{Action: "login", Detail: "the provider's answer is no good"}))
	}
	d.showLogin(w, r, status, view.SignIn{Failed: failure.Why, ReturnTo: local(returnTo)})
}

// callback is where the provider sends it back to.
func (d *door) callback(w http.ResponseWriter, r *http.Request) {
	returnTo, err := d.SignIn.Callback(w, r)
	if err != nil {
		d.providerFailed(w, r, returnTo, err)
		return
	}
	who := ""
	if id, err := d.SignIn.Authenticate(withCookies(r, w)); err == nil {
		who = id.Subject
	}
	d.note(r, view.Audit{Who: who, Action: "login", Outcome: "allowed", Detail: "by the provider"})
	goOn(w, r, returnTo)
}

// goOn sends the browser to a page of this site.
func goOn(w http.ResponseWriter, r *http.Request, to string) {
	http.Redirect(w, r, local(to), http.StatusSeeOther) //nolint:gosec // local lets nothing else pass: TestSecurityOpenRedirect
}

// withCookies is the browser's next request, for the cookies that w sets.
func withCookies(r *http.Request, w http.ResponseWriter) *http.Request {
	next := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/"}, Host: r.Host, RemoteAddr: r.RemoteAddr, TLS: r.TLS,
		Header: r.Header.Clone(),
	}
	next.Header.Del("Cookie")
	next.Header.Del("Authorization")
	for _, c := range (&http.Response{Header: w.Header()}).Cookies() {
		if c.MaxAge >= 0 {
			next.AddCookie(c)
		}
	}
	return next.WithContext(r.Context())
}

// logout ends the session, if there is one.
func (d *door) logout(w http.ResponseWriter, r *http.Request) {
	provider := ""
	id, err := d.SignIn.Authenticate(r)
	if err == nil && !id.Anonymous {
		provider = d.SignIn.LogoutURL(r, id)
		if err := d.SignIn.Logout(context.WithoutCancel(r.Context()), id); err != nil {
			d.Log.Error("revoking a session", "who", id.Subject, "err", err)
			refuse(w, r, unavailable)
			return
		}
		d.note(r, view.Audit{Who: id.Subject, Action: "logout", Outcome: "allowed"})
	}
	d.SignIn.ClearCookie(w, r)
	if origin(provider) == "" || !strings.HasPrefix(provider, "http") {
		http.Redirect(w, r, "/auth/login", http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := leaving.Execute(w, provider); err != nil {
		d.Log.Debug("writing the page after signing out", "err", err)
	}
}

// leaving is the page after signing out here, which leads on to the provider: forms may
// not lead to other sites, not even by a redirect.
var leaving = template.Must(template.New("leaving").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Signed out · Fixpoint</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="0; url={{.}}">
<main><h1>Signed out of Fixpoint</h1><p><a href="{{.}}">Go on to sign out of the identity provider</a></p></main></html>
`))

// Clean is a name that was typed, for a page, the log and the audit trail.
func Clean(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = strings.TrimSpace(strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, name))
	if letters := []rune(name); len(letters) > 64 {
		name = string(letters[:64]) + "…"
	}
	return name
}

// withStatus answers with a status of its own where none is given.
type withStatus struct {
	http.ResponseWriter
	status int
	sent   bool
}

// WriteHeader is that of http.ResponseWriter.
func (s *withStatus) WriteHeader(status int) {
	if status == http.StatusOK {
		status = s.status
	}
	s.sent = true
	s.ResponseWriter.WriteHeader(status)
}

// Write is that of http.ResponseWriter.
func (s *withStatus) Write(b []byte) (int, error) {
	if !s.sent {
		s.WriteHeader(http.StatusOK)
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (s *withStatus) Unwrap() http.ResponseWriter { return s.ResponseWriter }
