package signin_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
	"github.com/fixpoint-cd/fixpoint/internal/signin/oidctest"
)

const home = "https://fixpoint.example.com"

// newSSO is an installation with an identity provider; more are lines of oidc.config.
func newSSO(t testing.TB, more ...string) (*world, *oidctest.Provider) {
	t.Helper()
	p := oidctest.New()
	t.Cleanup(p.Close)
	w := newWorld(t, signin.Config{})
	w.secret["oidc.clientSecret"] = []byte(oidctest.ClientSecret + "\n")
	conf := fmt.Sprintf("name: Example\nissuer: %s\nclientID: %s\nclientSecret: $oidc.clientSecret\nrootCA: |\n  %s\n%s",
		p.URL, oidctest.ClientID, strings.ReplaceAll(strings.TrimSpace(p.RootCA()), "\n", "\n  "), strings.Join(more, "\n"))
	w.set("oidc.config", conf)
	return w, p
}

// browser keeps cookies for one site.
type browser struct {
	t       testing.TB
	service *signin.Service
	cookies map[string]string
	from    string // "" is the address of httptest
}

func newBrowser(t testing.TB, w *world) *browser {
	return &browser{t: t, service: w.service, cookies: map[string]string{}}
}

func (b *browser) request(target string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if b.from != "" {
		r.RemoteAddr = b.from
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

func (b *browser) take(w *httptest.ResponseRecorder) []*http.Cookie {
	cookies := w.Result().Cookies()
	for _, c := range cookies {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return cookies
}

// begin goes to the provider and comes back: the address of the callback.
func (b *browser) begin(p *oidctest.Provider, returnTo string) (asked url.Values, back string) {
	b.t.Helper()
	rec := httptest.NewRecorder()
	if err := b.service.Begin(rec, b.request(home+"/auth/sso"), returnTo); err != nil {
		b.t.Fatalf("going to the provider: %v", err)
	}
	b.take(rec)
	to := rec.Result().Header.Get("Location")
	u, err := url.Parse(to)
	if err != nil {
		b.t.Fatal(err)
	}
	answer, err := p.Client().Get(to)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusFound {
		b.t.Fatalf("the provider answers %s", answer.Status)
	}
	return u.Query(), answer.Header.Get("Location")
}

func (b *browser) callback(back string) (string, error) {
	rec := httptest.NewRecorder()
	to, err := b.service.Callback(rec, b.request(back))
	b.take(rec)
	return to, err
}

func (b *browser) who() (access.Identity, error) {
	return b.service.Authenticate(b.request(home + "/apps"))
}

// TestSSO signs somebody in by the provider.
func TestSSO(t *testing.T) {
	w, p := newSSO(t, "requestedIDTokenClaims: {groups: {essential: true}}", "domainHint: example.com")
	p.Become(oidctest.Person{Claims: map[string]any{
		"sub": "u-7", "email": "ada@example.com", "groups": []string{"devs", "role:admin", "proj:team:ci", "ops"},
	}})
	b := newBrowser(t, w)
	asked, back := b.begin(p, "/apps?q=a")
	if asked.Get("code_challenge_method") != "S256" || len(asked.Get("code_challenge")) != 43 {
		t.Errorf("no PKCE: %v", asked)
	}
	if asked.Get("redirect_uri") != home+"/auth/callback" || asked.Get("scope") != "openid profile email groups" ||
		asked.Get("claims") != `{"id_token":{"groups":{"essential":true}}}` || asked.Get("domain_hint") != "example.com" {
		t.Errorf("asked for %v", asked)
	}
	to, err := b.callback(back)
	if err != nil || to != "/apps?q=a" {
		t.Fatalf("coming back: %q, %v", to, err)
	}
	id, err := b.who()
	if err != nil {
		t.Fatal(err)
	}
	if id.Subject != "u-7" || id.Title != "ada@example.com" || !cmp.Equal(id.Groups, []string{"devs", "ops"}) {
		t.Errorf("signed in: %+v", id)
	}
	if left := time.Until(id.Expires); left > time.Hour || left < 50*time.Minute {
		t.Errorf("the session lasts %s, the ID token an hour", left)
	}
	if _, err := b.callback(back); !errors.Is(err, signin.ErrSSO) {
		t.Errorf("the same answer twice: %v", err)
	}
	out := b.request(home + "/auth/logout")
	leave, err := url.Parse(w.service.LogoutURL(out, id))
	if err != nil || !strings.HasPrefix(leave.String(), p.URL+"/end?") || leave.Query().Get("id_token_hint") == "" ||
		leave.Query().Get("post_logout_redirect_uri") != home+"/auth/login" {
		t.Errorf("signing out goes to %s, %v", leave, err)
	}
	if err := w.service.Logout(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.who(); !errors.Is(err, signin.ErrRefused) {
		t.Errorf("after signing out: %v", err)
	}
}

// TestStateNonceVerifier: they are random, long, and those of this browser
// (CVE-2022-31034).
func TestStateNonceVerifier(t *testing.T) {
	w, p := newSSO(t)
	b := newBrowser(t, w)
	seen := map[string]bool{}
	for range 20 {
		asked, _ := b.begin(p, "/")
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if v := asked.Get(name); len(v) < 43 || seen[v] {
				t.Fatalf("%s is %q: short, or not new", name, v)
			}
			seen[asked.Get(name)] = true
		}
	}
	_, back := b.begin(p, "/")
	other := newBrowser(t, w)
	if _, err := other.callback(back); !errors.Is(err, signin.ErrSSO) {
		t.Errorf("an answer in a browser that has begun nothing: %v", err)
	}
	other.begin(p, "/")
	if _, err := other.callback(back); !errors.Is(err, signin.ErrSSO) {
		t.Errorf("an answer to another browser: %v", err)
	}
	_, back = b.begin(p, "/")
	if _, err := b.callback(back + "&state=x"); err != nil {
		t.Errorf("its own answer: %v", err) // the first state counts
	}
	_, back = b.begin(p, "/")
	u, _ := url.Parse(back)
	q := u.Query()
	q.Set("state", "")
	u.RawQuery = q.Encode()
	if _, err := b.callback(u.String()); !errors.Is(err, signin.ErrSSO) {
		t.Errorf("without a state: %v", err)
	}
	p.Become(oidctest.Person{Claims: map[string]any{"nonce": "another"}})
	_, back = b.begin(p, "/")
	if _, err := b.callback(back); !errors.Is(err, signin.ErrSSO) || !strings.Contains(err.Error(), "nonce") {
		t.Errorf("another nonce: %v", err)
	}
}

// TestFlowCookieIsSealed: a browser that changes what it keeps has nothing.
func TestFlowCookieIsSealed(t *testing.T) {
	w, p := newSSO(t)
	b := newBrowser(t, w)
	_, back := b.begin(p, "/")
	name := "__Host-fixpoint-sso"
	sealed := b.cookies[name]
	if sealed == "" || strings.Contains(sealed, "{") {
		t.Fatalf("the browser keeps %q", sealed)
	}
	b.cookies[name] = sealed[:len(sealed)-2] + "AA"
	if _, err := b.callback(back); !errors.Is(err, signin.ErrSSO) {
		t.Errorf("changed: %v", err)
	}
	// A cookie that is sealed for another purpose is none for this one.
	session := w.login("alice")
	b.cookies[name] = session.Device
	if _, err := b.callback(back); !errors.Is(err, signin.ErrSSO) {
		t.Errorf("another cookie: %v", err)
	}
	for _, tt := range []struct {
		age  time.Duration
		good bool
	}{{9 * time.Minute, true}, {10 * time.Minute, false}} {
		_, back := b.begin(p, "/")
		aged, err := signin.Aged(w.service, b.cookies[name], tt.age)
		if err != nil {
			t.Fatal(err)
		}
		b.cookies[name] = aged
		if _, err := b.callback(back); (err == nil) != tt.good {
			t.Errorf("begun %s ago: %v", tt.age, err)
		}
	}
}

// TestProviderErrorsAreNoMarkup: nothing that a request or a provider says reaches a
// page (CVE-2022-31102), nor do codes and tokens reach the log.
func TestProviderErrorsAreNoMarkup(t *testing.T) {
	w, p := newSSO(t)
	b := newBrowser(t, w)
	for _, bad := range []string{
		"error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=%3Cb%3E",
		"code=%3Cscript%3Esecretcode",
	} {
		_, back := b.begin(p, "/")
		u, _ := url.Parse(back)
		_, err := b.callback(home + "/auth/callback?state=" + u.Query().Get("state") + "&" + bad)
		if !errors.Is(err, signin.ErrSSO) || strings.ContainsAny(err.Error(), "<>") || strings.Contains(err.Error(), "secretcode") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	_, back := b.begin(p, "/")
	p.Down(true)
	if _, err := b.callback(back); !errors.Is(err, signin.ErrSSO) || strings.ContainsAny(err.Error(), "<>") {
		t.Errorf("the provider is down: %v", err)
	}
}

// TestReturnToIsLocal: nobody is led to another site.
func TestReturnToIsLocal(t *testing.T) {
	w, p := newSSO(t)
	b := newBrowser(t, w)
	for _, bad := range []string{
		"https://mallory.example.com", "//mallory.example.com", "/\\mallory.example.com", "\\\\mallory", "javascript:alert(1)",
		"", "apps", "/\t/mallory.example.com", "http:/x", "/a\r\nSet-Cookie: a=b",
	} {
		_, back := b.begin(p, bad)
		if to, err := b.callback(back); err != nil || to != "/" {
			t.Errorf("%q leads to %q, %v", bad, to, err)
		}
	}
}

// TestAudienceOfIDTokens: an ID token for another client lets nobody in
// (CVE-2023-22482).
func TestAudienceOfIDTokens(t *testing.T) {
	tests := map[string]struct {
		conf     string
		audience any
		want     string
	}{
		"ours":                   {"", "fixpoint", "u-1"},
		"one of several":         {"", []string{"x", "fixpoint"}, "u-1"},
		"another's":              {"", "grafana", "-"},
		"none":                   {"", nil, "-"},
		"an empty list":          {"", []string{}, "-"},
		"an empty one":           {"", "", "-"},
		"the CLI's":              {"cliClientID: cli", "cli", "u-1"},
		"an allowed one":         {"allowedAudiences: [api]", "api", "u-1"},
		"ours is not allowed":    {"allowedAudiences: [api]", "fixpoint", "-"},
		"none is allowed":        {"skipAudienceCheckWhenTokenHasNoAudience: true", nil, "u-1"},
		"another's, though none": {"skipAudienceCheckWhenTokenHasNoAudience: true", "grafana", "-"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, p := newSSO(t, tt.conf)
			who := oidctest.Person{Claims: map[string]any{"aud": tt.audience}}
			if got := w.who(p.IDToken(who, "")); got != tt.want {
				t.Errorf("as a bearer: it lets in %q, want %q", got, tt.want)
			}
			p.Become(who)
			b := newBrowser(t, w)
			_, back := b.begin(p, "/")
			if _, err := b.callback(back); (err == nil) != (tt.want != "-") {
				t.Errorf("signing in: %v", err)
			}
		})
	}
}

// TestIDTokens says which tokens of the provider let somebody in as bearers.
func TestIDTokens(t *testing.T) {
	w, p := newSSO(t)
	stranger := oidctest.New()
	t.Cleanup(stranger.Close)
	for name, tt := range map[string]struct{ token, want string }{
		"good":                {p.IDToken(oidctest.Person{}, ""), "u-1"},
		"expired":             {p.IDToken(oidctest.Person{Lasts: -time.Minute}, ""), "-"},
		"another provider's":  {stranger.IDToken(oidctest.Person{}, ""), "-"},
		"with a strange key":  {stranger.IDToken(oidctest.Person{Claims: map[string]any{"iss": p.URL}}, ""), "-"},
		"of nobody":           {p.IDToken(oidctest.Person{Claims: map[string]any{"sub": nil}}, ""), "-"},
		"of admin":            {p.IDToken(oidctest.Person{Claims: map[string]any{"sub": "admin"}}, ""), "-"},
		"of an account":       {p.IDToken(oidctest.Person{Claims: map[string]any{"sub": "alice"}}, ""), "-"},
		"of a role":           {p.IDToken(oidctest.Person{Claims: map[string]any{"sub": "role:admin"}}, ""), "-"},
		"of a project's role": {p.IDToken(oidctest.Person{Claims: map[string]any{"sub": "proj:team:ci"}}, ""), "-"},
	} {
		if got := w.who(tt.token); got != tt.want {
			t.Errorf("%s: it lets in %q, want %q", name, got, tt.want)
		}
	}
	token := p.IDToken(oidctest.Person{}, "")
	id, err := w.service.Authenticate(bearer(token))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.service.Logout(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := w.who(token); got != "-" {
		t.Errorf("a revoked one lets in %q", got)
	}
	others := spellings(token)
	if len(others) == 0 {
		t.Error("the token has no other spelling: give it a signature of another length")
	}
	for _, same := range others {
		if got := w.who(same); got != "-" {
			t.Errorf("a revoked one, spelled otherwise, lets in %q: %q", got, same[len(same)-8:])
		}
	}
	delete(w.cm, "oidc.config")
	w.use()
	if got := w.who(p.IDToken(oidctest.Person{}, "")); got != "-" {
		t.Errorf("without a provider it lets in %q", got)
	}
}

// spellings are other texts of a token whose parts decode to the same bytes: what is left
// of the last character of base64 counts for nothing.
func spellings(token string) []string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	parts := strings.Split(token, ".")
	var out []string
	for i, part := range parts {
		meant, err := base64.RawURLEncoding.DecodeString(part)
		for _, last := range letters {
			text := part[:len(part)-1] + string(last)
			if got, bad := base64.RawURLEncoding.DecodeString(text); text != part && errors.Join(err, bad) == nil && bytes.Equal(got, meant) {
				other := slices.Clone(parts)
				other[i] = text
				out = append(out, strings.Join(other, "."))
			}
		}
	}
	return out
}

// TestProvidersNamesAreNotOurs: whom the provider calls admin is not the account.
func TestProvidersNamesAreNotOurs(t *testing.T) {
	w, p := newSSO(t)
	for _, subject := range []string{"admin", "bob", "role:admin", "proj:team:ci", "", "admin\u200b", " bob", "role\u00ad:admin", "\u202e"} {
		p.Become(oidctest.Person{Claims: map[string]any{"sub": subject}})
		b := newBrowser(t, w)
		_, back := b.begin(p, "/")
		if _, err := b.callback(back); !errors.Is(err, signin.ErrSSO) {
			t.Errorf("%q signs in: %v", subject, err)
		}
	}
	// An account that is added later takes the name over.
	p.Become(oidctest.Person{Claims: map[string]any{"sub": "carol"}})
	b := newBrowser(t, w)
	_, back := b.begin(p, "/")
	if _, err := b.callback(back); err != nil {
		t.Fatal(err)
	}
	w.set("accounts.carol", "login")
	if id, err := b.who(); err == nil {
		t.Errorf("carol of the provider is the account: %+v", id)
	}
}

// TestSecurityTitlesAreNotOurs: nobody's deeds are done in the name of an account or a
// role that they have given themselves as theirs.
func TestSecurityTitlesAreNotOurs(t *testing.T) {
	w, p := newSSO(t)
	for name, want := range map[string]string{"admin": "1234", " Admin ": "1234", "role:admin": "1234", "Ann Example": "Ann Example",
		"admin\u200b": "1234", "\u2066admin\u2069": "1234", "role\u00ad:admin": "1234", "Ann\u202e Example\n": "Ann Example"} {
		p.Become(oidctest.Person{Claims: map[string]any{"sub": "1234", "name": name, "preferred_username": name}})
		b := newBrowser(t, w)
		_, back := b.begin(p, "/")
		if _, err := b.callback(back); err != nil {
			t.Fatal(err)
		}
		if id, err := b.who(); err != nil || id.Title != want || id.Local {
			t.Errorf("somebody who is called %q is %+v, %v, want the title %q", name, id, err, want)
		}
	}
}

// TestProviderIsVerified: by rootCA, unless somebody says that nothing is
// (CVE-2022-31105).
func TestProviderIsVerified(t *testing.T) {
	w, p := newSSO(t)
	good := w.cm["oidc.config"]
	stranger := oidctest.New()
	t.Cleanup(stranger.Close)
	conf, _, _ := strings.Cut(good, "rootCA:")
	for name, tt := range map[string]struct {
		conf, skip string
		ok         bool
	}{
		"its own root":      {good, "", true},
		"the system's":      {conf, "", false},
		"nothing, as asked": {conf, "true", true},
		"explicitly not":    {conf, "false", false},
	} {
		w.cm["oidc.config"], w.cm["oidc.tls.insecure.skip.verify"] = tt.conf, tt.skip
		w.use()
		err := w.service.Begin(httptest.NewRecorder(), plain(), "/")
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, signin.ErrSSO) {
			t.Errorf("%s: %v", name, err)
		}
		if got := w.who(p.IDToken(oidctest.Person{}, "")); (got == "u-1") != tt.ok {
			t.Errorf("%s: its token lets in %q", name, got)
		}
	}
}

// TestProviderDown holds up nobody with a password, and comes back by itself.
func TestProviderDown(t *testing.T) {
	w, p := newSSO(t)
	p.Down(true)
	if err := w.service.Begin(httptest.NewRecorder(), plain(), "/"); !errors.Is(err, signin.ErrSSO) {
		t.Errorf("the provider is down: %v", err)
	}
	asked, token := p.Count("/.well-known/openid-configuration"), p.IDToken(oidctest.Person{}, "")
	began := time.Now()
	for range 20 {
		_, err := w.service.Authenticate(bearer(token))
		if !errors.Is(err, model.ErrTransient) || errors.Is(err, signin.ErrRefused) {
			t.Fatalf("a token that nobody can check: %v", err)
		}
	}
	may := 1 + int(time.Since(began)/signin.RetryAfter)
	if again := p.Count("/.well-known/openid-configuration"); again > asked+may {
		t.Errorf("a provider that is down was asked %d times more", again-asked)
	}
	if got := w.who(w.login("alice").Token); got != "alice" {
		t.Errorf("meanwhile a password lets in %q", got)
	}
}

// TestSecurityMixUp (RFC 9207): an answer that says to be another provider's is not taken,
// and the code in it is not sent to ours.
func TestSecurityMixUp(t *testing.T) {
	w, p := newSSO(t)
	for issuer, good := range map[string]bool{p.URL: true, "https://evil.example": false, "": false} {
		b := newBrowser(t, w)
		_, back := b.begin(p, "/")
		before := p.Count("/token")
		answer, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		q := answer.Query()
		q.Set("iss", issuer)
		answer.RawQuery = q.Encode()
		_, err = b.callback(answer.String())
		if (err == nil) != good || err != nil && !errors.Is(err, signin.ErrSSO) || !good && p.Count("/token") != before {
			t.Errorf("an answer of %q: %v", issuer, err)
		}
	}
}

// TestSecurityNoDowngrade: a provider that is asked over TLS leads nowhere without it.
func TestSecurityNoDowngrade(t *testing.T) {
	at := func(address string) *http.Request { return httptest.NewRequest(http.MethodGet, address, nil) }
	const safe, plain = "https://id.example/keys", "http://id.example/keys"
	for _, tt := range []struct {
		from, to string
		good     bool
	}{{safe, safe, true}, {safe, plain, false}, {plain, safe, true}, {plain, plain, true}} {
		if err := signin.NoDowngrade(at(tt.to), []*http.Request{at(tt.from)}); (err == nil) != tt.good {
			t.Errorf("from %s to %s: %v", tt.from, tt.to, err)
		}
	}
	if signin.NoDowngrade(at(safe), slices.Repeat([]*http.Request{at(safe)}, 10)) == nil {
		t.Error("it is followed for ever")
	}
}

// TestSecurityMadeUpCodes: who makes up answers of the provider has it asked a few times,
// and waits then as who guesses passwords does; others, and who comes from it, do not.
func TestSecurityMadeUpCodes(t *testing.T) {
	w, p := newSSO(t)
	b := newBrowser(t, w)
	_, back := b.begin(p, "/")
	made := regexp.MustCompile(`code=[^&]*`).ReplaceAllString(back, "code=made-up")
	flow := maps.Clone(b.cookies)
	before, busy := p.Count("/token"), 0
	for range 20 {
		b.cookies = maps.Clone(flow)
		_, err := b.callback(made)
		if errors.Is(err, signin.ErrBusy) {
			busy++
		} else if !errors.Is(err, signin.ErrSSO) {
			t.Fatalf("a made-up code: %v", err)
		}
	}
	if asked := p.Count("/token") - before; busy == 0 || asked > 10 {
		t.Errorf("the provider was asked %d times for 20 made-up codes, %d had to wait", asked, busy)
	}
	other := newBrowser(t, w)
	other.from = "198.51.100.7:1"
	_, back = other.begin(p, "/")
	if _, err := other.callback(back); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

// TestMadeUpKeysAskNobody: tokens with key names that nobody has don't make us ask the
// provider for each.
func TestMadeUpKeysAskNobody(t *testing.T) {
	w, p := newSSO(t)
	if got := w.who(p.IDToken(oidctest.Person{}, "")); got != "u-1" {
		t.Fatalf("it lets in %q", got)
	}
	stranger := oidctest.New()
	t.Cleanup(stranger.Close)
	var made []string
	for i := range 8 {
		stranger.Rotate(fmt.Sprint(i))
		made = append(made, stranger.IDToken(oidctest.Person{Claims: map[string]any{"iss": p.URL}}, ""))
	}
	asked, began := p.Count("/keys"), time.Now()
	for _, token := range made {
		if got := w.who(token); got != "-" {
			t.Fatalf("it lets in %q", got)
		}
	}
	may := 1 + int(time.Since(began)/signin.KeysAfter)
	if again := p.Count("/keys"); again > asked+may {
		t.Errorf("the provider was asked for its keys %d times more", again-asked)
	}
}

// TestSecurityEmailsHaveToBeConfirmed: rights that go by a mail address are those of who
// has confirmed it, as the same answer of the provider says, unless an admin vouches for
// the provider. An address that is said not to be confirmed never counts.
func TestSecurityEmailsHaveToBeConfirmed(t *testing.T) {
	const chief = "ceo@example.com"
	claims := func(email string, verified ...any) map[string]any {
		out := map[string]any{"sub": "u-1", "email": email}
		if len(verified) > 0 {
			out["email_verified"] = verified[0]
		}
		return out
	}
	for name, tt := range map[string]struct {
		token, info map[string]any
		// counts by itself, and where an admin vouches for it.
		counts, trusted bool
	}{
		"confirmed":                {claims(chief, true), nil, true, true},
		"confirmed, as text":       {claims(chief, "true"), nil, true, true},
		"nothing said":             {claims(chief), nil, false, true},
		"not confirmed":            {claims(chief, false), nil, false, false},
		"not confirmed, as text":   {claims(chief, "false"), nil, false, false},
		"something else":           {claims(chief, 1), nil, false, false},
		"confirmed on the page":    {claims(chief), claims(chief, true), true, true},
		"another one on the page":  {claims(chief), claims("u-1@example.com", true), false, true},
		"denied on the page":       {claims(chief, true), claims(chief, false), false, false},
		"only the page has it":     {map[string]any{"sub": "u-1"}, claims(chief, true), true, true},
		"only the page, unsaid":    {map[string]any{"sub": "u-1"}, claims(chief), false, true},
		"confirmed for nothing":    {map[string]any{"sub": "u-1", "email_verified": true}, claims(chief), false, true},
		"several, none of them so": {map[string]any{"sub": "u-1", "email": []string{chief, "x@example.com"}}, nil, false, true},
	} {
		for _, trusts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %t", name, trusts), func(t *testing.T) {
				w, p := newSSO(t, "enableUserInfoGroups: true")
				w.scopes = "[email]"
				w.set("oidc.email.trusted", fmt.Sprint(trusts))
				person := oidctest.Person{Claims: tt.token, UserInfo: tt.info}
				if person.UserInfo == nil {
					person.UserInfo = map[string]any{"sub": "u-1"}
				}
				p.Become(person)
				b := newBrowser(t, w)
				_, back := b.begin(p, "/")
				if _, err := b.callback(back); err != nil {
					t.Fatal(err)
				}
				id, err := b.who()
				want := tt.counts || trusts && tt.trusted
				if got := slices.Contains(id.Groups, chief); err != nil || got != want {
					t.Errorf("it counts: %t, want %t; groups %q, %v", got, want, id.Groups, err)
				}
			})
		}
	}
}

