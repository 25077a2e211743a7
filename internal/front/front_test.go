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
	"net/netip"
	"net/url"
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

	mu       sync.Mutex
	revoked  bool
	returned string
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

func (g *gate) Begin(w http.ResponseWriter, r *http.Request, returnTo string) {
	g.returned = returnTo
	http.Redirect(w, r, "https://provider.example/authorize", http.StatusSeeOther)
}

func (g *gate) Callback(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.URL.Query().Get("code") != "good" {
		return "", errors.New("the state does not fit: <b>" + r.URL.Query().Get("error_description") + "</b>")
	}
	http.SetCookie(w, goodCookie)
	return g.returned, nil
}

func (g *gate) Logout(context.Context, access.Identity) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revoked = true
	return nil
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
	gate *gate
	log  lockedBuffer

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
	if change != nil {
		change(&c)
	}
	h.Server = httptest.NewServer(New(c))
	t.Cleanup(h.Close)
	return h
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

func TestWhoAsks(t *testing.T) {
	h := build(t, nil)
	tests := map[string]struct {
		ask    []string
		status int
		want   string // part of the body, or of Location
	}{
		"a page with a session":      {[]string{"GET /apps", cookie}, 200, "page: ann@127.0.0.1 via ui"},
		"the API with a session":     {[]string{"GET /fixpoint/v1/apps", cookie}, 200, "api: ann@127.0.0.1 via api"},
		"the API with a token":       {[]string{"GET /fixpoint/v1/apps", bearer}, 200, "api: ann@127.0.0.1 via api"},
		"the command line":           {[]string{"GET /fixpoint/v1/apps", bearer, "User-Agent: fixpoint/1.0"}, 200, "via cli"},
		"Argo CD's API":              {[]string{"GET /api/v1/applications", bearer}, 200, "argo: ann@127.0.0.1 via argocd-api"},
		"a browser without session":  {[]string{"GET /apps?health=Degraded", html}, 303, "/auth/login?return=%2Fapps%3Fhealth%3DDegraded"},
		"a program at a page":        {[]string{"GET /apps"}, 401, "not signed in"},
		"the API without token":      {[]string{"GET /fixpoint/v1/apps", html}, 401, `"type":"/fixpoint/v1/problems/unauthenticated"`},
		"Argo CD's without token":    {[]string{"GET /api/v1/applications"}, 401, `"code":16`},
		"a bad token":                {[]string{"GET /fixpoint/v1/apps", "Authorization: Bearer bad"}, 401, "not signed in"},
		"a form without session":     {[]string{"POST /apps", html, "Sec-Fetch-Site: same-origin"}, 401, "not signed in"},
		"assets need nobody":         {[]string{"GET /assets/x.css"}, 200, "page: nobody"},
		"hooks need nobody":          {[]string{"POST /api/webhook", "{}"}, 200, "hook: nobody: {}"},
		"receivers need nobody":      {[]string{"POST /hook/abc", "{}"}, 200, "hook: nobody: {}"},
		"settings need nobody":       {[]string{"GET /api/v1/settings"}, 200, "argo: nobody"},
		"the document needs nobody":  {[]string{"GET /fixpoint/v1/openapi.json"}, 200, "api: nobody"},
		"to change settings doesn't": {[]string{"PUT /api/v1/settings", asJSON, "{}"}, 401, "not signed in"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, body := h.ask(t, tt.ask...)
			if got.StatusCode != tt.status || !strings.Contains(body+got.Header.Get("Location"), tt.want) {
				t.Errorf("got %d %s %q, want %d %q", got.StatusCode, got.Header.Get("Location"), body, tt.status, tt.want)
			}
			if got.StatusCode == http.StatusUnauthorized && got.Header.Get("WWW-Authenticate") == "" {
				t.Error("a 401 says how to sign in: WWW-Authenticate is missing")
			}
		})
	}
}

func TestPartsOfAPageAskForSignIn(t *testing.T) {
	got, _ := build(t, nil).ask(t, "GET /apps/rows", "HX-Request: true", "HX-Current-URL: https://x.example/apps?q=a", html)
	if got.StatusCode != 401 || got.Header.Get("HX-Redirect") != "/auth/login?return=%2Fapps%3Fq%3Da" {
		t.Errorf("got %d, HX-Redirect %q", got.StatusCode, got.Header.Get("HX-Redirect"))
	}
}

// TestAnonymous: whoever shows nothing reads as nobody; whoever shows a token that is
// no good is refused (GHSA-r642-gv9p-2wjj).
func TestAnonymous(t *testing.T) {
	h := build(t, nil)
	h.gate.anonymous = true
	if got, body := h.ask(t, "GET /apps", html); got.StatusCode != 200 || !strings.Contains(body, "page: @127.0.0.1") {
		t.Errorf("without credentials: %d %q", got.StatusCode, body)
	}
	if got, _ := h.ask(t, "GET /fixpoint/v1/apps", "Authorization: Bearer forged"); got.StatusCode != 401 {
		t.Errorf("with a forged token: %d, want 401", got.StatusCode)
	}
	if got, body := h.ask(t, "GET /auth/login", html); got.StatusCode != 200 || !strings.HasPrefix(body, "sign in") {
		t.Errorf("an anonymous reader can't sign in: %d %q", got.StatusCode, body)
	}
}

