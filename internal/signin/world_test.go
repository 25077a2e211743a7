package signin_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/bcrypt"

	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

const (
	key      = "0123456789abcdef0123456789abcdef"
	password = "correct horse"
	here     = "192.0.2.1"
)

func hash(t testing.TB, of string) []byte {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(of), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// world is an installation: its ConfigMap, its Secret, and the service over them.
type world struct {
	t       testing.TB
	service *signin.Service
	tokens  []signin.ProjectToken
	scopes  string

	mu     sync.Mutex
	cm     map[string]string
	secret map[string][]byte
}

func newWorld(t testing.TB, config signin.Config) *world {
	t.Helper()
	w := &world{
		t: t,
		cm: map[string]string{
			"url":            "https://fixpoint.example.com",
			"accounts.alice": "login, apiKey",
			"accounts.bob":   "login",
			"accounts.ci":    "apiKey",
		},
		secret: map[string][]byte{
			"server.secretkey":             []byte(key),
			"admin.password":               hash(t, password),
			"admin.passwordMtime":          []byte("1999-01-01T00:00:00Z"),
			"accounts.alice.password":      hash(t, password),
			"accounts.alice.passwordMtime": []byte("1999-01-01T00:00:00Z"),
			"accounts.bob.password":        hash(t, password),
			"accounts.ci.tokens":           []byte(`[{"id":"t1","iat":946684800}]`),
		},
	}
	config.Store = w
	w.service = signin.New(config)
	w.use()
	return w
}

// Update is that of signin.Store.
func (w *world) Update(_ context.Context, change func(map[string][]byte) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	data := maps.Clone(w.secret)
	if err := change(data); err != nil {
		return err
	}
	w.secret = data
	return nil
}

// use puts into force what the ConfigMap and the Secret say.
func (w *world) use() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	set, problems := signin.Read(w.cm, w.secret, w.scopes, w.tokens, nil)
	for _, p := range problems {
		w.t.Errorf("settings: %v", p)
	}
	w.service.Use(set)
}

func (w *world) set(key, value string) { w.cm[key] = value; w.use() }

func (w *world) login(name string) signin.Session {
	w.t.Helper()
	session, err := w.service.Login(w.t.Context(), name, password, here)
	if err != nil {
		w.t.Fatalf("signing %s in: %v", name, err)
	}
	return session
}

// who is whom the service takes the bearer of a token for; "-" is nobody.
func (w *world) who(token string) string {
	id, err := w.service.Authenticate(bearer(token))
	if err != nil {
		return "-"
	}
	if id.Anonymous {
		return "anonymous"
	}
	return id.Subject
}

func bearer(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://fixpoint.example.com/apps", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// plain is a request without a token.
func plain() *http.Request {
	return httptest.NewRequest(http.MethodGet, "https://fixpoint.example.com/apps", nil)
}

// signed is a token as Argo CD makes them, or nearly.
func signed(t testing.TB, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	now := time.Now()
	all := jwt.MapClaims{
		"iss": "argocd", "sub": "alice:login", "jti": "j1",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range claims {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	token, err := jwt.NewWithClaims(method, all).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func hs256(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	return signed(t, jwt.SigningMethodHS256, []byte(key), claims)
}
