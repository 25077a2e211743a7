package front

import (
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestHeaders: no page is framed (clickjacking), sniffed, kept by caches, or runs a
// script that is written in it; no other site is let in by CORS.
func TestHeaders(t *testing.T) {
	h := build(t, nil)
	tests := [][]string{
		{"GET /apps", cookie, html}, {"GET /apps", html}, {"GET /auth/login", html}, {"GET /fixpoint/v1/apps", cookie},
		{"GET /fixpoint/v1/apps"}, {"GET /api/v1/applications", cookie}, {"GET /assets/x.css"}, {"POST /webhook"},
		{"POST /auth/login", "Sec-Fetch-Site: cross-site"}, {"GET /auth/nothing"}, {"OPTIONS /fixpoint/v1/apps", "Origin: https://evil.example"},
	}
	for _, ask := range tests {
		got, _ := h.ask(t, ask...)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
				"connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Strict-Transport-Security":    "", "Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "",
		} {
			if got.Header.Get(name) != want {
				t.Errorf("%v: %s: %q, want %q", ask, name, got.Header.Get(name), want)
			}
		}
		stored := got.Header.Get("Cache-Control") != "no-store"
		if stored != strings.Contains(ask[0], "/assets/") {
			t.Errorf("%v: Cache-Control: %q", ask, got.Header.Get("Cache-Control"))
		}
	}
}

func TestHeadersOverTLS(t *testing.T) {
	h := build(t, func(c *Config) { c.URL = func() string { return "https://fixpoint.example/" } })
	if got, _ := h.ask(t, "GET /apps", cookie); got.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security where the address is https")
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/auth/login", nil)
	r.TLS = &tls.ConnectionState{}
	h.Config.Handler.ServeHTTP(w, r)
	if w.Header().Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security over TLS")
	}
}

// TestSecurityCrossSiteRequests (GHSA-92mw-q256-5vwg, CVE-2024-22424): what another
// site makes a browser send changes nothing, by whichever content type, and opens no
// stream.
func TestSecurityCrossSiteRequests(t *testing.T) {
	h := build(t, func(c *Config) { c.URL = func() string { return "https://fixpoint.example" } })
	tests := map[string]struct {
		ask    []string
		status int
	}{
		"a form of another site":             {[]string{"POST /apps", cookie, asForm, "Sec-Fetch-Site: cross-site", "a=b"}, 403},
		"of another host of this site":       {[]string{"POST /apps", cookie, asForm, "Sec-Fetch-Site: same-site", "a=b"}, 403},
		"of an old browser":                  {[]string{"POST /apps", cookie, asForm, "Origin: https://evil.example", "a=b"}, 403},
		"of a sandboxed frame":               {[]string{"POST /apps", cookie, asForm, "Origin: null", "a=b"}, 403},
		"a delete":                           {[]string{"DELETE /fixpoint/v1/x", cookie, asJSON, "Sec-Fetch-Site: cross-site"}, 403},
		"to Argo CD's API":                   {[]string{"POST /api/v1/applications/a/sync", cookie, asJSON, "Sec-Fetch-Site: cross-site", "{}"}, 403},
		"signing in as somebody else":        {[]string{"POST /auth/login", asForm, "Sec-Fetch-Site: cross-site", "name=eve&password=x"}, 403},
		"signing out":                        {[]string{"POST /auth/logout", cookie, "Sec-Fetch-Site: cross-site"}, 403},
		"with a token as well":               {[]string{"POST /fixpoint/v1/x", bearer, "Sec-Fetch-Site: cross-site", asJSON, "{}"}, 403},
		"a stream for another site":          {[]string{"GET /fixpoint/v1/apps/watch", cookie, "Sec-Fetch-Site: cross-site"}, 403},
		"events for another site":            {[]string{"GET /apps/live", cookie, "Accept: text/event-stream", "Origin: https://evil.example"}, 403},
		"a refresh for another site":         {[]string{"GET /api/v1/applications/a?refresh=hard", cookie, "Sec-Fetch-Site: cross-site"}, 403},
		"a refresh of this site":             {[]string{"GET /api/v1/applications/a?refresh=hard", cookie, "Sec-Fetch-Site: same-origin"}, 200},
		"a refresh of a program":             {[]string{"GET /api/v1/applications/a?refresh=hard", bearer}, 200},
		"the API by text/plain":              {[]string{"POST /fixpoint/v1/x", cookie, "Content-Type: text/plain", "{}"}, 415},
		"the API by a form":                  {[]string{"POST /fixpoint/v1/x", cookie, asForm, "{}"}, 415},
		"the API by no type":                 {[]string{"DELETE /fixpoint/v1/x", cookie}, 415},
		"Argo CD's by text/plain":            {[]string{"POST /api/v1/applications/a/sync", cookie, "Content-Type: text/plain; a=application/json", "{}"}, 415},
		"Argo CD's by two types":             {[]string{"POST /api/v1/applications/a/sync", cookie, "Content-Type: text/plain, application/json", "{}"}, 415},
		"an empty token":                     {[]string{"POST /fixpoint/v1/x", cookie, "Authorization: Bearer", "{}"}, 415},
		"a page of this site":                {[]string{"POST /apps", cookie, asForm, "Sec-Fetch-Site: same-origin", "a=b"}, 200},
		"a page behind a proxy, old browser": {[]string{"POST /apps", cookie, asForm, "Origin: https://fixpoint.example", "a=b"}, 200},
		"a claim to be behind one":           {[]string{"POST /apps", cookie, asForm, "Origin: https://fixpoint.example", "Sec-Fetch-Site: cross-site", "a=b"}, 403},
		"a program":                          {[]string{"POST /fixpoint/v1/x", bearer, "{}"}, 200},
		"a script of this site":              {[]string{"POST /fixpoint/v1/x", cookie, asJSON + "; charset=utf-8", "Sec-Fetch-Site: same-origin", "{}"}, 200},
		"a link from another site":           {[]string{"GET /apps", cookie, "Sec-Fetch-Site: cross-site"}, 200},
		"a stream of this site":              {[]string{"GET /fixpoint/v1/apps/watch", cookie, "Sec-Fetch-Site: same-origin"}, 200},
		"a stream of a program":              {[]string{"GET /fixpoint/v1/apps/watch", bearer}, 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, body := h.ask(t, tt.ask...); got.StatusCode != tt.status {
				t.Errorf("%v: %d, want %d: %s", tt.ask, got.StatusCode, tt.status, body)
			}
		})
	}
	for _, a := range h.audited() {
		t.Errorf("something was done: %v", a)
	}
}

