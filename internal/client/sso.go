package client

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Provider is an identity provider, as the server names it.
type Provider struct {
	Name     string         `json:"name"`
	Issuer   string         `json:"issuer"`
	ClientID string         `json:"clientID"`
	Scopes   []string       `json:"scopes"`
	Claims   map[string]any `json:"claims"`
	RootCA   string         `json:"rootCA"`
}

// SSO signs somebody in by an identity provider, in a browser of this machine: by
// OpenID Connect's code flow with PKCE (RFC 8252), as a client without a secret.
type SSO struct {
	Provider Provider
	// TLS says whom to trust, besides what the provider's RootCA says.
	TLS TLS
	// Port is that of this machine which the provider leads back to, as
	// http://localhost:PORT/auth/callback; 0 is any that is free.
	Port int
	// Show is told the address that the browser has to open.
	Show func(address string)
}

const callbackPath = "/auth/callback"

// SignIn waits until the provider says who is in the browser, or ctx ends. The session's
// token is the provider's ID token.
func (s SSO) SignIn(ctx context.Context) (Session, error) {
	ctx, err := s.trust(ctx)
	if err != nil {
		return Session{}, err
	}
	found, err := oidc.NewProvider(ctx, s.Provider.Issuer)
	if err != nil {
		return Session{}, fmt.Errorf("asking %s, at %s, how to sign in: %w: the server's oidc.config names it; --ca-file names authorities to trust",
			s.Provider.Name, s.Provider.Issuer, err)
	}
	if to := found.Endpoint().AuthURL; !isPage(to) {
		return Session{}, fmt.Errorf("%s, at %s, leads to %.100q, which is no page of the web: it is not opened", s.Provider.Name, s.Provider.Issuer, to)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)))
	if err != nil {
		return Session{}, fmt.Errorf("waiting for the browser: %w: give another port with --sso-port, one that is registered at %s", err, s.Provider.Name)
	}
	f := s.newFlow(found, listener.Addr())
	server := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // it says that the server was shut down
	}()
	s.Show(f.address(s.Provider.Claims))
	session, err := f.await(ctx)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = server.Shutdown(end) // the last page is on its way
	<-done
	return session, err
}

// isPage reports whether an address is one of the web. A server chooses the provider, and
// the provider the address: what opens it would start other programs for other schemes.
func isPage(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// trust is the context of calls to the provider.
func (s SSO) trust(ctx context.Context) (context.Context, error) {
	settings, err := s.TLS.config()
	if err != nil {
		return nil, err
	}
	if s.Provider.RootCA != "" {
		if settings.RootCAs == nil {
			if settings.RootCAs, err = x509.SystemCertPool(); err != nil {
				settings.RootCAs = x509.NewCertPool()
			}
		}
		settings.RootCAs.AppendCertsFromPEM([]byte(s.Provider.RootCA))
	}
	return oidc.ClientContext(ctx, &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: settings, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
	}}), nil
}

// flow is one attempt to sign in.
type flow struct {
	of                     SSO
	found                  *oidc.Provider
	conf                   oauth2.Config
	state, nonce, verifier string
	// answers get what the provider has led the browser back with.
	answers chan url.Values
}

func (s SSO) newFlow(found *oidc.Provider, at net.Addr) *flow {
	_, port, _ := net.SplitHostPort(at.String())
	endpoint := found.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams // a client without a secret; trying others would use up the code
	return &flow{
		of: s, found: found, answers: make(chan url.Values, 1),
		conf: oauth2.Config{
			ClientID: s.Provider.ClientID, Endpoint: endpoint, Scopes: s.Provider.Scopes, RedirectURL: "http://localhost:" + port + callbackPath,
		},
		state: oauth2.GenerateVerifier(), nonce: oauth2.GenerateVerifier(), verifier: oauth2.GenerateVerifier(),
	}
}

// address is where the browser begins.
func (f *flow) address(claims map[string]any) string {
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier)}
	if len(claims) > 0 {
		asked, _ := json.Marshal(map[string]any{"id_token": claims})
		options = append(options, oauth2.SetAuthURLParam("claims", string(asked)))
	}
	return f.conf.AuthCodeURL(f.state, options...)
}

// ServeHTTP is the way back. What is no answer to this attempt ends nothing: any page
// can send a browser here.
func (f *flow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Method != http.MethodGet || r.URL.Path != callbackPath {
		http.NotFound(w, r)
		return
	}
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.state)) != 1 {
		tellBrowser(w, http.StatusBadRequest, pageStale)
		return
	}
	select {
	case f.answers <- q:
	default: // it has come before
	}
	if q.Get("error") != "" {
		tellBrowser(w, http.StatusOK, pageDeclined)
		return
	}
	tellBrowser(w, http.StatusOK, pageGood)
}

// await waits for the answer, and takes the token that it stands for.
func (f *flow) await(ctx context.Context) (Session, error) {
	name := f.of.Provider.Name
	select {
	case <-ctx.Done():
		return Session{}, fmt.Errorf("waiting for the browser: %w: sign in there, or run the command again", context.Cause(ctx))
	case q := <-f.answers:
		switch code := q.Get("error"); {
		case code == "access_denied":
			return Session{}, fmt.Errorf("%s said no: you declined, or it does not let you use Fixpoint: ask who runs it for access", name)
		case code != "":
			return Session{}, fmt.Errorf("%s did not sign you in: it says %.100q: its client %s has to allow %s and the scopes %v",
				name, code, f.of.Provider.ClientID, f.conf.RedirectURL, f.conf.Scopes)
		case q.Has("iss") && q.Get("iss") != f.of.Provider.Issuer:
			return Session{}, fmt.Errorf("the browser came back from another provider than %s: run the command again", f.of.Provider.Issuer)
		}
		return f.exchange(ctx, q.Get("code"))
	}
}

func (f *flow) exchange(ctx context.Context, code string) (Session, error) {
	p := f.of.Provider
	token, err := f.conf.Exchange(ctx, code, oauth2.VerifierOption(f.verifier))
	if refused := new(oauth2.RetrieveError); errors.As(err, &refused) && (refused.ErrorCode == "invalid_client" || refused.ErrorCode == "unauthorized_client") {
		return Session{}, fmt.Errorf("%s does not take %s as a client without a secret: register a public one, and name it as cliClientID in oidc.config of argocd-cm",
			p.Name, p.ClientID)
	}
	if err != nil {
		return Session{}, fmt.Errorf("asking %s for the token: %w", p.Name, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := f.found.Verifier(&oidc.Config{ClientID: p.ClientID}).Verify(ctx, raw)
	if err != nil {
		return Session{}, fmt.Errorf("the token of %s is no good: %w", p.Name, err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.nonce)) != 1 {
		return Session{}, fmt.Errorf("the token of %s is for another attempt to sign in (nonce): run the command again", p.Name)
	}
	return Session{Token: raw, Expires: id.Expiry}, nil
}
