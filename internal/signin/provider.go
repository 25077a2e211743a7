package signin

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	// answerWithin is how long a provider may take for an answer, of answerLimit bytes.
	answerWithin = 15 * time.Second
	answerLimit  = 2 << 20
	// retryAfter is how long a provider that failed is not asked again, keysAfter how
	// long its keys are not: tokens with made-up key names make nobody ask it.
	retryAfter = 5 * time.Second
	keysAfter  = 15 * time.Second
	// foundLasts is when its description is read again.
	foundLasts = time.Hour
)

// provider is an identity provider. It is asked for its description when somebody needs
// it, so that one that is down holds nothing up.
type provider struct {
	conf   *OIDC
	client *http.Client
	keys   *keyReader

	turn chan struct{} // of who asks; guards what follows
	mu   sync.Mutex    // guards what is written by who has the turn
	*discovered
	at  time.Time
	err error
}

// discovered is what a provider says of itself.
type discovered struct {
	oidc *oidc.Provider
	// ends is where sessions are ended; "" if nowhere. jwks is where its keys are.
	ends, jwks string
}

func (s *Service) useProvider(conf *OIDC) {
	old := s.provider.Load()
	switch {
	case conf == nil:
		s.provider.Store(nil)
	case old != nil && reflect.DeepEqual(old.conf, conf):
		return
	default:
		s.provider.Store(newProvider(conf))
	}
	if old != nil {
		old.client.CloseIdleConnections()
	}
}

func newProvider(conf *OIDC) *provider {
	tlsConf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: conf.SkipVerify} //nolint:gosec // oidc.tls.insecure.skip.verify says so
	if conf.RootCA != "" {
		tlsConf.RootCAs = x509.NewCertPool()
		tlsConf.RootCAs.AppendCertsFromPEM([]byte(conf.RootCA))
	}
	keys := &keyReader{inner: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: tlsConf, ForceAttemptHTTP2: true,
		MaxIdleConns: 4, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: answerWithin,
	}}
	return &provider{
		conf: conf, keys: keys, turn: make(chan struct{}, 1),
		client: &http.Client{Transport: keys, Timeout: answerWithin, CheckRedirect: noDowngrade},
	}
}

// noDowngrade follows no way from TLS out of it.
func noDowngrade(r *http.Request, via []*http.Request) error {
	if len(via) > 5 || via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return errors.New("the provider leads elsewhere, without TLS or too often")
	}
	return nil
}

// discover is what the provider says of itself. One asks at a time; an error holds for
// retryAfter, and what was known before is used while there is one.
func (p *provider) discover(ctx context.Context) (*discovered, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	d, at, err := p.discovered, p.at, p.err
	p.mu.Unlock()
	age := time.Since(at)
	switch {
	case d != nil && (age < foundLasts || err != nil && age < retryAfter):
		return d, nil
	case d == nil && err != nil && age < retryAfter:
		return nil, err
	}
	found, err := p.ask(context.WithoutCancel(ctx))
	if err != nil {
		found = d
	}
	p.mu.Lock()
	p.discovered, p.at, p.err = found, time.Now(), err
	p.mu.Unlock()
	if found == nil {
		return nil, err
	}
	return found, nil
}

func (p *provider) ask(ctx context.Context) (*discovered, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), answerWithin)
	defer cancel()
	found, err := oidc.NewProvider(ctx, p.conf.Issuer)
	if err != nil {
		return nil, model.As(model.ErrTransient, fmt.Errorf("%w: reading its description: %.300q", ErrSSO, err.Error()))
	}
	var more struct {
		Ends     string `json:"end_session_endpoint"`
		JWKS     string `json:"jwks_uri"`
		UserInfo string `json:"userinfo_endpoint"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, fmt.Errorf("%w: reading its description: %.300q", ErrSSO, err.Error())
	}
	p.keys.at(more.JWKS)
	return &discovered{oidc: found, ends: more.Ends, jwks: more.JWKS}, nil
}

// known is what was discovered before; nil if nothing was.
func (p *provider) known() *discovered {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.discovered
}

// keyReader bounds answers, and asks for a provider's keys now and then only.
type keyReader struct {
	inner *http.Transport

	mu     sync.Mutex
	url    string
	asked  time.Time
	status int
	body   []byte
	header http.Header
	err    error
}

func (k *keyReader) at(url string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.url != url {
		k.url, k.asked = url, time.Time{}
	}
}

// CloseIdleConnections is that of http.Transport.
func (k *keyReader) CloseIdleConnections() { k.inner.CloseIdleConnections() }

// RoundTrip is that of http.RoundTripper.
func (k *keyReader) RoundTrip(r *http.Request) (*http.Response, error) {
	k.mu.Lock()
	keys := r.Method == http.MethodGet && r.URL.String() == k.url
	if !keys {
		k.mu.Unlock()
		return k.trip(r)
	}
	defer k.mu.Unlock()
	lasts := keysAfter
	if k.err != nil || k.status != http.StatusOK {
		lasts = retryAfter
	}
	if k.asked.IsZero() || time.Since(k.asked) >= lasts {
		k.fetch(r)
	}
	if k.err != nil {
		return nil, k.err
	}
	return &http.Response{
		StatusCode: k.status, Status: http.StatusText(k.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: k.header.Clone(), Body: io.NopCloser(bytes.NewReader(k.body)), Request: r,
	}, nil
}

// fetch asks for the keys; the caller holds the mutex.
func (k *keyReader) fetch(r *http.Request) {
	k.asked, k.body, k.status, k.err = time.Now(), nil, 0, nil
	answer, err := k.trip(r)
	if err != nil {
		k.err = err
		return
	}
	defer func() { _ = answer.Body.Close() }()
	k.status, k.header = answer.StatusCode, answer.Header
	k.body, k.err = io.ReadAll(answer.Body)
}

func (k *keyReader) trip(r *http.Request) (*http.Response, error) {
	answer, err := k.inner.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, answerLimit)
	}
	return answer, err
}