// TestSecurityOpenRedirect: signing in leads to a page of this site only.
func TestSecurityOpenRedirect(t *testing.T) {
	h := build(t, nil)
	for _, to := range []string{
		"https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example",
		"/\n/evil.example", " //evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "evil.example", "",
		"/%2f/evil.example", "/%2Fevil.example/", "/%5cevil.example\\", "/auth/logout", "/auth/login?return=/", "/a\x00b", "/\u2028/evil",
		"/" + strings.Repeat("a", 5000), "http:/evil.example", "?a", "/%zz",
	} {
		page, body := h.ask(t, "GET /auth/login?return="+url.QueryEscape(to), html)
		if page.StatusCode != http.StatusOK || body != "sign in: failed= name= return=/apps sso=Example" {
			t.Errorf("%q: the page is %d %q", to, page.StatusCode, body)
		}
		form := url.Values{"name": {"ann"}, "password": {"correct"}, "return": {to}}.Encode()
		if got, _ := h.ask(t, "POST /auth/login", asForm, form); got.Header.Get("Location") != "/apps" {
			t.Errorf("%q: signing in leads to %q", to, got.Header.Get("Location"))
		}
		h.ask(t, "GET /auth/sso?return="+url.QueryEscape(to))
		if h.gate.returned != "/apps" {
			t.Errorf("%q: the provider is to send back to %q", to, h.gate.returned)
		}
		h.gate.returned = to // as if the provider's state had been forged
		if got, _ := h.ask(t, "GET /auth/callback?code=good"); got.Header.Get("Location") != "/apps" {
			t.Errorf("%q: the callback leads to %q", to, got.Header.Get("Location"))
		}
	}
	for _, to := range []string{"/activity", "/apps?search=a%2Fb&sort=name", "/apps/application/argocd/shop", "/apps/application/a/b/resource?name=%E2%82%AC"} {
		if got := local(to); got != to {
			t.Errorf("local(%q) = %q", to, got)
		}
	}
	// A path that looks like a host stays a path of this site.
	if got, _ := h.ask(t, "GET //evil.example/apps", html); strings.HasPrefix(got.Header.Get("Location"), "//") || strings.Contains(got.Header.Get("Location"), "return=%2F%2F") {
		t.Errorf("//evil.example/apps leads to %q", got.Header.Get("Location"))
	}
}

