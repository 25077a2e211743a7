package front

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
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
	if got.StatusCode != http.StatusUnauthorized || got.Header.Get("Hx-Redirect") != "/auth/login?return=%2Fapps%3Fq%3Da" {
		t.Errorf("got %d, HX-Redirect %q", got.StatusCode, got.Header.Get("Hx-Redirect"))
	}
}

// TestAnonymous: whoever shows nothing reads as nobody; whoever shows a token that is
// no good is refused (GHSA-r642-gv9p-2wjj).
func TestAnonymous(t *testing.T) {
	h := build(t, nil)
	h.gate.anonymous = true
	if got, body := h.ask(t, "GET /apps", html); got.StatusCode != http.StatusOK || !strings.Contains(body, "page: @127.0.0.1") {
		t.Errorf("without credentials: %d %q", got.StatusCode, body)
	}
	if got, _ := h.ask(t, "GET /fixpoint/v1/apps", "Authorization: Bearer forged"); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("with a forged token: %d, want 401", got.StatusCode)
	}
	if got, body := h.ask(t, "GET /auth/login", html); got.StatusCode != http.StatusOK || !strings.HasPrefix(body, "sign in") {
		t.Errorf("an anonymous reader can't sign in: %d %q", got.StatusCode, body)
	}
}

// TestFailureToTellWhoAsks: a store that is down lets nobody in.
func TestFailureToTellWhoAsks(t *testing.T) {
	h := build(t, nil)
	h.gate.broken = errors.New("secret of the store")
	for _, path := range []string{"/apps", "/fixpoint/v1/apps", "/api/v1/applications"} {
		got, body := h.ask(t, "GET "+path, cookie, html)
		if got.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "secret") {
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
	if got.StatusCode != http.StatusUnauthorized || body != "sign in: failed=password name=ann return=/apps?a=b sso=Example" {
		t.Errorf("wrong password: %d %q", got.StatusCode, body)
	}
	got, body = h.ask(t, "POST /auth/login", asForm, form("busy", "hunter2", "/apps"))
	if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "2" || !strings.Contains(body, "failed=busy") {
		t.Errorf("too many: %d %q", got.StatusCode, body)
	}
	if got, body = h.ask(t, "POST /auth/login", asForm, form("broken", "hunter2", "/apps")); got.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "store") {
		t.Errorf("a failure: %d %q", got.StatusCode, body)
	}
	got, _ = h.ask(t, "POST /auth/login", asForm, form("ann", "correct", "/apps?a=b"))
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/apps?a=b" || !strings.Contains(got.Header.Get("Set-Cookie"), "session=good") {
		t.Errorf("right password: %d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	if got, _ = h.ask(t, "GET /auth/login?return=/activity", cookie, html); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/activity" {
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
	for query, form := range map[string]string{"name=ann&password=correct": "x=y", "password=correct": "name=ann", "name=ann": "password=correct"} {
		if got, _ := h.ask(t, "POST /auth/login?"+query, asForm, form); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("signed in by the query %s: %d", query, got.StatusCode)
		}
	}
	if strings.Contains(h.log.String(), "correct") {
		t.Error("the log has the query")
	}
}

func TestNamesAreCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"ann":                        "ann",
		"\u202ea\x00n\nn":            "ann",
		strings.Repeat("x", 100_000): strings.Repeat("x", 64) + "…",
		"\xff\xfeann":                "ann",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%.20q) = %q, want %q", in, got, want)
		}
	}
}

