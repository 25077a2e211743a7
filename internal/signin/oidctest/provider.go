// Package oidctest is an identity provider for tests: a real server inside the process,
// over TLS, with discovery, authorization codes, PKCE, user info and signing out. It asks
// nobody for a password: whoever comes is the person that Become says, or whom they
// choose among those of Ask, on a page.
package oidctest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"html/template"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// The clients that the provider knows: one with a secret, and a public one, which may
// come back to this machine only.
const (
	ClientID     = "fixpoint"
	ClientSecret = "the secret of the client"
	PublicID     = "fixpoint-cli"
)

// Person is who signs in at the provider.
type Person struct {
	// Claims go into ID tokens, over those that the provider sets itself; nil removes
	// one. UserInfo is what its page about the person says.
	Claims, UserInfo map[string]any
	// Lasts is how long ID tokens do; 0 is an hour.
	Lasts time.Duration
}

// Provider is an identity provider. Its fields may be changed with Lock.
type Provider struct {
	// URL is the issuer.
	URL string

	mu     sync.Mutex
	person Person
	asked  map[string]Person
	down   bool
	key    *rsa.PrivateKey
	keyID  string
	codes  map[string]grant
	// counts are requests by path.
	counts map[string]int
	server *httptest.Server
}

// grant is what a code stands for.
type grant struct {
	client, challenge, nonce, callback string
	who                                *Person // nil: whoever it is when the code is taken
}

// New starts a provider; Close ends it.
func New() *Provider {
	p := &Provider{codes: map[string]grant{}, counts: map[string]int{}, person: Person{Claims: map[string]any{"sub": "u-1"}}}
	p.Rotate("first")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.describe)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /authorize", p.chosen)
	mux.HandleFunc("GET /end", p.end)
	mux.HandleFunc("GET /custom/end", p.end)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	mux.HandleFunc("GET /custom/userinfo", p.userInfo)
	p.server = httptest.NewUnstartedServer(p.counted(mux))
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0) // browsers say that they don't know who has signed its certificate
	p.server.StartTLS()
	p.URL = p.server.URL
	return p
}

// Close ends the provider.
func (p *Provider) Close() { p.server.Close() }

// Client is one that trusts the provider and follows no redirects.
func (p *Provider) Client() *http.Client {
	c := *p.server.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// RootCA verifies the provider's certificate, in PEM.
func (p *Provider) RootCA() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw}))
}

// Become says who signs in from now on.
func (p *Provider) Become(who Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = who
}

// Ask has browsers shown a page from now on, on which they choose who they are by name,
// or decline.
func (p *Provider) Ask(people map[string]Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = people
}

// Down makes the provider answer with status 503.
func (p *Provider) Down(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// Rotate makes the provider sign with another key, of that name.
func (p *Provider) Rotate(id string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.keyID = key, id
}

// Count is how often a path was asked for.
func (p *Provider) Count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[path]
}

// PublicKey is the key that its tokens are verified with.
func (p *Provider) PublicKey() *rsa.PublicKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &p.key.PublicKey
}

// IDToken is a signed token with the claims of a person, for the client with a secret.
func (p *Provider) IDToken(who Person, nonce string) string { return p.idToken(who, nonce, ClientID) }

func (p *Provider) idToken(who Person, nonce, client string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lasts := who.Lasts
	if lasts == 0 {
		lasts = time.Hour
	}
	claims := jwt.MapClaims{
		"iss": p.URL, "aud": client, "sub": "u-1", "nonce": nonce,
		"iat": time.Now().Unix(), "exp": time.Now().Add(lasts).Unix(),
	}
	for name, value := range who.Claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = p.keyID
	signed, err := token.SignedString(p.key)
	if err != nil {
		panic(err)
	}
	return signed
}

func (p *Provider) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.counts[r.URL.Path]++
		down := p.down
		p.mu.Unlock()
		if down {
			http.Error(w, "<script>alert('down')</script>", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Provider) describe(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo", "end_session_endpoint": p.URL + "/end",
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: &p.key.PublicKey, KeyID: p.keyID, Algorithm: "RS256", Use: "sig"},
	}})
}

