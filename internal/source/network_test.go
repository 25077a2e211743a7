package source

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/charttest"
	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestGitHubApp(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	var tokens atomic.Int64
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey"):
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/orgs/acme/installation":
			fmt.Fprint(w, `{"id": 42}`)
		case r.URL.Path == "/app/installations/42/access_tokens":
			_ = json.NewEncoder(w).Encode(map[string]any{"token": fmt.Sprint("ghs_secret", tokens.Add(1)), "expires_at": time.Now().Add(time.Hour)})
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(api.Close)
	api.Config.ErrorLog = quiet
	var revoked atomic.Int64
	git := gitserver.New(t.TempDir())
	git.Allow = func(_, user, password string) bool {
		return user == "x-access-token" && password == fmt.Sprint("ghs_secret", tokens.Load()) && tokens.Load() > revoked.Load()
	}
	t.Cleanup(git.Close)
	if err := errors.Join(git.Create(t.Context(), "acme/app"), git.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := git.Commit(t.Context(), "acme/app", "main", "c", map[string]*string{"f": text("1")}); err != nil {
		t.Fatal(err)
	}
	app := model.GitHubApp{
		ID: "7", BaseURL: api.URL,
		PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	}
	auth := model.Auth{CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})), GitHub: app}
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("acme/app"), Auth: auth})
	snap := r.good(t, "app")
	read(t, snap, "f")
	for range 3 {
		r.good(t, "app")
	}
	if n := tokens.Load(); n != 1 {
		t.Errorf("%d tokens were asked for, want 1", n)
	}
	revoked.Store(1)
	if st := r.bad(t, "app", model.ErrDenied); strings.Contains(st.Err.Error(), "ghs_secret") {
		t.Errorf("the token is in %v", st.Err)
	}
	r.good(t, "app")
	auth.CA, auth.GitHub.ID = "", "8"
	r.Set("no CA", model.Source{URL: git.URL("acme/app"), Auth: auth})
	r.bad(t, "no CA", model.ErrTransient)
	auth.CA, auth.GitHub.PrivateKey = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})), "hunter2"
	r.Set("no key", model.Source{URL: git.URL("acme/app"), Auth: auth})
	if st := r.bad(t, "no key", model.ErrInvalid); strings.Contains(st.Err.Error(), "hunter2") {
		t.Errorf("the key is in %v", st.Err)
	}
}