func TestLogout(t *testing.T) {
	h := build(t, nil)
	if got, body := h.ask(t, "GET /auth/login?return=/activity", "Cookie: session=old"); got.StatusCode != http.StatusOK ||
		!strings.Contains(body, "failed=expired") || !strings.Contains(body, "return=/activity") {
		t.Errorf("an old session: %d %q", got.StatusCode, body)
	}
	if got, _ := h.ask(t, "GET /auth/logout", cookie); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", got.StatusCode, got.Header.Get("Allow"))
	}
	if got, _ := h.ask(t, "POST /auth/logout", "Cookie: session="); got.StatusCode != http.StatusSeeOther {
		t.Errorf("with an empty token: %d", got.StatusCode)
	}
	got, _ := h.ask(t, "POST /auth/logout", cookie)
	if got.StatusCode != http.StatusSeeOther || !strings.Contains(got.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d, Set-Cookie %q", got.StatusCode, got.Header.Get("Set-Cookie"))
	}
	if got, _ := h.ask(t, "GET /fixpoint/v1/apps", cookie); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session lives on: %d", got.StatusCode)
	}
	if a := h.audited(); len(a) != 1 || a[0].Who != "ann" || a[0].Action != "logout" {
		t.Errorf("audited %v", a)
	}
}

// TestLogoutOfProvider: the way on to the provider is a page of its own, since the form
// that signs out may lead nowhere else.
func TestLogoutOfProvider(t *testing.T) {
	h := build(t, nil)
	h.gate.provider = `https://id.example/logout?hint=1&x="><script>`
	got, body := h.ask(t, "POST /auth/logout", cookie)
	if got.StatusCode != http.StatusOK || !strings.Contains(got.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d, Set-Cookie %q", got.StatusCode, got.Header.Get("Set-Cookie"))
	}
	if !strings.Contains(body, "https://id.example/logout?hint=1&amp;x=") || strings.Contains(body, "<script") {
		t.Errorf("the page: %s", body)
	}
}

// TestLogoutLeadsToNoScript: an address that is none of a provider is not gone to.
func TestLogoutLeadsToNoScript(t *testing.T) {
	for _, end := range []string{"javascript:alert(1)", "//x.example", "data:text/html,x", "ftp://x.example", ""} {
		h := build(t, nil)
		h.gate.provider = end
		got, body := h.ask(t, "POST /auth/logout", cookie)
		if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/auth/login" || strings.Contains(body, "alert") {
			t.Errorf("%q: %d %s", end, got.StatusCode, body)
		}
	}
}

func TestProvider(t *testing.T) {
	h := build(t, nil)
	h.ask(t, "GET /auth/sso?return=/activity")
	got, _ := h.ask(t, "GET /auth/callback?code=good")
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/activity" {
		t.Errorf("%d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	if a := h.audited(); len(a) != 1 || a[0].Who != "ann" || a[0].Outcome != "allowed" {
		t.Errorf("audited %v", a)
	}
}

// TestProviderFails: who is not let in learns why, and goes on where it wanted to go
// when it tries again. What is refused is noted; what can't be asked is not.
func TestProviderFails(t *testing.T) {
	h := build(t, nil)
	h.gate.away = true
	got, body := h.ask(t, "GET /auth/sso?return=/activity")
	if got.StatusCode != http.StatusServiceUnavailable || body != "sign in: failed=away name= return=/activity sso=Example" {
		t.Errorf("away: %d %q", got.StatusCode, body)
	}
	if a := h.audited(); len(a) != 0 {
		t.Errorf("nobody was refused, and audited is %v", a)
	}
	h.gate.away = false
	h.ask(t, "GET /auth/sso?return=/activity")
	got, body = h.ask(t, "GET /auth/callback?error=access_denied")
	if got.StatusCode != http.StatusUnauthorized || body != "sign in: failed=declined name= return=/activity sso=Example" {
		t.Errorf("declined: %d %q", got.StatusCode, body)
	}
	got, body = h.ask(t, "GET /auth/callback?code=bad")
	if got.StatusCode != http.StatusUnauthorized || body != "sign in: failed=sso name= return=/apps sso=Example" {
		t.Errorf("no good: %d %q", got.StatusCode, body)
	}
	got, body = h.ask(t, "GET /auth/callback?code=busy")
	if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "2" || body != "sign in: failed=busy name= return=/apps sso=Example" {
		t.Errorf("too often: %d %q", got.StatusCode, body)
	}
	if a := h.audited(); len(a) != 3 || a[0].Detail != "the provider has declined" || a[1].Outcome != "denied" || a[2].Detail != "too many attempts" {
		t.Errorf("audited %v", a)
	}
}
