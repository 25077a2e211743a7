package signin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// TestTokens says which tokens let in whom.
func TestTokens(t *testing.T) {
	past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
	tests := map[string]struct {
		claims jwt.MapClaims
		want   string
	}{
		"a session of Argo CD":                    {nil, "alice"},
		"the oldest form names the account alone": {jwt.MapClaims{"sub": "alice"}, "alice"},
		"admin":                                   {jwt.MapClaims{"sub": "admin:login"}, "admin"},
		"a session without an end":                {jwt.MapClaims{"exp": nil}, "-"},
		"a session without an id":                 {jwt.MapClaims{"jti": nil}, "-"},
		"a session that has ended":                {jwt.MapClaims{"exp": past}, "-"},
		"a session that has not begun":            {jwt.MapClaims{"nbf": future}, "-"},
		"a token from the future":                 {jwt.MapClaims{"iat": future}, "-"},
		"a token without iat":                     {jwt.MapClaims{"iat": nil}, "-"},
		"an unknown account":                      {jwt.MapClaims{"sub": "mallory:login"}, "-"},
		"nobody":                                  {jwt.MapClaims{"sub": ""}, "-"},
		"an unknown capability":                   {jwt.MapClaims{"sub": "alice:root"}, "-"},
		"a session of an account without login":   {jwt.MapClaims{"sub": "ci:login"}, "-"},
		"an API token that is listed":             {jwt.MapClaims{"sub": "ci:apiKey", "jti": "t1", "exp": nil}, "ci"},
		"an API token that is not listed":         {jwt.MapClaims{"sub": "ci:apiKey", "jti": "t2", "exp": nil}, "-"},
		"an API token without an id":              {jwt.MapClaims{"sub": "ci:apiKey", "jti": "", "exp": nil}, "-"},
		"an API token that has ended":             {jwt.MapClaims{"sub": "ci:apiKey", "jti": "t1", "exp": past}, "-"},
		"an API token of another's id":            {jwt.MapClaims{"sub": "alice:apiKey", "jti": "t1"}, "-"},
		"an API token, account without apiKey":    {jwt.MapClaims{"sub": "bob:apiKey", "jti": "t1"}, "-"},
		"a project's role":                        {jwt.MapClaims{"sub": "proj:team:ci", "jti": "p1", "exp": nil}, "proj:team:ci"},
		"a project's role, listed end is over":    {jwt.MapClaims{"sub": "proj:team:ci", "jti": "over", "exp": nil}, "-"},
		"a project's role, unknown id":            {jwt.MapClaims{"sub": "proj:team:ci", "jti": "p9", "exp": nil}, "-"},
		"another role with that id":               {jwt.MapClaims{"sub": "proj:team:admin", "jti": "p1", "exp": nil}, "-"},
		"another project with that id":            {jwt.MapClaims{"sub": "proj:other:ci", "jti": "p1", "exp": nil}, "-"},
		"an old one, known by its time":           {jwt.MapClaims{"sub": "proj:team:ci", "jti": nil, "exp": nil, "iat": 946684801}, "proj:team:ci"},
		"an old one of another time":              {jwt.MapClaims{"sub": "proj:team:ci", "jti": nil, "exp": nil, "iat": 946684802}, "-"},
		"another issuer":                          {jwt.MapClaims{"iss": "mallory"}, "-"},
		"no issuer":                               {jwt.MapClaims{"iss": nil}, "-"},
		"ours of the provider, and there is none": {jwt.MapClaims{"iss": "fixpoint", "aud": "fixpoint", "sub": "admin"}, "-"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, signin.Config{})
			w.tokens = []signin.ProjectToken{
				{Project: "team", Role: "ci", Token: signin.Token{ID: "p1", IssuedAt: 946684801}},
				{Project: "team", Role: "ci", Token: signin.Token{ID: "over", IssuedAt: 946684803, ExpiresAt: past}},
			}
			w.use()
			if got := w.who(hs256(t, tt.claims)); got != tt.want {
				t.Errorf("it lets in %q, want %q", got, tt.want)
			}
		})
	}
}

