package oci

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/ocitest"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
)

const password = "correct horse/battery+staple"

func dockerConfig(host, user, password string) string {
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	text, _ := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"auth": auth}}})
	return string(text)
}

func TestLogin(t *testing.T) {
	for name, o := range map[string]ocitest.Options{
		"basic":         {Username: "me", Password: password},
		"basic, TLS":    {Username: "me", Password: password, TLS: true},
		"token":         {Username: "me", Password: password, Token: true},
		"token and TLS": {Username: "me", Password: password, Token: true, TLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, o)
			must[string](t)(s.PushFiles(context.Background(), "team/app", "latest", map[string]string{"a": "1"}, nil))
			for name, auth := range map[string]model.Auth{
				"user and password": {Username: "me", Password: password},
				"docker config":     {DockerConfig: dockerConfig(s.Host, "me", password)},
				"docker configs": {DockerConfig: dockerConfig("registry.example.com", "x", "y") + "\n" +
					dockerConfig("https://"+s.Host+"/v1/", "me", password)},
				"docker config by path": {DockerConfig: dockerConfig(s.Host, "x", "wrong one") + "\n" +
					dockerConfig(s.Host+"/team", "me", password)},
			} {
				src := source(s, "team/app")
				auth.CA = s.CA
				src.Auth = auth
				p := open(t, src, archive.Limits{})
				got := p.good(t, model.Ref{}, nil)
				s.Requests()
				if again := p.good(t, model.Ref{}, got); again != got {
					t.Errorf("%s: an unchanged artifact gave another result", name)
				}
				if n := len(s.Requests()); n != 1 {
					t.Errorf("%s: %d requests, want 1: the login is remembered", name, n)
				}
			}
			for name, auth := range map[string]model.Auth{
				"nothing":             {},
				"wrong password":      {Username: "me", Password: "my-wrong-password"},
				"for another host":    {DockerConfig: dockerConfig("registry.example.com", "me", password)},
				"for another path":    {DockerConfig: dockerConfig(s.Host+"/other", "me", password)},
				"wrong docker config": {DockerConfig: dockerConfig(s.Host, "me", "my-wrong-password")},
				"bad bearer token":    {BearerToken: "my-wrong-password"},
			} {
				src := source(s, "team/app")
				auth.CA = s.CA
				src.Auth = auth
				text := open(t, src, archive.Limits{}).bad(t, model.Ref{}, model.ErrDenied, "credentials")
				if strings.Contains(text, "my-wrong-password") || strings.Contains(text, password) {
					t.Errorf("%s: the error shows a password: %s", name, text)
				}
			}
		})
	}
}

func TestIdentityToken(t *testing.T) {
	s := serve(t, ocitest.Options{Username: "me", Password: password, Token: true})
	must[string](t)(s.PushFiles(context.Background(), "app", "latest", map[string]string{"a": "1"}, nil))
	text, _ := json.Marshal(map[string]any{"auths": map[string]any{s.Host: map[string]string{"identitytoken": password}}})
	src := source(s, "app")
	src.Auth.DockerConfig = string(text)
	open(t, src, archive.Limits{}).good(t, model.Ref{}, nil)
}

// TestDeniedOnce: credentials that are refused are not tried for each want, which
// might lock an account.
func TestDeniedOnce(t *testing.T) {
	s := serve(t, ocitest.Options{Username: "me", Password: password})
	src := source(s, "app")
	src.Auth = model.Auth{Username: "me", Password: "wrong"}
	p := open(t, src, archive.Limits{})
	out, err := p.Pull(context.Background(), wants(model.Ref{Tag: "a"}, model.Ref{Tag: "b"}, model.Ref{Tag: "c"}))
	if err == nil || len(out) != 1 {
		t.Fatalf("%d results, %v", len(out), err)
	}
	if n := len(s.Requests()); n != 2 {
		t.Errorf("%d requests, want one without and one with credentials", n)
	}
}

func TestCertificates(t *testing.T) {
	s := serve(t, ocitest.Options{TLS: true})
	must[string](t)(s.PushFiles(context.Background(), "app", "latest", map[string]string{"a": "1"}, nil))
	src := source(s, "app")
	open(t, src, archive.Limits{}).good(t, model.Ref{}, nil)
	src.Auth = model.Auth{Insecure: true}
	open(t, src, archive.Limits{}).good(t, model.Ref{}, nil)
	src.Auth = model.Auth{}
	open(t, src, archive.Limits{}).bad(t, model.Ref{}, model.ErrTransient, "add the CA")
	src.OCI.Insecure = true
	open(t, src, archive.Limits{}).bad(t, model.Ref{}, model.ErrTransient, "")
}

