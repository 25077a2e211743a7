package argoapi

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Config says what the API is made of. Its zero value answers, but lets nobody sign in.
type Config struct {
	// Login gives a token for a name and a password that come from an address. Errors are
	// view.ErrUnauthenticated and Busy; all others are failures. nil lets nobody in.
	Login func(ctx context.Context, name, password, from string) (token string, err error)
	// Logout ends the session that the request shows; nil does nothing.
	Logout func(*http.Request) error
	// URL is the installation's address for people, Ways those in which they can sign in:
	// with name and password, and by the provider of that name. nil is none.
	URL  func() string
	Ways func() (local bool, sso string)
	// Badge is how an Application is, for everybody: found if there is one, enabled if
	// everybody may know; a namespace of "" is the control plane's. ProjectBadge
	// is how those of projects are together. Badges is enabled alone. nil is that nobody
	// may.
	Badge        func(namespace, name string) (badge view.Badge, found, enabled bool)
	ProjectBadge func(projects []string) (badge view.Badge, found, enabled bool)
	Badges       func() bool
	// Namespace is that of the control plane, where Applications are meant that no
	// namespace is named of; "" is argocd.
	Namespace string
	// Version is that of the program.
	Version string
	// Log is told what went wrong; nil is nobody.
	Log *slog.Logger
	// Patience is how long a refresh is waited for; 0 is 20 seconds. Pause is the least
	// time between two looks of a stream, 0 is a second. Heartbeat is how often a stream of
	// events without news says that it is there, 0 is 15 seconds.
	Patience, Pause, Heartbeat time.Duration
}

// Busy is the error of a Login that has seen too many attempts.
type Busy struct{ After time.Duration }

func (b Busy) Error() string { return "too many attempts to sign in: try again later" }

// maxBody is how many bytes of a body are read at most.
const maxBody = 1 << 20

// api is what New makes.
type api struct{ Config }

// New is the handler of all below /api/. Requests have a desk (view.WithDesk), but for
// those that are open: session, version, settings, userinfo, badge.
func New(c Config) http.Handler {
	c.Namespace = cmp.Or(c.Namespace, "argocd")
	c.Patience = cmp.Or(c.Patience, 20*time.Second)
	c.Pause = cmp.Or(c.Pause, time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.URL == nil {
		c.URL = func() string { return "" }
	}
	if c.Badge == nil {
		c.Badge = func(string, string) (view.Badge, bool, bool) { return view.Badge{}, false, false }
	}
	if c.ProjectBadge == nil {
		c.ProjectBadge = func([]string) (view.Badge, bool, bool) { return view.Badge{}, false, false }
	}
	if c.Badges == nil {
		c.Badges = func() bool { return false }
	}
	if c.Ways == nil {
		c.Ways = func() (bool, string) { return false, "" }
	}
	a := &api{c}
	return a.mux(routes())
}

// route is one method of an address.
type route struct {
	method, path string
	// do answers the call itself where it returns nil.
	do func(*call) (any, error)
	// open: nobody has to be known. stream: errors have the form of streams.
	open, stream bool
}

// call is a request on its way.
type call struct {
	*api
	w     http.ResponseWriter
	r     *http.Request
	desk  view.Desk
	query url.Values
}

// mux has a handler for each address, which knows its methods.
func (a *api) mux(all []route) http.Handler {
	mux := http.NewServeMux()
	byPath := map[string][]route{}
	for _, r := range all {
		byPath[r.path] = append(byPath[r.path], r)
	}
	for path, there := range byPath {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { a.dispatch(w, r, there) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, refusal{code: notFound, text: "Not Found: docs/argo-cd-api.md lists what of Argo CD's API is answered"})
	})
	return mux
}

// dispatch answers by the route of the request's method.
func (a *api) dispatch(w http.ResponseWriter, r *http.Request, there []route) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	i := slices.IndexFunc(there, func(r route) bool { return r.method == method })
	if i < 0 {
		var allow []string
		for _, r := range there {
			allow = append(allow, r.method)
		}
		slices.Sort(allow)
		w.Header().Set("Allow", strings.Join(allow, ", "))
		a.fail(w, r, refusal{code: unimplemented, status: http.StatusMethodNotAllowed, text: "Method Not Allowed"})
		return
	}
	a.serve(w, r, there[i])
}

func (a *api) serve(w http.ResponseWriter, r *http.Request, to route) {
	fail := a.fail
	if to.stream {
		fail = a.failStream
	}
	c := &call{api: a, w: w, r: r, desk: view.DeskOf(r.Context())}
	if c.desk == nil && !to.open {
		fail(w, r, view.ErrUnauthenticated)
		return
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	var err error
	if c.query, err = readQuery(r.URL.RawQuery); err != nil {
		fail(w, r, err)
		return
	}
	out, err := to.do(c)
	if err != nil {
		fail(w, r, err)
		return
	}
	if out == nil {
		return // it is answered
	}
	body, err := json.Marshal(out)
	if err != nil {
		fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}