// TestSecurityLoginShowsNoTextOfTheRequest (GHSA-xmg8-99r8-jc2j, CVE-2022-24905, and
// GHSA-pmjg-52h9-72qv, CVE-2022-31102): neither the page nor the provider's callback
// shows what an address says.
func TestSecurityLoginShowsNoTextOfTheRequest(t *testing.T) {
	h := build(t, nil)
	for _, address := range []string{
		"/auth/login?error=PLANTED&failed=PLANTED&message=PLANTED&name=PLANTED&sso_error=PLANTED",
		"/auth/login?return=/apps&has_sso_error=true&error_description=PLANTED",
		"/auth/callback?error=PLANTED&error_description=PLANTED&state=PLANTED",
		"/auth/callback?code=PLANTED&error_description=PLANTED",
	} {
		got, body := h.ask(t, "GET "+address, html)
		if strings.Contains(body, "PLANTED") || strings.Contains(got.Header.Get("Location"), "PLANTED") {
			t.Errorf("%s: %d %q", address, got.StatusCode, body)
		}
	}
	if _, body := h.ask(t, "GET /auth/callback?error=x", html); !strings.Contains(body, "failed=sso") {
		t.Errorf("the callback's failure: %q", body)
	}
}

// TestSecurityBodySize (GHSA-jmvp-698c-4x3w's class): a body is refused by its declared
// length, or when it goes on for too long, before anybody keeps it.
func TestSecurityBodySize(t *testing.T) {
	h := build(t, func(c *Config) { c.MaxBody = 1000 })
	large := strings.Repeat("x", 1001)
	for _, ask := range [][]string{
		{"POST /apps", cookie, asForm, large}, {"POST /fixpoint/v1/x", bearer, large},
		{"POST /api/v1/x", bearer, large}, {"POST /auth/login", asForm, "name=" + large},
	} {
		if got, _ := h.ask(t, ask...); got.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%v: %d, want 413", ask[:2], got.StatusCode)
		}
	}
	for _, path := range []string{"/fixpoint/v1/x", "/auth/login"} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+path, io.MultiReader(strings.NewReader(large), strings.NewReader(large)))
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: a body of unknown length: %d, want 413", path, got.StatusCode)
		}
	}
	if got, body := h.ask(t, "POST /webhook", large); got.StatusCode != http.StatusOK || !strings.Contains(body, large) {
		t.Errorf("webhooks have limits of their own: %d", got.StatusCode)
	}
}

// TestSecurityBodiesOfStrangers: who is not known sends no more than a name and a password,
// declared or not.
func TestSecurityBodiesOfStrangers(t *testing.T) {
	h := build(t, nil)
	long := "name=ann&password=correct&more=" + strings.Repeat("a&", 20_000)
	for _, ask := range [][]string{
		{"POST /auth/login", asForm, long}, {"POST /fixpoint/v1/session", asJSON, long}, {"POST /api/v1/session", asJSON, long},
	} {
		if got, body := h.ask(t, ask...); got.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %.80s", ask[0], got.StatusCode, body)
		}
	}
	if got, _ := h.ask(t, "POST /fixpoint/v1/x", bearer, asJSON, long); got.StatusCode != http.StatusOK {
		t.Errorf("of somebody who is known: %d", got.StatusCode)
	}
}

func TestSecurityHeaderSize(t *testing.T) {
	s := Server(http.NotFoundHandler())
	if s.MaxHeaderBytes <= 0 || s.MaxHeaderBytes > 1<<17 || s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 {
		t.Errorf("a client can hold it up: %+v", s)
	}
}