// TestForgedTokenIsNotAnonymous: where readers are let in without a token, a token that
// is no good must neither be trusted nor be as good as none (CVE-2022-29165).
func TestForgedTokenIsNotAnonymous(t *testing.T) {
	w := newWorld(t, signin.Config{})
	w.set("users.anonymous.enabled", "true")
	id, err := w.service.Authenticate(plain())
	if err != nil || !id.Anonymous || id.Subject != "" {
		t.Fatalf("without a token: %+v, %v; want anonymous", id, err)
	}
	good := w.login("admin").Token
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"empty":             "",
		"garbage":           "garbage",
		"dots":              "..",
		"another key":       signed(t, jwt.SigningMethodHS256, []byte("fedcba9876543210fedcba9876543210"), jwt.MapClaims{"sub": "admin:login"}),
		"no signature":      parts[0] + "." + parts[1] + ".",
		"changed signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"another provider":  signed(t, jwt.SigningMethodHS256, []byte(key), jwt.MapClaims{"iss": "https://id.example.com", "sub": "admin"}),
		"expired":           hs256(t, jwt.MapClaims{"sub": "admin:login", "exp": time.Now().Add(-time.Minute).Unix()}),
	} {
		if got := w.who(token); got != "-" {
			t.Errorf("%s: it lets in %q", name, got)
		}
		r := plain()
		r.URL.Path = "/api/v1/applications"
		r.Header.Set("Cookie", "argocd.token="+token)
		if id, err := w.service.Authenticate(r); token != "" && !errors.Is(err, signin.ErrRefused) {
			t.Errorf("%s, as a cookie: it lets in %+v, %v", name, id, err)
		}
	}
}

