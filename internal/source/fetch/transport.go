package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/hosts"
)

// Settings are how a source is connected to.
type Settings struct {
	Auth  model.Auth
	Proxy model.Proxy
	// Hosts says what may be connected to; nil refuses link-local addresses and
	// others where clouds keep the credentials of a machine.
	Hosts *hosts.Policy
	// Requests counts requests; nil counts none.
	Requests *atomic.Int64
}

// Transport connects with the source's CA besides the system's, its proxy, and
// its client certificate, which is shown to home alone: a host, with its port if
// that isn't the scheme's. It knows no user names, passwords or tokens.
// model.ErrInvalid if a certificate or the proxy is not one.
func (s Settings) Transport(home string) (http.RoundTripper, error) {
	foreign, err := s.transport(false)
	if err != nil {
		return nil, err
	}
	out := byHost{home: canonical("https", home), own: foreign, foreign: foreign, requests: s.Requests}
	if s.Auth.ClientCert != "" || s.Auth.ClientKey != "" {
		if out.own, err = s.transport(true); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// byHost shows the client certificate to one host.
type byHost struct {
	home         string
	own, foreign http.RoundTripper
	requests     *atomic.Int64
}

func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.requests != nil {
		b.requests.Add(1)
	}
	if r.URL.Scheme == "https" && canonical("https", r.URL.Host) == b.home {
		return b.own.RoundTrip(r)
	}
	return b.foreign.RoundTrip(r)
}

// canonical is a host with its port, in lower case.
func canonical(scheme, host string) string {
	host = strings.ToLower(host)
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := "443"
	if scheme == "http" {
		port = "80"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// SameOrigin reports whether two URLs have the scheme, the host and the port in
// common.
func SameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && canonical(a.Scheme, a.Host) == canonical(b.Scheme, b.Host)
}

func (s Settings) transport(clientCert bool) (*http.Transport, error) {
	config, err := s.tls(clientCert)
	if err != nil {
		return nil, err
	}
	proxy, err := s.proxy()
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy: proxy, DialContext: s.Hosts.Dial, TLSClientConfig: config, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: time.Minute, IdleConnTimeout: 30 * time.Second,
		MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: 256 << 10, DisableCompression: true,
	}, nil
}

func (s Settings) tls(clientCert bool) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.Auth.Insecure} //nolint:gosec // the user's choice
	if s.Auth.CA != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM([]byte(s.Auth.CA)) {
			return nil, model.Invalidf("the CA holds no certificate in PEM form")
		}
		config.RootCAs = pool
	}
	if clientCert {
		pair, err := tls.X509KeyPair([]byte(s.Auth.ClientCert), []byte(s.Auth.ClientKey))
		if err != nil {
			return nil, model.Invalidf("the client certificate and its key are no pair in PEM form")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// proxy is the source's proxy, or what the environment says. What a proxy is
// asked to connect to is checked too.
func (s Settings) proxy() (func(*http.Request) (*url.URL, error), error) {
	choose := http.ProxyFromEnvironment
	if s.Proxy.URL != "" {
		u, err := ProxyURL(s.Proxy)
		if err != nil {
			return nil, err
		}
		choose = func(r *http.Request) (*url.URL, error) { return ChooseProxy(u, s.Proxy.Exempt, r.URL) }
	}
	return func(r *http.Request) (*url.URL, error) {
		at, err := choose(r)
		if err == nil && at != nil {
			err = s.Hosts.Check(r.URL.Hostname())
		}
		return at, err
	}, nil
}

// ProxyURL is a proxy's URL with its credentials.
func ProxyURL(p model.Proxy) (*url.URL, error) {
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" {
		return nil, model.Invalidf("the proxy's URL can't be parsed; it is http://, https:// or socks5:// and a host")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return nil, model.Invalidf("the proxy's scheme %q is not supported; use http, https or socks5", u.Scheme)
	}
	if p.Username != "" || p.Password != "" {
		u.User = url.UserPassword(p.Username, p.Password)
	}
	return u, nil
}

// ChooseProxy is the proxy for a URL, or nil if its host is exempt.
func ChooseProxy(proxy *url.URL, exempt string, at *url.URL) (*url.URL, error) {
	if strings.TrimSpace(exempt) == "" {
		return proxy, nil // also for the machine's own addresses, which the rules leave out
	}
	config := httpproxy.Config{HTTPProxy: proxy.String(), HTTPSProxy: proxy.String(), NoProxy: exempt}
	return config.ProxyFunc()(at)
}

// maxRedirects is how often a request may be sent elsewhere.
const maxRedirects = 10

var errDowngrade = errors.New("the server redirects from https to http, which is not followed")

// Redirect is a http.Client's CheckRedirect: what identifies us stays with the
// origin of the first request, for good once that was left, and nothing goes from
// https to http.
func Redirect(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return model.Invalidf("the server redirects more than %d times", maxRedirects)
	}
	first := via[0].URL
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return model.As(model.ErrInvalid, errDowngrade)
	}
	left := !SameOrigin(first, r.URL)
	for _, before := range via[1:] {
		left = left || !SameOrigin(first, before.URL)
	}
	if left {
		for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization", "Referer"} {
			r.Header.Del(name)
		}
	}
	return nil
}

// Client is a client for requests whose Authorization header, if they have one,
// was set by the caller.
func (s Settings) Client(home string) (*http.Client, error) {
	t, err := s.Transport(home)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: t, CheckRedirect: Redirect}, nil
}

// Get asks for a URL.
func Get(ctx context.Context, c *http.Client, url string, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, model.Invalidf("its URL can't be parsed")
	}
	maps.Copy(r.Header, header)
	r.Header.Set("User-Agent", UserAgent)
	return c.Do(r)
}

// UserAgent is what servers see of us.
const UserAgent = "fixpoint"
