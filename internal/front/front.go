package front

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Config is what a front door needs. SignIn, Desk, Page, Pages, Audit and Log have to
// be there.
type Config struct {
	SignIn SignIn
	// Ready waits until SignIn can tell who asks, at most until its context ends; its
	// error says that it can't yet. Requests wait for it, and are refused after
	// Patience (0 is 10 s) as those of a server that starts: nobody is told to sign in
	// anew because of a restart. nil is always ready.
	Ready    func(context.Context) error
	Patience time.Duration
	// Desk makes the desk of a request.
	Desk func(Reader) view.Desk
	// Page writes the page for signing in; the door chooses its status. Pages are all
	// others, and what is below /assets/, which needs no reader.
	Page  func(http.ResponseWriter, *http.Request, view.SignIn)
	Pages http.Handler
	// API answers below /fixpoint/, Argo below /api/; nil is "not found".
	API, Argo http.Handler
	// Hooks answers /webhook, /api/webhook and below /hook/: by its own limits, without
	// a reader. nil is "not found".
	Hooks http.Handler
	// URL is the installation's address for people, "" if it is not known. nil is "".
	URL func() string
	// Names are the hosts, besides addresses, this machine and Services, at which readers
	// who have not signed in are let in. nil is none.
	Names func() []string
	// Audit notes who signed in and out and who was refused. An error is logged.
	Audit func(context.Context, view.Audit) error
	// Refusals note who was refused; nil makes some of Audit.
	Refusals *Refusals
	Log      *slog.Logger
	// TrustedProxies are the addresses whose X-Forwarded-For, Forwarded and
	// X-Forwarded-Proto are believed; empty is nobody.
	TrustedProxies []netip.Prefix
	// MaxBody bounds the body of a request; 0 is 1 MiB.
	MaxBody int64
	// Timeout bounds a request that is no stream; 0 is a minute.
	Timeout time.Duration
	// Streams and StreamsEach bound the streams that are open at a time, of all and of
	// one reader; 0 is 2000 and 64.
	Streams, StreamsEach int
	// Requests and RequestsEach bound those that are none and under way at a time, of all
	// readers and of one; 0 is 1000 and 64.
	Requests, RequestsEach int
}

// SignIn knows who asks. Errors of the kind view.ErrUnauthenticated are refusals; all
// but those and Busy are failures.
type SignIn interface {
	// Authenticate is who sent the request. Without credentials that is an anonymous
	// identity where such are let in; credentials that are no good are refused even
	// then, those that were good once by ErrExpired.
	Authenticate(*http.Request) (access.Identity, error)
	// Login gives the browser a session, for a name and a password.
	Login(w http.ResponseWriter, r *http.Request, name, password, from string) error
	// ClearCookie takes the session from the browser.
	ClearCookie(http.ResponseWriter, *http.Request)
	// Begin sends the browser to the provider. Callback is its way back: it gives the
	// browser a session and says where to go on, which counts with an error, too. Errors
	// of both are best a Failure, or Busy; Begin has written nothing then.
	Begin(w http.ResponseWriter, r *http.Request, returnTo string) error
	Callback(http.ResponseWriter, *http.Request) (returnTo string, err error)
	// Logout revokes the token that the identity came with.
	Logout(context.Context, access.Identity) error
	// LogoutURL is where the identity's provider ends its own session; "" is nowhere.
	LogoutURL(*http.Request, access.Identity) string
	// While is a context that ends once it is known that the identity's token would be
	// refused, with another cause than context.Canceled.
	While(context.Context, access.Identity) (context.Context, context.CancelFunc)
	// Valid is an error once the identity's token would be refused.
	Valid(context.Context, access.Identity) error
	// Ways are those in which people can sign in: with name and password, and by the
	// provider of that name.
	Ways() (local bool, sso string)
}

// ErrExpired refuses credentials that were good once. It is view.ErrUnauthenticated.
var ErrExpired = fmt.Errorf("%w: the session has ended", view.ErrUnauthenticated)

// Busy is the error of a SignIn that has seen too many attempts.
type Busy struct{ After time.Duration }

func (b Busy) Error() string { return "too many attempts to sign in" }

// Failure is the error of a SignIn whose provider has not said who somebody is.
type Failure struct {
	// Why is one of view's Failed… constants.
	Why string
	Err error
}