// TestFailureToTellWhoAsks: a store that is down lets nobody in.
func TestFailureToTellWhoAsks(t *testing.T) {
	h := build(t, nil)
	h.gate.broken = errors.New("secret of the store")
	for _, path := range []string{"/apps", "/fixpoint/v1/apps", "/api/v1/applications"} {
		got, body := h.ask(t, "GET "+path, cookie, html)
		if got.StatusCode != 503 || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %q, want 503 without the reason", path, got.StatusCode, body)
		}
	}
}

func TestLogin(t *testing.T) {
	h := build(t, nil)
	form := func(name, password, to string) string {
		return url.Values{"name": {name}, "password": {password}, "return": {to}}.Encode()
	}
	got, body := h.ask(t, "POST /auth/login", asForm, form("ann", "hunter2", "/apps?a=b"))
	if got.StatusCode != 401 || body != "sign in: failed=password name=ann return=/apps?a=b sso=Example" {
		t.Errorf("wrong password: %d %q", got.StatusCode, body)
	}
	got, body = h.ask(t, "POST /auth/login", asForm, form("busy", "hunter2", "/apps"))
	if got.StatusCode != 429 || got.Header.Get("Retry-After") != "2" || !strings.Contains(body, "failed=busy") {
		t.Errorf("too many: %d %q", got.StatusCode, body)
	}
	if got, body = h.ask(t, "POST /auth/login", asForm, form("broken", "hunter2", "/apps")); got.StatusCode != 503 || strings.Contains(body, "store") {
		t.Errorf("a failure: %d %q", got.StatusCode, body)
	}
	got, _ = h.ask(t, "POST /auth/login", asForm, form("ann", "correct", "/apps?a=b"))
	if got.StatusCode != 303 || got.Header.Get("Location") != "/apps?a=b" || !strings.Contains(got.Header.Get("Set-Cookie"), "session=good") {
		t.Errorf("right password: %d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	if got, _ = h.ask(t, "GET /auth/login?return=/activity", cookie, html); got.StatusCode != 303 || got.Header.Get("Location") != "/activity" {
		t.Errorf("signed in already: %d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	var outcomes []string
	for _, a := range h.audited() {
		outcomes = append(outcomes, a.Who+" "+a.Action+" "+a.Outcome+" from "+a.From+" via "+a.Via)
	}
	want := "ann login denied from 127.0.0.1 via ui|busy login denied from 127.0.0.1 via ui|ann login allowed from 127.0.0.1 via ui"
	if got := strings.Join(outcomes, "|"); got != want {
		t.Errorf("audited %s, want %s", got, want)
	}
	if all := h.log.String(); strings.Contains(all, "hunter2") || strings.Contains(all, "correct") {
		t.Errorf("a password is in the log:\n%s", all)
	}
}

// TestLoginTakesNoQuery: a password in an address would be in histories and logs.
func TestLoginTakesNoQuery(t *testing.T) {
	h := build(t, nil)
	if got, _ := h.ask(t, "POST /auth/login?name=ann&password=correct", asForm, "x=y"); got.StatusCode != 401 {
		t.Errorf("signed in by the query: %d", got.StatusCode)
	}
	if strings.Contains(h.log.String(), "correct") {
		t.Error("the log has the query")
	}
}

func TestNamesAreCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"ann":                        "ann",
		" a\x00n\nn\u202e ":          "ann",
		strings.Repeat("x", 100_000): strings.Repeat("x", 64) + "…",
		"\xff\xfeann":                "ann",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%.20q) = %q, want %q", in, got, want)
		}
	}
}

func TestLogout(t *testing.T) {
	h := build(t, nil)
	if got, body := h.ask(t, "GET /auth/login?return=/activity", "Cookie: session=old"); got.StatusCode != 200 ||
		!strings.Contains(body, "failed=expired") || !strings.Contains(body, "return=/activity") {
		t.Errorf("an old session: %d %q", got.StatusCode, body)
	}
	if got, _ := h.ask(t, "GET /auth/logout", cookie); got.StatusCode != 405 || got.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", got.StatusCode, got.Header.Get("Allow"))
	}
	if got, _ := h.ask(t, "POST /auth/logout", "Cookie: session="); got.StatusCode != 303 {
		t.Errorf("with an empty token: %d", got.StatusCode)
	}
	got, _ := h.ask(t, "POST /auth/logout", cookie)
	if got.StatusCode != 303 || !strings.Contains(got.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d, Set-Cookie %q", got.StatusCode, got.Header.Get("Set-Cookie"))
	}
	if got, _ := h.ask(t, "GET /fixpoint/v1/apps", cookie); got.StatusCode != 401 {
		t.Errorf("the session lives on: %d", got.StatusCode)
	}
	if a := h.audited(); len(a) != 1 || a[0].Who != "ann" || a[0].Action != "logout" {
		t.Errorf("audited %v", a)
	}
}

