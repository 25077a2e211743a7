package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/fixpoint-cd/fixpoint/internal/client"
	"github.com/fixpoint-cd/fixpoint/internal/signin/oidctest"
)

// atProvider is a way to sign in at a provider of this process.
func atProvider(t *testing.T) (client.SSO, *oidctest.Provider) {
	t.Helper()
	p := oidctest.New()
	t.Cleanup(p.Close)
	return client.SSO{Provider: client.Provider{
		Name: "Example ID", Issuer: p.URL, ClientID: oidctest.PublicID, Scopes: []string{"openid", "groups"}, RootCA: p.RootCA(),
	}}, p
}

// visit is a browser that goes where it is led, and shows the last page.
func visit(t *testing.T, p *oidctest.Provider, address string) (status int, text string) {
	t.Helper()
	browser := p.Client()
	browser.CheckRedirect = nil
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	got, err := browser.Do(r)
	if err != nil {
		t.Errorf("the browser: %v", err)
		return 0, ""
	}
	defer func() { _ = got.Body.Close() }()
	raw, _ := io.ReadAll(got.Body)
	if policy := got.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("the page has the policy %q", policy)
	}
	return got.StatusCode, string(raw)
}

// sso signs somebody in whose browser does what visit says.
func sso(t *testing.T, s client.SSO, browse func(address string)) (client.Session, error) {
	t.Helper()
	gone := make(chan struct{})
	s.Show = func(address string) {
		go func() {
			defer close(gone)
			browse(address)
		}()
	}
	session, err := s.SignIn(t.Context())
	<-gone
	return session, err
}