func (f Failure) Error() string { return f.Err.Error() }
func (f Failure) Unwrap() error { return f.Err }

// Reader is who reads, for one request.
type Reader struct {
	Identity access.Identity
	// From is its address, Via "ui", "api", "argocd-api" or "cli".
	From, Via string
	// Valid is an error once the reader would be refused; for what lasts.
	Valid func(context.Context) error
}

// door is what New makes.
type door struct {
	Config
	cross *http.CrossOriginProtection
	// streams counts those that are open, requests all else that is under way.
	streams, requests *streams
}

// New is the handler of all requests.
func New(c Config) http.Handler {
	c.MaxBody = cmp.Or(c.MaxBody, 1<<20)
	c.Timeout = cmp.Or(c.Timeout, time.Minute)
	c.Patience = cmp.Or(c.Patience, 10*time.Second)
	if c.URL == nil {
		c.URL = func() string { return "" }
	}
	if c.Names == nil {
		c.Names = func() []string { return nil }
	}
	if c.Refusals == nil {
		c.Refusals = NewRefusals(c.Audit, c.Log)
	}
	d := &door{
		Config: c, cross: http.NewCrossOriginProtection(),
		streams:  newStreams(cmp.Or(c.Streams, 2000), cmp.Or(c.StreamsEach, 64)),
		requests: newStreams(cmp.Or(c.Requests, 1000), cmp.Or(c.RequestsEach, 64)),
	}
	return d.entry(d.routes())
}

func (d *door) routes() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/webhook", "/api/webhook", "/hook/"} {
		mux.Handle(path, orNotFound(d.Hooks))
	}
	mux.Handle("GET /assets/", d.Pages)
	mux.Handle("/auth/", d.own(notFound))
	mux.Handle("/auth/login", d.own(methods{get: d.loginPage, post: d.login}.serve))
	mux.Handle("/auth/logout", d.own(methods{post: d.logout}.serve))
	mux.Handle("/auth/sso", d.own(methods{get: d.sso}.serve))
	mux.Handle("/auth/callback", d.own(methods{get: d.callback}.serve))
	mux.Handle("/fixpoint/", d.own(d.json(d.seated(orNotFound(d.API))).ServeHTTP))
	mux.Handle("/api/", d.own(d.json(d.seated(orNotFound(d.Argo))).ServeHTTP))
	mux.Handle("/", d.own(d.seated(d.Pages).ServeHTTP))
	return mux
}

// own is what holds for all requests but the calls of webhooks: they come from this
// site or from no browser, are bounded, and are answered in time.
func (d *door) own(next http.HandlerFunc) http.Handler {
	return d.sameOrigin(d.bounded(d.ready(next)))
}

// ready has requests wait while it can't be told yet who asks.
func (d *door) ready(next http.HandlerFunc) http.HandlerFunc {
	if d.Ready == nil {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), d.Patience)
		defer cancel()
		if d.Ready(ctx) != nil {
			refuse(w, r, starting)
			return
		}
		next(w, r)
	}
}

// entry is the outermost: what holds for each request and answer.
func (d *door) entry(next http.Handler) http.Handler {
	straight := d.recovering(next)
	// What an answer weighs must not tell whether the address repeats something secret
	// that is in the page.
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.EnableZstd(false), gzhttp.RandomJitter(32, 0, false),
		gzhttp.ExceptContentTypes(uncompressed))
	if err != nil {
		panic(err) // options that never change
	}
	compressed := compress(straight)
	return d.logged(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.headers(w, r)
		r = d.arrived(r)
		if !plain(r.URL) {
			refuse(w, r, noSuchPage)
			return
		}
		if isStream(r) {
			straight.ServeHTTP(w, r)
			return
		}
		compressed.ServeHTTP(w, r)
	}))
}

// plain reports whether the first word of a path is written as it is meant. Routes are
// found by what is written, and what holds for them is known by what is meant: both have
// to be of the same handler. No page and no API has a first word that needs escapes.
func plain(u *url.URL) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	return !strings.Contains(first, "%")
}

// uncompressed are the types that are compressed already, and those of streams.
var uncompressed = []string{
	"text/event-stream", "application/x-ndjson", "image/png", "image/jpeg", "image/webp", "font/woff2", "application/gzip",
}