// Server-side request forgery: hosts that no source may be read from.
func TestHostsThatAreDenied(t *testing.T) {
	git := server(t)
	key := sshKey(t, "")
	if err := git.StartSSH(key.public); err != nil {
		t.Fatal(err)
	}
	commit(t, git, "main", map[string]*string{"f": text("1")})
	byName := strings.Replace(git.URL("app"), "127.0.0.1", "localhost", 1)
	sshAuth := model.Auth{SSHKey: key.pem, KnownHosts: git.KnownHosts() + "\n" + strings.Replace(git.KnownHosts(), "127.0.0.1", "localhost", 1)}
	sshByName := strings.Replace(git.SSHURL("app"), "127.0.0.1", "localhost", 1)
	loopback := []string{"127.0.0.0/8", "::1"}
	cases := map[string]struct {
		cfg  Config
		src  model.Source
		kind error
	}{
		"loopback":            {src: model.Source{URL: git.URL("app")}},
		"by name":             {src: model.Source{URL: byName}},
		"SSH by name":         {src: model.Source{URL: sshByName, Auth: sshAuth}},
		"address denied":      {cfg: Config{DenyHosts: loopback}, src: model.Source{URL: git.URL("app")}, kind: model.ErrDenied},
		"name to denied":      {cfg: Config{DenyHosts: loopback}, src: model.Source{URL: byName}, kind: model.ErrDenied},
		"SSH denied":          {cfg: Config{DenyHosts: loopback}, src: model.Source{URL: git.SSHURL("app"), Auth: sshAuth}, kind: model.ErrDenied},
		"SSH name to denied":  {cfg: Config{DenyHosts: loopback}, src: model.Source{URL: sshByName, Auth: sshAuth}, kind: model.ErrDenied},
		"name denied":         {cfg: Config{DenyHosts: []string{"localhost"}}, src: model.Source{URL: byName}, kind: model.ErrDenied},
		"allowed again":       {cfg: Config{DenyHosts: loopback, AllowHosts: []string{"localhost"}}, src: model.Source{URL: byName}},
		"metadata":            {src: model.Source{URL: "http://169.254.169.254/latest/app"}, kind: model.ErrDenied},
		"metadata over SSH":   {src: model.Source{URL: "ssh://git@169.254.169.254/app", Auth: sshAuth}, kind: model.ErrDenied},
		"metadata as scp":     {src: model.Source{URL: "git@169.254.169.254:app", Auth: sshAuth}, kind: model.ErrDenied},
		"metadata in IPv6":    {src: model.Source{URL: "http://[::ffff:169.254.169.254]/app"}, kind: model.ErrDenied},
		"metadata as number":  {src: model.Source{URL: "http://2852039166/app"}, kind: model.ErrDenied},
		"metadata by name":    {src: model.Source{URL: "http://metadata.google.internal/app"}, kind: model.ErrDenied},
		"link-local in IPv6":  {src: model.Source{URL: "https://[fe80::1]/app"}, kind: model.ErrDenied},
		"no such host":        {src: model.Source{URL: "https://no-such-host.invalid/app"}, kind: model.ErrTransient},
		"of a mirror, denied": {cfg: Config{Rewrites: []Rewrite{{"https://git.invalid/", "http://169.254.169.254/"}}}, src: model.Source{URL: "https://git.invalid/app"}, kind: model.ErrDenied},
	}
	for name, c := range cases {
		r := store(t, c.cfg).run(t)
		r.Set("app", c.src)
		if c.kind != nil {
			r.bad(t, "app", c.kind)
		} else if got := read(t, r.good(t, "app"), "f"); got != "1" {
			t.Errorf("%s: f is %q", name, got)
		}
		r.stop()
	}
	if _, err := New(Config{Dir: t.TempDir(), DenyHosts: []string{"http://x"}}); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a URL as a host: %v", err)
	}
}

// What files of a repository name is not read from this machine, whatever the
// name that leads here and whoever redirects: names are looked up once, and what
// was checked is what is connected to.
func TestForeignSourcesAreNotHere(t *testing.T) {
	git := server(t)
	id := commit(t, git, "main", map[string]*string{"f": text("1")})
	charts := charttest.Start(charttest.Options{})
	t.Cleanup(charts.Close)
	charts.Add("web", "1.0.0", nil)
	var asked atomic.Int64
	asking := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked.Add(1) }))
	t.Cleanup(asking.Close)
	byName := func(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }
	foreign := func(src model.Source) model.Source { src.Foreign = true; return src }
	r := store(t, Config{}).run(t)
	for name, src := range map[string]model.Source{
		"git": {URL: git.URL("app")}, "git by name": {URL: byName(git.URL("app"))}, "asked": {URL: asking.URL + "/app"},
		"ssh":   {URL: "ssh://git@127.0.0.1:1/app", Auth: model.Auth{SSHKey: sshKey(t, "").pem, KnownHosts: "x"}},
		"chart": {Kind: model.SourceHelm, URL: charts.URL, Chart: "web"}, "registry": {Kind: model.SourceOCI, URL: "oci://127.0.0.1:1/app", OCI: model.OCI{Insecure: true}},
		"IPv6": {URL: "http://[::1]:1/app"}, "mapped": {URL: "http://[::ffff:127.0.0.1]:1/app"}, "unspecified": {URL: "http://0.0.0.0:1/app"},
	} {
		r.Set(model.SourceKey(name), foreign(src))
		if st := r.bad(t, model.SourceKey(name), model.ErrDenied); st.Snapshot != nil {
			t.Errorf("%s has content", name)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests were made", n)
	}
	// A submodule of a repository elsewhere is such a thing; a mirror is not.
	app := "https://git.example.com/app"
	put(t, git, "app", modules("sub", byName(git.URL("app")), "near", "../app"), module("sub", id), module("near", id))
	mirrored := store(t, Config{Rewrites: []Rewrite{{"https://git.example.com/", git.BaseURL()}}}).run(t)
	mirrored.Set("app", foreign(model.Source{URL: app, Git: model.Git{Submodules: true}}))
	snap := mirrored.good(t, "app")
	if got := read(t, snap, "near/f"); got != "1" {
		t.Errorf("near/f is %q", got)
	}
	if data, err := snap.Tree.ReadFile("sub/f"); !errors.Is(err, model.ErrDenied) && !errors.Is(err, model.ErrInvalid) {
		t.Errorf("sub/f is %q, %v", data, err)
	}
}