func TestProxy(t *testing.T) {
	s := serve(t, ocitest.Options{})
	must[string](t)(s.PushFiles(context.Background(), "app", "latest", map[string]string{"a": "1"}, nil))
	var asked, authorized int
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Proxy-Authorization") == "Basic "+base64.StdEncoding.EncodeToString([]byte("p:secret-of-proxy")) {
			authorized++
		}
		out, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = out.Body.Close() }()
		maps.Copy(w.Header(), out.Header)
		w.WriteHeader(out.StatusCode)
		_, _ = io.Copy(w, out.Body)
	}))
	defer proxy.Close()
	src := source(s, "app")
	src.Proxy = model.Proxy{URL: proxy.URL, Username: "p", Password: "secret-of-proxy"}
	open(t, src, archive.Limits{}).good(t, model.Ref{}, nil)
	if asked != 3 || authorized != asked {
		t.Errorf("the proxy was asked %d times, %d with credentials; want 3", asked, authorized)
	}
	proxy.Close()
	text := open(t, src, archive.Limits{}).bad(t, model.Ref{}, model.ErrTransient, "refused")
	if strings.Contains(text, "secret-of-proxy") {
		t.Errorf("the error shows a password: %s", text)
	}
}

// thief is a server that keeps what it is told.
type thief struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func newThief(t *testing.T, answer http.HandlerFunc) *thief {
	t.Helper()
	th := &thief{}
	th.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.PostFormValue("refresh_token")
		th.mu.Lock()
		th.seen = append(th.seen, r.Header.Get("Authorization")+body)
		th.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(th.Close)
	return th
}

// check tells how often it was asked, and that no credentials came.
func (th *thief) check(t *testing.T, asked bool) {
	t.Helper()
	th.mu.Lock()
	defer th.mu.Unlock()
	if (len(th.seen) > 0) != asked {
		t.Errorf("the other host was asked %d times", len(th.seen))
	}
	if text := strings.Join(th.seen, ""); text != "" {
		t.Errorf("credentials went to another host: %q", text)
	}
}

