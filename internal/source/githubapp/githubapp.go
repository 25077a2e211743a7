// Package githubapp gets access tokens of a GitHub App's installation
// (https://docs.github.com/apps), and keeps them until shortly before they end.
package githubapp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	defaultURL = "https://api.github.com"
	// early is how long before its end a token is replaced, so that a long fetch
	// begins with one that lasts.
	early     = 5 * time.Minute
	maxAnswer = 1 << 20
)

// Tokens are the tokens of installations. Several goroutines may use them.
type Tokens struct {
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	mu  sync.Mutex
	all map[key]*token
}

// key is what a token is for. The owner counts where the app names none.
type key struct {
	app   model.GitHubApp
	owner string
}

type token struct {
	mu   sync.Mutex // held while it is asked for
	text string
	ends time.Time
}

// Get is a token. Where the app names neither an installation nor an owner, the
// installation is that of owner, a user or an organisation. Requests go through
// client and follow no redirect. model.ErrInvalid for an unusable app,
// model.ErrDenied if GitHub refuses it.
func (t *Tokens) Get(ctx context.Context, client *http.Client, app model.GitHubApp, owner string) (string, error) {
	if app.InstallationID != "" || app.Owner != "" {
		owner = ""
	}
	k := t.of(key{app, owner})
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.text != "" && t.now().Before(k.ends.Add(-early)) {
		return k.text, nil
	}
	a := &api{client: noRedirects(client), app: app, now: t.now()}
	text, ends, err := a.token(ctx, owner)
	if err != nil {
		return "", fmt.Errorf("getting a token of GitHub App %s: %w", app.ID, err)
	}
	k.text, k.ends = text, ends
	return text, nil
}

// Forget drops the tokens of an app, since one was refused.
func (t *Tokens) Forget(app model.GitHubApp) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.all {
		if k.app == app {
			delete(t.all, k)
		}
	}
}

func (t *Tokens) of(k key) *token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[key]*token{}
	}
	if t.all[k] == nil {
		t.all[k] = &token{}
	}
	return t.all[k]
}

func (t *Tokens) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

func noRedirects(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// api is one conversation.
type api struct {
	client *http.Client
	app    model.GitHubApp
	now    time.Time
}

func (a *api) token(ctx context.Context, owner string) (string, time.Time, error) {
	id := a.app.InstallationID
	if id == "" {
		var err error
		if id, err = a.installation(ctx, a.app.Owner+owner); err != nil {
			return "", time.Time{}, err
		}
	}
	if _, err := strconv.ParseUint(id, 10, 64); err != nil {
		return "", time.Time{}, model.Invalidf("the installation ID %q is no number", id)
	}
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := a.call(ctx, http.MethodPost, "/app/installations/"+id+"/access_tokens", &answer); err != nil {
		return "", time.Time{}, err
	}
	if answer.Token == "" {
		return "", time.Time{}, model.As(model.ErrTransient, errors.New("the answer holds no token"))
	}
	return answer.Token, answer.ExpiresAt, nil
}

// installation is the app's at an organisation or a user.
func (a *api) installation(ctx context.Context, owner string) (string, error) {
	if owner == "" {
		return "", model.Invalidf("neither an installation nor its owner is named")
	}
	var answer struct {
		ID uint64 `json:"id"`
	}
	var err error
	for _, kind := range []string{"orgs", "users"} {
		err = a.call(ctx, http.MethodGet, "/"+kind+"/"+url.PathEscape(owner)+"/installation", &answer)
		if !errors.Is(err, model.ErrNotFound) {
			break
		}
	}
	if errors.Is(err, model.ErrNotFound) {
		err = model.As(model.ErrDenied, fmt.Errorf("the app is not installed at %q; install it there or name the installation", owner))
	}
	return strconv.FormatUint(answer.ID, 10), err
}

func (a *api) call(ctx context.Context, method, path string, answer any) error {
	base := strings.TrimRight(a.app.BaseURL, "/")
	if base == "" {
		base = defaultURL
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return model.Invalidf("the URL of its API is not https://host/path")
	}
	proof, err := a.proof()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, base+path, nil)
	if err != nil {
		return model.Invalidf("the URL of its API is not https://host/path")
	}
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("Authorization", "Bearer "+proof)
	r.Header.Set("User-Agent", "fixpoint")
	resp, err := a.client.Do(r)
	if err != nil {
		return model.As(model.ErrTransient, fmt.Errorf("asking %s: %w", u.Host, cause(err)))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return model.As(model.ErrTransient, fmt.Errorf("reading the answer of %s: %w", u.Host, cause(err)))
	}
	if err := judge(u.Host, resp.StatusCode); err != nil {
		return err
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(answer); err != nil {
		return model.As(model.ErrTransient, fmt.Errorf("%s answered something else than JSON", u.Host))
	}
	return nil
}

// cause takes the URL off a client's error.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func judge(host string, status int) error {
	switch {
	case status < 300:
		return nil
	case status < 400:
		return model.Invalidf("%s redirects (%d); use the URL that it redirects to", host, status)
	case status == http.StatusUnauthorized:
		return model.As(model.ErrDenied, fmt.Errorf("%s refused the app (401); check its ID, its private key, and the clock", host))
	case status == http.StatusForbidden:
		return model.As(model.ErrDenied, fmt.Errorf("%s refused the app (403); it may be suspended", host))
	case status == http.StatusNotFound:
		return model.As(model.ErrNotFound, fmt.Errorf("%s knows no such installation (404)", host))
	}
	return model.As(model.ErrTransient, fmt.Errorf("%s answered %d", host, status))
}

// proof is a JSON Web Token that says who the app is. Its times allow for clocks
// that differ.
func (a *api) proof() (string, error) {
	private, err := parseKey(a.app.PrivateKey)
	if err != nil {
		return "", err
	}
	if a.app.ID == "" {
		return "", model.Invalidf("it has no ID")
	}
	claims, err := json.Marshal(map[string]any{
		"iss": a.app.ID, "iat": a.now.Add(-time.Minute).Unix(), "exp": a.now.Add(9 * time.Minute).Unix(),
	})
	if err != nil {
		return "", err
	}
	code := base64.RawURLEncoding
	text := code.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + code.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		return "", model.Invalidf("its private key can't sign")
	}
	return text + "." + code.EncodeToString(signature), nil
}

func parseKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, model.Invalidf("its private key is not in PEM form")
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if any8, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if k, ok := any8.(*rsa.PrivateKey); ok {
			return k, nil
		}
	}
	return nil, model.Invalidf("its private key is no RSA key")
}
