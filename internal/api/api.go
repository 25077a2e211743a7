package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Root is where the API is.
const Root = "/fixpoint/v1"

// Config says what the API is made of. The zero Config is good, but lets nobody sign in.
type Config struct {
	// Login gives a session for a name and a password that come from an address. Errors
	// are view.ErrUnauthenticated and Busy; all others are failures. nil lets nobody in.
	Login func(ctx context.Context, name, password, from string) (Session, error)
	// Logout ends the session that the request shows; nil does nothing.
	Logout func(*http.Request) error
	// Ways are those to sign in; nil is none.
	Ways func() Ways
	// Log is told what went wrong; nil is nobody.
	Log *slog.Logger
	// Heartbeat is how often a stream without news says that it is there; 0 is 20
	// seconds.
	Heartbeat time.Duration
	// Pause is the least time between two looks of a stream; 0 is half a second.
	Pause time.Duration
}

// api is what New makes.
type api struct {
	log              *slog.Logger
	heartbeat, pause time.Duration
	// run tells this process's versions from those of another: they begin anew.
	run    string
	login  func(ctx context.Context, name, password, from string) (Session, error)
	logout func(*http.Request) error
	ways   func() Ways
	// document is the one of this API, made once: everybody may ask for it.
	document func() map[string]any
}

// New is the handler of all below /fixpoint/. Requests have a desk (view.WithDesk), but
// for those of routes that are open.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = 20 * time.Second
	}
	if c.Pause <= 0 {
		c.Pause = 500 * time.Millisecond
	}
	var run [4]byte
	_, _ = rand.Read(run[:])
	a := &api{log: c.Log, heartbeat: c.Heartbeat, pause: c.Pause, run: hex.EncodeToString(run[:]), login: c.Login, logout: c.Logout, ways: c.Ways}
	a.document = sync.OnceValue(func() map[string]any { return document(routes()) })
	return a.mux(routes())
}

// mux has a handler for each address, which knows its methods.
func (a *api) mux(all []route) http.Handler {
	mux := http.NewServeMux()
	byPath := map[string][]route{}
	for _, r := range all {
		byPath[r.path] = append(byPath[r.path], r)
	}
	for path, there := range byPath {
		mux.HandleFunc(Root+path, func(w http.ResponseWriter, r *http.Request) { a.dispatch(w, r, there) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, refusal{"not-found", "nothing is at this address: " + Root + "/openapi.json has all addresses"})
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
	if i >= 0 {
		a.serve(w, r, there[i])
		return
	}
	allow := []string{http.MethodOptions}
	for _, r := range there {
		allow = append(allow, r.method)
		if r.method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(allow, ", "))
	if method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	a.fail(w, r, refusal{"method", "this address has no " + r.Method})
}

func (a *api) serve(w http.ResponseWriter, r *http.Request, to route) {
	c := &call{api: a, w: w, r: r, route: to, desk: view.DeskOf(r.Context())}
	if err := c.prepare(); err != nil {
		a.fail(w, r, err)
		return
	}
	out, err := to.do(c)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if out == nil {
		return // it is answered
	}
	if err := c.answer(out); err != nil {
		a.fail(w, r, err)
	}
}

// answer writes out as JSON, or that the client has it already.
func (c *call) answer(out any) error {
	body, err := c.chosen(out)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	if c.route.method == http.MethodGet {
		sum := sha256.Sum256(body)
		// Weak, since the same is sent compressed as well.
		tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
		h.Set("ETag", tag)
		if matches(c.r.Header.Values("If-None-Match"), tag) {
			c.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	if c.route.status != 0 {
		c.w.WriteHeader(c.route.status)
	}
	_, _ = c.w.Write(body)
	return nil
}

// matches reports whether the header If-None-Match names the tag.
func matches(header []string, tag string) bool {
	for given := range strings.SplitSeq(strings.Join(header, ","), ",") {
		given = strings.TrimSpace(given)
		if given == "*" || strings.TrimPrefix(given, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// encode is v as one line of JSON, in which characters of HTML stay as they are.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func escape(segment string) string { return url.PathEscape(segment) }