// callback is where a request for authorization leads back to; nil, and answered, if
// the request is no good.
func callback(w http.ResponseWriter, q url.Values) *url.URL {
	client := q.Get("client_id")
	if client != ClientID && client != PublicID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return nil
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Host == "" || client == PublicID && back.Hostname() != "localhost" && back.Hostname() != "127.0.0.1" {
		http.Error(w, "bad redirect", http.StatusBadRequest)
		return nil
	}
	return back
}

// authorize sends the browser back at once, with a code, or asks who is there.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back := callback(w, q)
	if back == nil {
		return
	}
	p.mu.Lock()
	asked := p.asked
	p.mu.Unlock()
	if asked == nil {
		p.sendBack(w, r, back, nil)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = asking.Execute(w, map[string]any{"Names": slices.Sorted(maps.Keys(asked)), "To": r.URL.RequestURI()})
}

var asking = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Example ID</title><link rel="icon" href="data:,">
<h1>Example ID</h1><p>Who are you?</p><form method="post" action="{{.To}}">{{range .Names}}<p><button name="as" value="{{.}}">Continue as {{.}}</button></p>{{end}}
<p><button name="declined" value="1">Decline</button></p></form></html>`))

// chosen takes the answer to the page.
func (p *Provider) chosen(w http.ResponseWriter, r *http.Request) {
	back := callback(w, r.URL.Query())
	if back == nil {
		return
	}
	p.mu.Lock()
	who, known := p.asked[r.PostFormValue("as")]
	p.mu.Unlock()
	if !known {
		back.RawQuery = url.Values{"error": {"access_denied"}, "state": {r.URL.Query().Get("state")}}.Encode()
		http.Redirect(w, r, back.String(), http.StatusFound) //nolint:gosec // for tests; it trusts everybody
		return
	}
	p.sendBack(w, r, back, &who)
}

func (p *Provider) sendBack(w http.ResponseWriter, r *http.Request, back *url.URL, who *Person) {
	q, code := r.URL.Query(), rand.Text()
	p.mu.Lock()
	p.codes[code] = grant{q.Get("client_id"), q.Get("code_challenge"), q.Get("nonce"), q.Get("redirect_uri"), who}
	p.mu.Unlock()
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound) //nolint:gosec // for tests; it trusts everybody
}

// end ends the session of whom an ID token of ours is about, with a link back.
func (p *Provider) end(w http.ResponseWriter, r *http.Request) {
	var c jwt.RegisteredClaims
	hint, back := r.URL.Query().Get("id_token_hint"), r.URL.Query().Get("post_logout_redirect_uri")
	if _, err := jwt.ParseWithClaims(hint, &c, func(*jwt.Token) (any, error) { return p.PublicKey(), nil }); err != nil {
		http.Error(w, "whose session?", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = ended.Execute(w, map[string]string{"Who": c.Subject, "Back": back})
}

var ended = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Example ID</title><link rel="icon" href="data:,">
<h1>Goodbye, {{.Who}}</h1><p><a href="{{.Back}}">Back to where you came from</a></p></html>`))

// token gives tokens for a code, once, to who has begun.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if unescaped, err := url.QueryUnescape(secret); ok && err == nil {
		secret = unescaped
	}
	p.mu.Lock()
	g, found := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	who := p.person
	if g.who != nil {
		who = *g.who
	}
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	public := id == PublicID && secret == ""
	switch {
	case !public && (id != ClientID || secret != ClientSecret):
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
	case !found || g.client != id || g.callback != r.PostFormValue("redirect_uri") || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "<b>no</b>"})
	default:
		answer(w, http.StatusOK, map[string]any{
			"access_token": "access", "token_type": "Bearer", "expires_in": 3600, "id_token": p.idToken(who, g.nonce, g.client),
		})
	}
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	info := p.person.UserInfo
	p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer access" || info == nil {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	answer(w, http.StatusOK, info)
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