// TestSSO: the token is for this client; a request that is none of the provider's ends
// nothing.
func TestSSO(t *testing.T) {
	s, p := atProvider(t)
	s.Provider.Claims = map[string]any{"groups": map[string]any{"essential": true}}
	p.Become(oidctest.Person{Claims: map[string]any{"sub": "u-7", "groups": []string{"devs"}}})
	session, err := sso(t, s, func(address string) {
		u, _ := url.Parse(address)
		q := u.Query()
		back, _ := url.Parse(q.Get("redirect_uri"))
		if back.Hostname() != "localhost" || back.Path != "/auth/callback" || q.Get("code_challenge_method") != "S256" || len(q.Get("state")) < 43 ||
			len(q.Get("nonce")) < 43 || q.Get("claims") == "" || q.Get("scope") != "openid groups" {
			t.Errorf("the browser is to open %s", address)
		}
		for _, stray := range []string{"?error=access_denied", "?code=x&state=y", ""} {
			if status, text := visit(t, p, back.String()+stray); status != http.StatusBadRequest || !strings.Contains(text, "Nothing to do here") {
				t.Errorf("%q is answered with %d %s", stray, status, text)
			}
		}
		if status, text := visit(t, p, address); status != http.StatusOK || !strings.Contains(text, "You can close this window") {
			t.Errorf("the browser shows %d %s", status, text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var c jwt.RegisteredClaims
	if _, err := jwt.ParseWithClaims(session.Token, &c, func(*jwt.Token) (any, error) { return p.PublicKey(), nil }); err != nil {
		t.Fatal(err)
	}
	if c.Subject != "u-7" || c.Audience[0] != oidctest.PublicID || !session.Expires.Equal(c.ExpiresAt.Time) {
		t.Errorf("the token says %+v, the session ends %v", c, session.Expires)
	}
}

// TestSSOFails: whatever goes wrong, the error says what to do.
func TestSSOFails(t *testing.T) {
	goOn := func(t *testing.T, p *oidctest.Provider) func(string) {
		return func(address string) { visit(t, p, address) }
	}
	for name, tt := range map[string]struct {
		change func(*client.SSO, *oidctest.Provider)
		browse func(t *testing.T, p *oidctest.Provider) func(string)
		want   string
	}{
		"a client with a secret": {func(s *client.SSO, _ *oidctest.Provider) { s.Provider.ClientID = oidctest.ClientID }, goOn, "name it as cliClientID in oidc.config"},
		"another nonce": {func(_ *client.SSO, p *oidctest.Provider) {
			p.Become(oidctest.Person{Claims: map[string]any{"nonce": "another"}})
		}, goOn, "(nonce)"},
		"for another client": {func(_ *client.SSO, p *oidctest.Provider) {
			p.Become(oidctest.Person{Claims: map[string]any{"aud": "grafana"}})
		}, goOn, "the token of Example ID is no good"},
		"declined": {nil, func(t *testing.T, p *oidctest.Provider) func(string) {
			return func(address string) { answer(t, p, address, "error", "access_denied") }
		}, "Example ID said no"},
		"not allowed": {nil, func(t *testing.T, p *oidctest.Provider) func(string) {
			return func(address string) { answer(t, p, address, "error", "invalid_scope") }
		}, `it says "invalid_scope": its client fixpoint-cli has to allow http://localhost:`},
		"another provider": {nil, func(t *testing.T, p *oidctest.Provider) func(string) {
			return func(address string) { answer(t, p, address, "code", "x", "iss", "https://other.example") }
		}, "from another provider"},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := atProvider(t)
			if tt.change != nil {
				tt.change(&s, p)
			}
			session, err := sso(t, s, tt.browse(t, p))
			if err == nil || !strings.Contains(err.Error(), tt.want) || session.Token != "" {
				t.Errorf("%+v, %v, want %q", session, err, tt.want)
			}
		})
	}
}

// answer comes back to where the provider would lead, with these parameters.
func answer(t *testing.T, p *oidctest.Provider, address string, pairs ...string) {
	t.Helper()
	u, _ := url.Parse(address)
	q := url.Values{"state": {u.Query().Get("state")}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	visit(t, p, u.Query().Get("redirect_uri")+"?"+q.Encode())
}

// TestSSOBeforeTheBrowser fails where the browser need not be opened at all.
func TestSSOBeforeTheBrowser(t *testing.T) {
	s, p := atProvider(t)
	s.Show = func(string) { t.Error("the browser is opened") }
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	s.Port, _ = strconv.Atoi(port)
	if _, err := s.SignIn(t.Context()); err == nil || !strings.Contains(err.Error(), "another port with --sso-port") {
		t.Errorf("the port is taken: %v", err)
	}
	s.Port, s.Provider.RootCA = 0, ""
	if _, err := s.SignIn(t.Context()); err == nil || !strings.Contains(err.Error(), "--ca-file") {
		t.Errorf("a provider that is not trusted: %v", err)
	}
	s.Provider.RootCA = p.RootCA()
	ended := errors.New("the time is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	s.Show = func(string) { cancel(ended) }
	if _, err := s.SignIn(ctx); !errors.Is(err, ended) || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("nobody comes: %v", err)
	}
}

// TestSecuritySSOOpensPagesOnly: a server that names a provider of its own has nothing else
// than a page of the web opened on the machine of whoever signs in.
func TestSecuritySSOOpensPagesOnly(t *testing.T) {
	for _, to := range []string{"file:///bin/sh", "vscode://open?x", "javascript:alert(1)", "--help", "", "https:", "mailto:a@b.example"} {
		var provider *httptest.Server
		provider = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{
				"issuer": provider.URL, "authorization_endpoint": to, "token_endpoint": provider.URL, "jwks_uri": provider.URL,
			})
		}))
		s := client.SSO{Provider: client.Provider{Name: "Example ID", Issuer: provider.URL, ClientID: "x"}, Show: func(address string) {
			t.Errorf("%q is opened", address)
		}}
		if _, err := s.SignIn(t.Context()); err == nil {
			t.Errorf("%q: somebody is signed in", to)
		}
		provider.Close()
	}
}