// TestUnconfirmedEmailOfPrograms: the ID token that a program shows is no better.
func TestUnconfirmedEmailOfPrograms(t *testing.T) {
	w, p := newSSO(t)
	w.scopes = "[email]"
	w.use()
	for verified, want := range map[bool][]string{true: {"ada@example.com"}, false: nil} {
		claims := map[string]any{"sub": "u-1", "email": "ada@example.com"}
		if verified {
			claims["email_verified"] = true
		}
		id, err := w.service.Authenticate(bearer(p.IDToken(oidctest.Person{Claims: claims}, "")))
		if err != nil || !cmp.Equal(id.Groups, want) {
			t.Errorf("confirmed %t: groups %q, %v; want %q", verified, id.Groups, err, want)
		}
	}
}

// TestGroups come from the claims that scopes names, and from the page about a person.
func TestGroups(t *testing.T) {
	person := oidctest.Person{
		Claims:   map[string]any{"sub": "u-1", "groups": []string{"b", "a"}, "email": "ada@example.com", "email_verified": true, "team": "red"},
		UserInfo: map[string]any{"sub": "u-1", "groups": []string{"info", "a"}},
	}
	roles := oidctest.Person{Claims: map[string]any{"sub": "u-1", "groups": []string{"role:admin", "proj:team:ci", "", "b"}}}
	doubtful := oidctest.Person{Claims: map[string]any{"sub": "u-1", "email": "ceo@example.com", "email_verified": false}}
	stranger := oidctest.Person{Claims: map[string]any{"sub": "u-1"}, UserInfo: map[string]any{"sub": "u-2", "groups": []string{"ops"}}}
	tests := map[string]struct {
		scopes, conf string
		person       oidctest.Person
		want         []string
		fails        bool
	}{
		"by default":                  {"", "", person, []string{"a", "b"}, false},
		"others":                      {"[email, team]", "", person, []string{"ada@example.com", "red"}, false},
		"with user info":              {"", "enableUserInfoGroups: true", person, []string{"a", "b", "info"}, false},
		"with user info elsewhere":    {"", "enableUserInfoGroups: true\nuserInfoPath: /custom/userinfo", person, []string{"a", "b", "info"}, false},
		"an address nobody confirmed": {"[email]", "", doubtful, nil, false},
		"names of roles":              {"", "", roles, []string{"b"}, false},
		"user info of somebody else":  {"", "enableUserInfoGroups: true", stranger, nil, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w, p := newSSO(t, tt.conf)
			w.scopes = tt.scopes
			w.use()
			p.Become(tt.person)
			b := newBrowser(t, w)
			_, back := b.begin(p, "/")
			if _, err := b.callback(back); (err != nil) != tt.fails {
				t.Fatalf("signing in: %v", err)
			}
			if id, err := b.who(); !tt.fails && (err != nil || !cmp.Equal(id.Groups, tt.want)) {
				t.Errorf("groups %q, %v; want %q", id.Groups, err, tt.want)
			}
		})
	}
}