// TestOnlyOurAlgorithm: a token chooses no algorithm.
func TestOnlyOurAlgorithm(t *testing.T) {
	w := newWorld(t, signin.Config{})
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	admin := jwt.MapClaims{"sub": "admin:login"}
	none := signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, admin)
	body := strings.Split(none, ".")[1]
	for name, token := range map[string]string{
		"none":          none,
		"None":          base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"None","typ":"JWT"}`)) + "." + body + ".",
		"RS256":         signed(t, jwt.SigningMethodRS256, rsaKey, admin),
		"ES256":         signed(t, jwt.SigningMethodES256, ecKey, admin),
		"HS512":         signed(t, jwt.SigningMethodHS512, []byte(key), admin),
		"HS384":         signed(t, jwt.SigningMethodHS384, []byte(key), admin),
		"the empty key": signed(t, jwt.SigningMethodHS256, []byte{}, admin),
	} {
		if got := w.who(token); got != "-" {
			t.Errorf("%s: it lets in %q", name, got)
		}
	}
	if got := w.who(signed(t, jwt.SigningMethodHS256, []byte(key), admin)); got != "admin" {
		t.Errorf("HS256: it lets in %q, want admin", got)
	}
}

// TestPublicKeyIsNoSecret: with a provider, its public key verifies nothing as HS256.
func TestPublicKeyIsNoSecret(t *testing.T) {
	w, p := newSSO(t)
	der, err := x509.MarshalPKIXPublicKey(p.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{"iss": p.URL, "aud": "fixpoint", "sub": "u-1"}
	for _, public := range [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), []byte(key), {}} {
		if got := w.who(signed(t, jwt.SigningMethodHS256, public, claims)); got != "-" {
			t.Errorf("it lets in %q", got)
		}
	}
}

// TestNoKeyLetsNobodyIn: without server.secretkey, or with a short one, no token is good:
// neither an empty nor a guessable key signs.
func TestNoKeyLetsNobodyIn(t *testing.T) {
	for _, short := range []string{"", "short"} {
		set, problems := signin.Read(nil, map[string][]byte{"server.secretkey": []byte(short), "admin.password": hash(t, password)}, "", nil, nil)
		if len(problems) != 1 {
			t.Errorf("problems: %v", problems)
		}
		s := signin.New(signin.Config{})
		s.Use(set)
		if _, err := s.Login(t.Context(), "admin", password, here); err == nil {
			t.Errorf("key %q: a session is signed", short)
		}
		token := signed(t, jwt.SigningMethodHS256, []byte(short), jwt.MapClaims{"sub": "admin:login"})
		if id, err := s.Authenticate(bearer(token)); err == nil {
			t.Errorf("key %q: it lets in %+v", short, id)
		}
	}
}

// TestAudienceOfSessions: a session is for us alone; one of Argo CD has no audience.
func TestAudienceOfSessions(t *testing.T) {
	w := newWorld(t, signin.Config{})
	for _, tt := range []struct {
		audience any
		want     string
	}{
		{nil, "alice"}, {"fixpoint", "alice"}, {[]string{"fixpoint", "other"}, "alice"},
		{"other", "-"}, {[]string{"other"}, "-"}, {"", "-"}, {[]string{""}, "-"},
	} {
		if got := w.who(hs256(t, jwt.MapClaims{"aud": tt.audience})); got != tt.want {
			t.Errorf("audience %v: it lets in %q, want %q", tt.audience, got, tt.want)
		}
	}
	for _, more := range []jwt.MapClaims{{"aud": "fixpoint"}, {"pwd": "x"}} {
		more["sub"], more["jti"] = "ci:apiKey", "t1"
		if got := w.who(hs256(t, more)); got != "-" {
			t.Errorf("a token of an account that is a session's, too, lets in %q: %v", got, more)
		}
	}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(w.login("alice").Token, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Issuer != "argocd" || claims.Subject != "alice:login" || len(claims.Audience) != 1 || claims.Audience[0] != "fixpoint" ||
		claims.ID == "" || claims.NotBefore == nil || claims.IssuedAt == nil || claims.ExpiresAt == nil {
		t.Errorf("a session is %+v", claims)
	}
}

// TestSessionsExpire: of sessions and admin's as well (CVE-2020-8827 and its kin).
func TestSessionsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		token := w.login("admin").Token
		id, err := w.service.Authenticate(bearer(token))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(24*time.Hour - time.Second)
		if w.who(token) != "admin" || w.service.Valid(t.Context(), id) != nil {
			t.Error("the session ends before its time")
		}
		time.Sleep(time.Second)
		if _, err := w.service.Authenticate(bearer(token)); !errors.Is(err, signin.ErrExpired) || !errors.Is(err, signin.ErrRefused) {
			t.Errorf("after its time: %v, want %v", err, signin.ErrExpired)
		}
		if err := w.service.Valid(t.Context(), id); !errors.Is(err, signin.ErrExpired) {
			t.Errorf("a stream after its time: %v", err)
		}
		w.set("users.session.duration", "10m")
		session := w.login("admin")
		if got := time.Until(session.Expires); got != 10*time.Minute {
			t.Errorf("the session lasts %s, want 10m", got)
		}
	})
}

// TestPasswordChangeEndsSessions, those of the same second too; and only those before it.
func TestPasswordChangeEndsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		time.Sleep(300 * time.Millisecond)
		before := w.login("alice").Token
		id, err := w.service.Authenticate(bearer(before))
		if err != nil {
			t.Fatal(err)
		}
		argo := hs256(t, nil)
		time.Sleep(300 * time.Millisecond)
		change := signin.PasswordChange{Account: "alice", By: "alice", Current: password, New: "another horse", From: here}
		if err := w.service.UpdatePassword(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		for range 2 { // at once, and when the Secret has come round
			if got := w.who(before); got != "-" {
				t.Errorf("a session of before, in the same second, lets in %q", got)
			}
			if err := w.service.Valid(t.Context(), id); !errors.Is(err, signin.ErrRefused) {
				t.Errorf("a stream of before goes on: %v", err)
			}
			session, err := w.service.Login(t.Context(), "alice", "another horse", here)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.who(session.Token); got != "alice" {
				t.Errorf("a session of after, in the same second, lets in %q", got)
			}
			w.use()
		}
		w.secret["accounts.alice.passwordMtime"] = []byte(time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339))
		time.Sleep(5 * time.Second)
		w.use()
		if got := w.who(argo); got != "-" {
			t.Errorf("a session that Argo CD opened before lets in %q", got)
		}
		if got := w.who(hs256(t, nil)); got != "alice" {
			t.Errorf("a session that Argo CD opened after lets in %q", got)
		}
	})
}

// TestAccountChangesEndSessions: disabled, without the capability, gone.
func TestAccountChangesEndSessions(t *testing.T) {
	for name, change := range map[string]func(*world){
		"disabled":           func(w *world) { w.set("accounts.alice.enabled", "false") },
		"without capability": func(w *world) { w.set("accounts.alice", "") },
		"gone":               func(w *world) { delete(w.cm, "accounts.alice"); w.use() },
		"another key":        func(w *world) { w.secret["server.secretkey"] = []byte("fedcba9876543210fedcba9876543210"); w.use() },
	} {
		w := newWorld(t, signin.Config{})
		session := w.login("alice").Token
		key, err := w.service.IssueToken(t.Context(), "alice", 0, "k")
		if err != nil {
			t.Fatal(err)
		}
		if w.who(session) != "alice" || w.who(key) != "alice" {
			t.Fatalf("%s: they don't let in before", name)
		}
		change(w)
		if w.who(session) != "-" || w.who(key) != "-" {
			t.Errorf("%s: session and API token let in %q and %q", name, w.who(session), w.who(key))
		}
	}
}