func TestProvider(t *testing.T) {
	h := build(t, nil)
	h.ask(t, "GET /auth/sso?return=/activity")
	got, _ := h.ask(t, "GET /auth/callback?code=good")
	if got.StatusCode != 303 || got.Header.Get("Location") != "/activity" {
		t.Errorf("%d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	if a := h.audited(); len(a) != 1 || a[0].Who != "ann" || a[0].Outcome != "allowed" {
		t.Errorf("audited %v", a)
	}
}

// TestClientAddress: a header counts only from a proxy that is trusted, back to the
// first that is not.
func TestClientAddress(t *testing.T) {
	d := &door{Config: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	tests := []struct{ peer, forwardedFor, forwarded, want string }{
		{"192.0.2.1:99", "", "", "192.0.2.1"},
		{"192.0.2.1:99", "203.0.113.5", "", "192.0.2.1"},
		{"192.0.2.1:99", "", "for=203.0.113.5", "192.0.2.1"},
		{"10.0.0.1:99", "203.0.113.5", "", "203.0.113.5"},
		{"10.0.0.1:99", "1.2.3.4, 203.0.113.5, 10.0.0.7", "", "203.0.113.5"},
		{"10.0.0.1:99", "", `for="[2001:db8::1]:4711";proto=https`, "2001:db8::1"},
		{"10.0.0.1:99", "", "for=1.2.3.4, for=203.0.113.5;by=10.0.0.2", "203.0.113.5"},
		{"10.0.0.1:99", "203.0.113.5", "for=203.0.113.5", "203.0.113.5"},
		{"10.0.0.1:99", "203.0.113.5", "for=6.6.6.6", "10.0.0.1"}, // one is the client's
		{"10.0.0.1:99", "unknown", "", "10.0.0.1"},
		{"10.0.0.1:99", "203.0.113.5, _hidden", "", "10.0.0.1"},
		{"10.0.0.1:99", "10.0.0.9", "", "10.0.0.9"},
		{"[::ffff:10.0.0.1]:99", "203.0.113.5", "", "203.0.113.5"},
	}
	for _, tt := range tests {
		r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{}}
		if tt.forwardedFor != "" {
			r.Header.Set("X-Forwarded-For", tt.forwardedFor)
		}
		if tt.forwarded != "" {
			r.Header.Set("Forwarded", tt.forwarded)
		}
		if got := clientOf(d.arrived(r)); got != tt.want {
			t.Errorf("peer %s, X-Forwarded-For %q, Forwarded %q: %s, want %s", tt.peer, tt.forwardedFor, tt.forwarded, got, tt.want)
		}
	}
}

func TestPanics(t *testing.T) {
	h := build(t, func(c *Config) {
		c.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/fixpoint/v1/late" {
				_, _ = io.WriteString(w, strings.Repeat("half ", 2000))
			}
			panic("broken inside")
		})
	})
	got, body := h.ask(t, "GET /fixpoint/v1/apps", bearer)
	if got.StatusCode != 500 || strings.Contains(body, "broken inside") || !strings.Contains(body, "(error ") {
		t.Fatalf("%d %q", got.StatusCode, body)
	}
	_, id, _ := strings.Cut(body, "(error ")
	if id, _, _ = strings.Cut(id, ")"); !strings.Contains(h.log.String(), "id="+id) {
		t.Errorf("the log has no error %s", id)
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/fixpoint/v1/late", nil)
	r.Header.Set("Authorization", "Bearer good")
	late, err := http.DefaultClient.Do(r)
	if err == nil {
		_, err = io.ReadAll(late.Body)
		late.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looks like a whole one")
	}
	if got, _ := h.ask(t, "GET /apps", cookie); got.StatusCode != 200 {
		t.Errorf("after a panic: %d", got.StatusCode)
	}
}

func TestRefusalsDoNotFillTheTrail(t *testing.T) {
	q := newQuota()
	given := 0
	for range 10_000 {
		if _, ok := q.take(); ok {
			given++
		}
	}
	if given < quotaBurst || given > 5*quotaBurst {
		t.Errorf("%d records of 10000 refusals", given)
	}
	q.at = q.at.Add(-time.Minute)
	if left, ok := q.take(); !ok || left != 10_000-given {
		t.Errorf("after a minute: %t, %d left out, want %d", ok, left, 10_000-given)
	}
}