// TestManyGroupsFit into cookies, as far as browsers take them.
func TestManyGroupsFit(t *testing.T) {
	w, p := newSSO(t)
	for _, tt := range []struct {
		groups int
		fits   bool
	}{{200, true}, {2000, false}} {
		var groups []string
		for i := range tt.groups {
			groups = append(groups, fmt.Sprintf("%08d-0000-0000-0000-000000000000", i))
		}
		p.Become(oidctest.Person{Claims: map[string]any{"groups": groups}})
		b := newBrowser(t, w)
		_, back := b.begin(p, "/")
		if _, err := b.callback(back); (err == nil) != tt.fits {
			t.Errorf("%d groups: %v", tt.groups, err)
		}
		id, err := b.who()
		if tt.fits && (err != nil || len(id.Groups) != tt.groups) {
			t.Errorf("%d groups: %d came back, %v", tt.groups, len(id.Groups), err)
		}
		for name, value := range b.cookies {
			if len(name)+len(value) > 4096 {
				t.Errorf("cookie %s has %d bytes", name, len(value))
			}
		}
	}
}

// TestProviderComesBack: after some seconds it is asked again; what it has said before
// is used while it is down; its new keys are found.
func TestProviderComesBack(t *testing.T) {
	w, p := newSSO(t)
	begin := func() error { return w.service.Begin(httptest.NewRecorder(), plain(), "/") }
	p.Down(true)
	if err := begin(); err == nil {
		t.Fatal("the provider is down, and somebody goes there")
	}
	p.Down(false)
	signin.Elapse(w.service, time.Minute)
	if err := begin(); err != nil {
		t.Fatalf("the provider is back: %v", err)
	}
	if got := w.who(p.IDToken(oidctest.Person{}, "")); got != "u-1" {
		t.Errorf("its token lets in %q", got)
	}
	p.Rotate("second")
	signin.Elapse(w.service, time.Minute)
	if got := w.who(p.IDToken(oidctest.Person{}, "")); got != "u-1" {
		t.Errorf("a token of its new key lets in %q", got)
	}
	p.Down(true)
	signin.Elapse(w.service, 24*time.Hour)
	if err := begin(); err != nil {
		t.Errorf("what it has said a day ago is forgotten: %v", err)
	}
}

// FuzzTokens: whatever is shown as a token, nobody is let in by it.
func FuzzTokens(f *testing.F) {
	w := newWorld(f, signin.Config{})
	w.set("users.anonymous.enabled", "true")
	f.Add("")
	f.Add("a.b.c")
	f.Add(signed(f, jwt.SigningMethodHS256, []byte("another key, of 32 bytes or more"), nil))
	f.Add(signed(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil))
	f.Fuzz(func(t *testing.T, token string) {
		if id, err := w.service.Authenticate(bearer(token)); err == nil {
			t.Errorf("%q lets in %+v", token, id)
		}
	})
}