// TestSecurityAddressesAreNotBelieved: a client that names its address itself neither
// signs in as from elsewhere nor is in the audit trail as another.
func TestSecurityAddressesAreNotBelieved(t *testing.T) {
	h := build(t, nil)
	h.ask(t, "POST /auth/login", asForm, "X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "X-Real-Ip: 203.0.113.9", "name=ann&password=x")
	if a := h.audited(); len(a) != 1 || a[0].From != "127.0.0.1" {
		t.Errorf("audited %v", a)
	}
}

// TestSecurityNothingWithoutReader: whoever is nobody gets the same from what exists
// and from what does not.
func TestSecurityNothingWithoutReader(t *testing.T) {
	h := build(t, nil)
	for _, paths := range [][]string{
		{"/fixpoint/v1/apps/application/argocd/shop", "/fixpoint/v1/apps/application/argocd/none", "/fixpoint/v1/none"},
		{"/api/v1/applications/shop", "/api/v1/applications/none", "/api/v1/clusters"},
		{"/apps/application/argocd/shop", "/apps/application/argocd/none", "/none"},
	} {
		first := ""
		for i, path := range paths {
			got, body := h.ask(t, "GET "+path)
			if got.StatusCode != http.StatusUnauthorized || i > 0 && body != first {
				t.Errorf("%s: %d %q, want 401 %q", path, got.StatusCode, body, first)
			}
			first = body
		}
	}
}

// TestSecurityOtherSpellings: an address that is written otherwise than it is meant leads
// past no check: not as what everybody may ask, not as an asset.
func TestSecurityOtherSpellings(t *testing.T) {
	h := build(t, nil)
	for _, ask := range []string{
		"GET /api%2fversion", "GET /api%2Fv1%2Fsettings", "GET /fixpoint%2fv1%2fsign-in", "HEAD /api%2fbadge",
		"POST /fixpoint%2fv1%2fsession", "POST /api%2fv1%2fsession", "GET /%61pi%2fversion", "GET /api%2fversion%2f..%2f",
		"GET /assets%2f..%2fapps", "GET /assets%2f..", "POST /assets/x", "DELETE /assets/../apps", "CONNECT /assets/../apps",
	} {
		got, body := h.ask(t, ask)
		if strings.Contains(body, "nobody") || got.StatusCode < 300 {
			t.Errorf("%s is answered without a reader: %d %s", ask, got.StatusCode, body)
		}
	}
	// What an asset is not, no cache keeps.
	if got, body := h.ask(t, "GET /assets%2f..%2fapps", cookie); got.StatusCode == http.StatusOK && got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a page may be kept: %s", body)
	}
	for ask, want := range map[string]string{
		"GET /assets/a.js": "page: nobody", "GET /api/version": "argo: nobody", "GET /api/v1/repositories/https%3A%2F%2Fgit.example%2Fa": "",
		"GET /apps/application/argocd/a%2fb": "",
	} {
		got, body := h.ask(t, ask)
		if want != "" && !strings.HasPrefix(body, want) || want == "" && got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", ask, got.StatusCode, body)
		}
	}
}

// TestSecurityLengthTellsNothing (BREACH, CVE-2013-3587): what a compressed page weighs
// does not say whether the address repeats something secret in it.
func TestSecurityLengthTellsNothing(t *testing.T) {
	h := build(t, func(c *Config) {
		c.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			q := r.URL.Query()
			_, _ = io.WriteString(w, strings.Repeat("row ", 1000)+"/hook/"+q.Get("secret")+" found: /hook/"+q.Get("guess"))
		})
	})
	const times = 32
	told := 0
	for i := range times {
		sum := sha256.Sum256([]byte{byte(i)})
		secret, other := hex.EncodeToString(sum[:8]), hex.EncodeToString(sum[8:16])
		weigh := func(guess string) int {
			_, body := h.ask(t, "GET /apps?secret="+secret+"&guess="+guess, cookie, "Accept-Encoding: gzip")
			return len(body)
		}
		if weigh(secret) < weigh(other) {
			told++
		}
	}
	if told == times {
		t.Errorf("each of %d guesses that is right makes the page shorter", times)
	}
}

func TestCompression(t *testing.T) {
	long := strings.Repeat("row ", 1000)
	h := build(t, func(c *Config) {
		c.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			if r.URL.Path == "/events" {
				w.Header().Set("Content-Type", "text/event-stream")
			}
			_, _ = io.WriteString(w, long)
		})
	})
	got, body := h.ask(t, "GET /apps", cookie, "Accept-Encoding: gzip")
	if got.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(got.Header.Get("Vary"), "Accept-Encoding") {
		t.Fatalf("headers %v", got.Header)
	}
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if plain, _ := io.ReadAll(z); string(plain) != long {
		t.Errorf("%d bytes came out as %d", len(long), len(plain))
	}
	for _, ask := range [][]string{{"GET /events", cookie, "Accept-Encoding: gzip"}, {"GET /x/watch", cookie, "Accept-Encoding: gzip"}, {"GET /apps", cookie}} {
		r := append([]string{}, ask...)
		if len(ask) == 2 {
			r = append(r, "Accept-Encoding: identity")
		}
		if got, body := h.ask(t, r...); got.Header.Get("Content-Encoding") != "" || body != long {
			t.Errorf("%v: compressed", ask)
		}
	}
}

