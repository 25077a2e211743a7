package front

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// gate is a SignIn that knows one account, ann with the password "correct", and takes
// the token "good" of her from a cookie or a header.
type gate struct {
	anonymous bool
	broken    error
	provider  string // where it ends sessions
	away      bool   // the provider does not answer

	mu       sync.Mutex
	revoked  bool
	returned string
	streams  []context.CancelCauseFunc
}

func (g *gate) Authenticate(r *http.Request) (access.Identity, error) {
	if g.broken != nil {
		return access.Identity{}, g.broken
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if c, err := r.Cookie("session"); err == nil && token == "" {
		token = c.Value
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case token == "good" && !g.revoked:
		return access.Identity{Subject: "ann", TokenID: "1"}, nil
	case token == "old":
		return access.Identity{}, ErrExpired
	case token == "" && g.anonymous:
		return access.Identity{Anonymous: true}, nil
	}
	return access.Identity{}, view.ErrUnauthenticated
}

func (g *gate) Login(w http.ResponseWriter, _ *http.Request, name, password, _ string) error {
	switch {
	case name == "busy":
		return fmt.Errorf("signing in: %w", Busy{After: 1500 * time.Millisecond})
	case name == "broken":
		return errors.New("no store")
	case name == "ann" && password == "correct":
		http.SetCookie(w, goodCookie)
		return nil
	}
	return fmt.Errorf("%w: wrong password", view.ErrUnauthenticated)
}

var goodCookie = &http.Cookie{Name: "session", Value: "good", Path: "/"}

func (g *gate) ClearCookie(w http.ResponseWriter, _ *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "session", Path: "/", MaxAge: -1})
}

func (g *gate) Begin(w http.ResponseWriter, r *http.Request, returnTo string) error {
	g.returned = returnTo
	if g.away {
		return Failure{view.FailedAway, errors.New("no route to it")}
	}
	http.Redirect(w, r, "https://provider.example/authorize", http.StatusSeeOther)
	return nil
}

func (g *gate) Callback(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.URL.Query().Get("error") == "access_denied" {
		return g.returned, Failure{view.FailedDeclined, errors.New("it says no")}
	}
	if r.URL.Query().Get("code") == "busy" {
		return "", fmt.Errorf("signing in: %w", Busy{After: 1500 * time.Millisecond})
	}
	if r.URL.Query().Get("code") != "good" {
		return "", errors.New("the state does not fit: <b>" + r.URL.Query().Get("error_description") + "</b>")
	}
	http.SetCookie(w, goodCookie)
	return g.returned, nil
}

// LogoutURL is that of somebody from the provider.
func (g *gate) LogoutURL(_ *http.Request, id access.Identity) string {
	if id.Subject == "" {
		return ""
	}
	return g.provider
}

func (g *gate) Logout(context.Context, access.Identity) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revoked = true
	return nil
}

// While ends with endStreams.
func (g *gate) While(ctx context.Context, _ access.Identity) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.streams = append(g.streams, end)
	return ctx, func() { end(context.Canceled) }
}

func (g *gate) endStreams() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, end := range g.streams {
		end(ErrExpired)
	}
}

func (g *gate) Valid(context.Context, access.Identity) error { return nil }
func (g *gate) Ways() (bool, string)                         { return true, "Example" }

// desk is one that only knows its reader.
type desk struct {
	view.Desk
	reader Reader
}

func (d desk) Who() view.Who { return view.Who{Name: d.reader.Identity.Subject} }

// house is a front door with what is around it.
type house struct {
	*httptest.Server
	gate     *gate
	refusals *Refusals
	log      lockedBuffer

	mu     sync.Mutex
	audits []view.Audit
}

func (h *house) audited() []view.Audit {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]view.Audit(nil), h.audits...)
}

// behind answers with who reads and what the request was.
func behind(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		who := "nobody"
		if d, ok := view.DeskOf(r.Context()).(desk); ok {
			who = d.reader.Identity.Subject + "@" + d.reader.From + " via " + d.reader.Via
		}
		_, _ = io.WriteString(w, name+": "+who+": "+string(body))
	})
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func build(t *testing.T, change func(*Config)) *house {
	t.Helper()
	h, door := unserved(change)
	h.Server = httptest.NewServer(door)
	t.Cleanup(h.Close)
	return h
}

// unserved is a house that no port leads to, and its door.
func unserved(change func(*Config)) (*house, http.Handler) {
	h := &house{gate: &gate{}}
	c := Config{
		SignIn: h.gate,
		Desk:   func(r Reader) view.Desk { return desk{reader: r} },
		Page: func(w http.ResponseWriter, _ *http.Request, p view.SignIn) {
			_, _ = io.WriteString(w, "sign in: failed="+p.Failed+" name="+p.Name+" return="+p.ReturnTo+" sso="+p.SSO)
		},
		Pages: behind("page"), API: behind("api"), Argo: behind("argo"), Hooks: behind("hook"),
		Audit: func(_ context.Context, a view.Audit) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.audits = append(h.audits, a)
			return nil
		},
		Log: slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	h.refusals = NewRefusals(c.Audit, c.Log)
	c.Refusals = h.refusals
	if change != nil {
		change(&c)
	}
	return h, New(c)
}

// ask sends a request: "METHOD /path", then headers as "Name: value"; a last line
// that is none is the body. Redirects are not followed.
func (h *house) ask(t *testing.T, lines ...string) (*http.Response, string) {
	t.Helper()
	method, path, _ := strings.Cut(lines[0], " ")
	var body io.Reader
	header := http.Header{}
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ": ")
		if !ok {
			body = strings.NewReader(l)
			continue
		}
		header.Add(name, value)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	if header.Get("Host") != "" {
		r.Host = header.Get("Host")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(text)
}

const (
	cookie = "Cookie: session=good"
	bearer = "Authorization: Bearer good"
	html   = "Accept: text/html,*/*"
	asJSON = "Content-Type: application/json"
	asForm = "Content-Type: application/x-www-form-urlencoded"
)
