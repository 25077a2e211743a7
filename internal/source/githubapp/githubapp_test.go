package githubapp

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func newKey(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// hub is the part of GitHub's API that there is to log in.
type hub struct {
	t    *testing.T
	key  *rsa.PublicKey
	now  func() time.Time
	life time.Duration

	mu    sync.Mutex
	calls []string
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls)
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.calls = append(h.calls, r.Method+" "+r.URL.Path)
	n := len(h.calls)
	h.mu.Unlock()
	if err := h.check(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /api/v3/orgs/acme/installation", "GET /api/v3/users/ann/installation":
		fmt.Fprint(w, `{"id": 42, "account": {}}`)
	case "POST /api/v3/app/installations/42/access_tokens":
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"token": fmt.Sprint("token-", n), "expires_at": h.now().Add(h.life)})
	case "POST /api/v3/app/installations/301/access_tokens":
		http.Redirect(w, r, "https://elsewhere.example.com/", http.StatusTemporaryRedirect)
	case "POST /api/v3/app/installations/500/access_tokens":
		http.Error(w, "down", http.StatusBadGateway)
	default:
		http.NotFound(w, r)
	}
}

// check reads a JSON Web Token as GitHub does.
func (h *hub) check(text string) error {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return errors.New("no token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(h.key, crypto.SHA256, sum[:], signature); err != nil {
		return err
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var claims struct {
		Iss      string
		Iat, Exp int64
	}
	if err := json.Unmarshal(body, &claims); err != nil {
		return err
	}
	now := h.now().Unix()
	if claims.Iss != "7" || claims.Iat > now || claims.Exp <= now || claims.Exp > now+600 {
		return fmt.Errorf("claims %+v", claims)
	}
	return nil
}

func TestTokens(t *testing.T) {
	key, private := newKey(t)
	var mu sync.Mutex
	clock := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return clock }
	h := &hub{t: t, key: &key.PublicKey, now: now, life: time.Hour}
	srv := httptest.NewTLSServer(h)
	t.Cleanup(srv.Close)
	base := srv.URL + "/api/v3/"
	tokens := &Tokens{Now: now}
	app := model.GitHubApp{ID: "7", InstallationID: "42", PrivateKey: private, BaseURL: base}
	get := func(app model.GitHubApp, owner string) string {
		t.Helper()
		text, err := tokens.Get(t.Context(), srv.Client(), app, owner)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := get(app, "acme")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, err := tokens.Get(t.Context(), srv.Client(), app, "other"); got != first || err != nil {
				t.Errorf("%q, %v, want %q", got, err, first)
			}
		})
	}
	all.Wait()
	if n := h.count(); n != 1 {
		t.Errorf("21 uses took %d calls", n)
	}
	mu.Lock()
	clock = clock.Add(54 * time.Minute)
	mu.Unlock()
	if got := get(app, ""); got != first {
		t.Errorf("got %q six minutes before its end, want %q", got, first)
	}
	mu.Lock()
	clock = clock.Add(2 * time.Minute)
	mu.Unlock()
	second := get(app, "")
	if second == first {
		t.Error("the token is used until it ends")
	}
	tokens.Forget(app)
	if get(app, "") == second {
		t.Error("a token that was forgotten is used again")
	}
	byOwner := model.GitHubApp{ID: "7", Owner: "acme", PrivateKey: private, BaseURL: base}
	get(byOwner, "ignored")
	get(model.GitHubApp{ID: "7", PrivateKey: private, BaseURL: base}, "ann")
	if got := strings.Join(h.calls[len(h.calls)-3:], ", "); got != "GET /api/v3/orgs/ann/installation, GET /api/v3/users/ann/installation, POST /api/v3/app/installations/42/access_tokens" {
		t.Errorf("calls: %s", got)
	}
}

func TestRefusals(t *testing.T) {
	key, private := newKey(t)
	_, other := newKey(t)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(&hub{t: t, key: &key.PublicKey, now: time.Now, life: time.Hour})
	t.Cleanup(srv.Close)
	good := model.GitHubApp{ID: "7", InstallationID: "42", PrivateKey: private, BaseURL: srv.URL + "/api/v3"}
	cases := map[string]struct {
		change func(*model.GitHubApp)
		kind   error
	}{
		"another key": {func(a *model.GitHubApp) { a.PrivateKey = other }, model.ErrDenied},
		"no key":      {func(a *model.GitHubApp) { a.PrivateKey = "hunter2" }, model.ErrInvalid},
		"no RSA key": {func(a *model.GitHubApp) {
			a.PrivateKey = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		}, model.ErrInvalid},
		"no ID":            {func(a *model.GitHubApp) { a.ID = "" }, model.ErrInvalid},
		"no number":        {func(a *model.GitHubApp) { a.InstallationID = "../../x" }, model.ErrInvalid},
		"no installation":  {func(a *model.GitHubApp) { a.InstallationID = "43" }, model.ErrNotFound},
		"not installed":    {func(a *model.GitHubApp) { a.InstallationID, a.Owner = "", "nobody" }, model.ErrDenied},
		"no owner":         {func(a *model.GitHubApp) { a.InstallationID = "" }, model.ErrInvalid},
		"plain http":       {func(a *model.GitHubApp) { a.BaseURL = "http://127.0.0.1:1" }, model.ErrInvalid},
		"password in URL":  {func(a *model.GitHubApp) { a.BaseURL = "https://u:hunter2@127.0.0.1:1" }, model.ErrInvalid},
		"nobody listens":   {func(a *model.GitHubApp) { a.BaseURL = "https://127.0.0.1:1" }, model.ErrTransient},
		"redirect":         {func(a *model.GitHubApp) { a.InstallationID = "301" }, model.ErrInvalid},
		"server is broken": {func(a *model.GitHubApp) { a.InstallationID = "500" }, model.ErrTransient},
	}
	for name, c := range cases {
		app := good
		c.change(&app)
		tokens := &Tokens{}
		_, err := tokens.Get(t.Context(), srv.Client(), app, "")
		if !errors.Is(err, c.kind) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "PRIVATE KEY") {
			t.Errorf("%s: error %v, want %q", name, err, c.kind)
		}
	}
}