// TestLogHasNoSecrets: what addresses carry is not in the log.
func TestLogHasNoSecrets(t *testing.T) {
	h := build(t, nil)
	h.ask(t, "GET /fixpoint/v1/apps?token=PLANTED", bearer)
	h.ask(t, "GET /auth/callback?code=PLANTED&state=PLANTED")
	h.ask(t, "POST /hook/PLANTED", "{}")
	h.ask(t, "POST /api/v1/session?password=PLANTED", asJSON, `{"password":"PLANTED"}`)
	log := h.log.String()
	if n := strings.Count(log, "PLANTED"); n != 0 {
		t.Errorf("%d secrets are in the log:\n%s", n, log)
	}
	if !strings.Contains(log, "path=/fixpoint/v1/apps status=200") || !strings.Contains(log, "who=ann") {
		t.Errorf("the log does not say what was asked for:\n%s", log)
	}
}

// TestSecurityRebinding: a page whose name leads here for a while (DNS rebinding) reads
// nothing where anonymous readers are let in, by whichever way; who has signed in, programs
// with tokens, and the installation's own names are answered as ever.
func TestSecurityRebinding(t *testing.T) {
	h := build(t, func(c *Config) {
		c.Names = func() []string { return []string{"fixpoint.example:8443", "Other.Example"} }
	})
	h.gate.anonymous = true
	ours := []string{
		"fixpoint.example", "FIXPOINT.example.:443", "other.example", "localhost", "localhost:34567", "fixpoint.localhost:1", "127.0.0.1:8088",
		"10.1.2.3", "[::1]:8088", "[fd00::1]", "fixpoint.fixpoint.svc", "fixpoint.fixpoint.svc:8088", "fixpoint.fixpoint.svc.cluster.local",
	}
	others := []string{
		"evil.example", "evil.example:8088", "fixpoint.example.evil.example", "evilfixpoint.example", "127.0.0.1.evil.example", "localhost.evil.example",
		"fixpoint.svc.evil.example", "evilsvc", "svc.cluster.local.evil.example", "evil.example:localhost", "0x7f000001",
	}
	asks := []string{"GET /apps", "GET /live?page=/apps", "GET /fixpoint/v1/apps", "GET /fixpoint/v1/apps/watch", "GET /api/v1/applications", "GET /api/v1/stream/applications"}
	for _, host := range ours {
		for _, ask := range asks {
			if got, body := h.ask(t, ask, "Host: "+host); got.StatusCode != http.StatusOK || !strings.Contains(body, "@127.0.0.1") {
				t.Errorf("%s at %s: %d %q", ask, host, got.StatusCode, body)
			}
		}
	}
	for _, host := range others {
		for _, ask := range asks {
			got, body := h.ask(t, ask, "Host: "+host)
			if got.StatusCode != http.StatusMisdirectedRequest && got.StatusCode != http.StatusBadRequest || strings.Contains(body, "@127.0.0.1") {
				t.Errorf("%s at %s: %d %q", ask, host, got.StatusCode, body)
			}
			if got, body := h.ask(t, ask, "Host: "+host, bearer); got.StatusCode != http.StatusBadRequest && !strings.Contains(body, "ann@127.0.0.1") {
				t.Errorf("%s at %s with a token: %d %q", ask, host, got.StatusCode, body)
			}
		}
	}
	const there = "Host: evil.example"
	if got, _ := h.ask(t, "GET /apps?a=b", html, there); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/auth/login?return=%2Fapps%3Fa%3Db" {
		t.Errorf("a page: %d to %q, want the page for signing in", got.StatusCode, got.Header.Get("Location"))
	}
	if _, body := h.ask(t, "GET /auth/login", html, there); !strings.Contains(body, "failed=host") {
		t.Errorf("the page for signing in does not say why: %q", body)
	}
	if got, body := h.ask(t, "GET /fixpoint/v1/apps", there); got.Header.Get("WWW-Authenticate") != "" || !strings.Contains(body, "--ui-host") {
		t.Errorf("the API does not say what to do: %q", body)
	}
	for _, ask := range []string{"GET /api/badge", "GET /api/version", "GET /fixpoint/v1/sign-in"} {
		if got, body := h.ask(t, ask, there); got.StatusCode != http.StatusOK || !strings.Contains(body, "nobody") {
			t.Errorf("%s: %d %q, want what is the same for everybody", ask, got.StatusCode, body)
		}
	}
	h.gate.anonymous = false
	if got, _ := h.ask(t, "GET /fixpoint/v1/apps", there); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("where nobody is anonymous: %d, want 401", got.StatusCode)
	}
}