// TestRedirectKeepsCredentials: registries send clients to other hosts for
// layers; what identifies us stays behind.
func TestRedirectKeepsCredentials(t *testing.T) {
	for _, token := range []bool{false, true} {
		s := serve(t, ocitest.Options{Username: "me", Password: password, Token: token})
		layer := ocitest.TarGz(map[string]string{"a": "1"})
		must[string](t)(s.PushFiles(context.Background(), "app", "latest", map[string]string{"a": "1"}, nil))
		other := newThief(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/challenge" {
				w.Header().Set("WWW-Authenticate", `Basic realm="give me"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = w.Write(layer)
		})
		at := "/layer"
		s.Before(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/blobs/") || r.Header.Get("Authorization") == "" {
				return false
			}
			http.Redirect(w, r, other.URL+at, http.StatusTemporaryRedirect)
			return true
		})
		src := source(s, "app")
		src.Auth = model.Auth{Username: "me", Password: password}
		open(t, src, archive.Limits{}).good(t, model.Ref{}, nil)
		other.check(t, true)
		at = "/challenge"
		open(t, src, archive.Limits{}).bad(t, model.Ref{}, model.ErrDenied, "401")
		other.check(t, true)
	}
}

// TestNextPageElsewhere: a list of tags that goes on at another host.
func TestNextPageElsewhere(t *testing.T) {
	s := serve(t, ocitest.Options{Username: "me", Password: password})
	other := newThief(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="give me"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	s.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") || r.Header.Get("Authorization") == "" {
			return false
		}
		w.Header().Set("Link", "<"+other.URL+`/more>; rel="next"`)
		_, _ = w.Write([]byte(`{"tags":["1.0.0"]}`))
		return true
	})
	src := source(s, "app")
	src.Auth = model.Auth{Username: "me", Password: password}
	open(t, src, archive.Limits{}).bad(t, model.Ref{SemVer: "*"}, model.ErrTransient, "not the same origin")
	other.check(t, false)
}

// TestEndlessTags: a registry that always names another page.
func TestEndlessTags(t *testing.T) {
	s := serve(t, ocitest.Options{})
	s.Before(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Link", `</v2/app/tags/list?last=x>; rel="next"`)
		_, _ = w.Write([]byte(`{"tags":["1.0.0"]}`))
		return strings.HasSuffix(r.URL.Path, "/tags/list")
	})
	p := open(t, source(s, "app"), archive.Limits{})
	p.bad(t, model.Ref{SemVer: "*"}, model.ErrTransient, "page")
	if n := len(s.Requests()); n > 200 {
		t.Errorf("%d pages were asked for", n)
	}
}

// TestTokenService has registries that name token services which must not get
// the credentials.
func TestTokenService(t *testing.T) {
	at := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for _, tt := range []struct {
		registry, realm string
		ok              bool
	}{
		{"https://192.0.2.1", "https://192.0.2.2/token", true},
		{"https://192.0.2.1", "https://192.0.2.1:8443/token", true},
		{"https://192.0.2.1", "http://192.0.2.1/token", false},
		{"http://192.0.2.1", "http://192.0.2.2/token", true},
		{"https://192.0.2.1", "file:///etc/passwd", false},
		{"https://192.0.2.1", "https://127.0.0.1/token", false},
		{"https://192.0.2.1", "https://169.254.169.254/token", false},
		{"https://192.0.2.1", "https://10.0.0.1/token", false},
		{"https://192.0.2.1", "https://[::1]/token", false},
		{"https://192.0.2.1", "https://[::ffff:10.0.0.1]/token", false},
		{"https://10.0.0.1", "https://10.0.0.2/token", true},
	} {
		err := checkRealm(context.Background(), at(tt.realm), at(tt.registry))
		if (err == nil) != tt.ok {
			t.Errorf("%s names %s: %v", tt.registry, tt.realm, err)
		}
	}

	other := newThief(t, func(http.ResponseWriter, *http.Request) {})
	redirecting := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer redirecting.Close()
	for _, tt := range []struct{ challenge, want string }{
		{`Bearer realm="` + redirecting.URL + `/token",service="x"`, "redirects"},
		{`Bearer realm="ftp://example.com/"`, "scheme"},
		{`Bearer realm="http://user:pass@` + strings.TrimPrefix(redirecting.URL, "http://") + `"`, "can't be parsed"},
		{`Bearer service="x"`, "can't be parsed"},
		{`Negotiate`, "no way to log in"},
	} {
		s := serve(t, ocitest.Options{})
		s.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("WWW-Authenticate", tt.challenge)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		src := source(s, "app")
		src.Auth = model.Auth{Username: "me", Password: password}
		_, err := open(t, src, archive.Limits{}).pull(t, model.Ref{}, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.challenge, err, tt.want)
		}
	}
	other.check(t, false)
}

// TestTamperedContent: what a registry serves has to have the digest that it was
// asked for.
func TestTamperedContent(t *testing.T) {
	s := serve(t, ocitest.Options{})
	digest := must[string](t)(s.PushFiles(context.Background(), "app", "latest", map[string]string{"a": "1"}, nil))
	evil := ocitest.TarGz(map[string]string{"a": "2"})
	part := "/blobs/"
	s.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, part) {
			return false
		}
		_, _ = w.Write(evil)
		return true
	})
	p := open(t, source(s, "app"), archive.Limits{})
	for _, ref := range []model.Ref{{}, {Digest: digest}} {
		if _, err := p.pull(t, ref, nil); err == nil {
			t.Errorf("%v: another layer was taken", ref)
		}
	}
	part = "/manifests/"
	for _, ref := range []model.Ref{{}, {Digest: digest}} {
		if _, err := p.pull(t, ref, nil); err == nil {
			t.Errorf("%v: another manifest was taken", ref)
		}
	}
	if ids := must[[]string](t)(p.room.IDs()); len(ids) > 0 {
		t.Errorf("trees were stored: %v", ids)
	}
}

// TestErrorsOfRegistry: a registry's own words are shown, but no secret that it
// repeats.
func TestErrorsOfRegistry(t *testing.T) {
	s := serve(t, ocitest.Options{})
	s.Before(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"errors":[{"code":"X","message":"slow down, me:` + password +
			` at https://me:` + password + `@registry.example.com/?sig=abcdef\n` + strings.Repeat("x", 2000) + `"}]}`))
		return true
	})
	src := source(s, "app")
	src.Auth = model.Auth{Username: "me", Password: password}
	text := open(t, src, archive.Limits{}).bad(t, model.Ref{SemVer: "*"}, model.ErrTransient, "slow down")
	for _, secret := range []string{"battery", "abcdef", "\n"} {
		if strings.Contains(text, secret) {
			t.Errorf("the error has %q: %s", secret, text)
		}
	}
	if len(text) > 700 {
		t.Errorf("the error has %d bytes", len(text))
	}
}