// mover redirects to somewhere else, and notes what it was sent.
type mover struct {
	*httptest.Server
	mu   sync.Mutex
	to   string
	auth []string
}

func newMover(t *testing.T, to string) *mover {
	m := &mover{to: to}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.auth = append(m.auth, r.Header.Get("Authorization"))
		http.Redirect(w, r, m.to+strings.TrimPrefix(r.URL.RequestURI(), "/old"), http.StatusMovedPermanently)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mover) requests() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.auth)
}

func TestRedirectsAreFollowed(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"f": text("1")})
	m := newMover(t, strings.TrimSuffix(git.BaseURL(), "/"))
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: m.URL + "/old/app"})
	snap := r.good(t, "app")
	if read(t, snap, "f") != "1" || snap.URL != m.URL+"/old/app" {
		t.Errorf("got %+v", snap)
	}
	// Known from then on.
	before := m.requests()
	id := commit(t, git, "main", map[string]*string{"f": text("2")})
	if snap := r.good(t, "app"); snap.Revision != id || read(t, snap, "f") != "2" {
		t.Errorf("got %+v", snap)
	}
	if n := m.requests() - before; n != 0 {
		t.Errorf("the old place was asked %d more times", n)
	}
	// Until it moves on.
	other := server(t)
	copyRepo(t, git, other)
	git.Stop()
	m.mu.Lock()
	m.to = strings.TrimSuffix(other.BaseURL(), "/")
	m.mu.Unlock()
	if snap := r.good(t, "app"); snap.Revision != id {
		t.Errorf("got %+v", snap)
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	var asked atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(target.Close)
	host, err := url.Parse(target.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := store(t, Config{DenyHosts: []string{"localhost"}}).run(t)
	for name, to := range map[string]string{
		"metadata":      "http://169.254.169.254",
		"denied name":   "http://localhost:" + host.Port(),
		"a file":        "file:///etc",
		"a scheme":      "gopher://127.0.0.1",
		"in a circle":   "/old",
		"with a secret": "http://user:hunter2@127.0.0.1:1",
	} {
		m := newMover(t, to)
		r.Set(model.SourceKey(name), model.Source{URL: m.URL + "/old/app"})
		if st := r.refresh(t, model.SourceKey(name)); st.Err == nil || strings.Contains(st.Err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, st.Err)
		}
		if n := m.requests(); n > 20 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("a denied host was asked %d times", n)
	}
}

// Credentials stay at their host, and are used there after a redirect.
func TestRedirectOnOneHostKeepsCredentials(t *testing.T) {
	git := gitserver.New(t.TempDir())
	protect(git, "ann:secret")
	t.Cleanup(git.Close)
	if err := errors.Join(git.Create(t.Context(), "app"), git.Start()); err != nil {
		t.Fatal(err)
	}
	commit(t, git, "main", map[string]*string{"f": text("1")})
	moved := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.RequestURI(), "/old"); ok {
			http.Redirect(w, r, "/new"+rest, http.StatusMovedPermanently)
			return
		}
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/new")
		git.ServeHTTP(w, r)
	}))
	t.Cleanup(moved.Close)
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: moved.URL + "/old/app", Auth: model.Auth{Username: "ann", Password: "secret"}})
	if got := read(t, r.good(t, "app"), "f"); got != "1" {
		t.Errorf("f is %q", got)
	}
	other := newMover(t, moved.URL+"/new")
	r.Set("other", model.Source{URL: other.URL + "/old/app", Auth: model.Auth{Username: "ann", Password: "secret"}})
	r.bad(t, "other", model.ErrDenied)
}
