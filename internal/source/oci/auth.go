package oci

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

// client speaks to one registry, and logs in when it is asked to. Credentials go
// to the registry and to the token service that it names, and not along with
// redirects.
type client struct {
	http  *http.Client
	host  string // as in URLs
	login fetch.Login
	scope string

	mu     sync.Mutex
	header string // the Authorization that was accepted last
}

// Do sends a request, with credentials if the registry asks for them.
func (c *client) Do(original *http.Request) (*http.Response, error) {
	if original.URL.Host != c.host {
		// A page of tags may name another host as the next one.
		return nil, model.Invalidf("the registry refers to another host, %s, which is not followed", original.URL.Host)
	}
	header := c.accepted()
	resp, err := c.send(original, header)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !fetch.SameOrigin(resp.Request.URL, original.URL) {
		return resp, err
	}
	challenge := resp.Header.Values("WWW-Authenticate")
	drain(resp)
	header, err = c.answer(original.Context(), challenge, original.URL)
	if err != nil {
		return nil, err
	}
	resp, err = c.send(original, header)
	if err == nil && resp.StatusCode < 400 {
		c.mu.Lock()
		c.header = header
		c.mu.Unlock()
	}
	return resp, err
}

func (c *client) accepted() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.header
}

func (c *client) send(original *http.Request, header string) (*http.Response, error) {
	r := original.Clone(original.Context())
	r.Header.Set("User-Agent", fetch.UserAgent)
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	return c.http.Do(r) //nolint:gosec // where a source points to is its user's business; hosts.Policy has the limits
}

func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}

// answer is the Authorization header that a challenge asks for.
func (c *client) answer(ctx context.Context, challenges []string, registry *url.URL) (string, error) {
	if c.login.RegistryToken != "" {
		return "Bearer " + c.login.RegistryToken, nil
	}
	for _, challenge := range challenges {
		scheme, params, _ := strings.Cut(strings.TrimSpace(challenge), " ")
		switch strings.ToLower(scheme) {
		case "basic":
			if c.login.Username == "" && c.login.Password == "" {
				return "", errNoLogin
			}
			return basic(c.login), nil
		case "bearer":
			token, err := c.token(ctx, parameters(params), registry)
			return "Bearer " + token, err
		}
	}
	return "", model.As(model.ErrDenied, errors.New("the registry refuses the request and names no way to log in that is known (basic, bearer)"))
}

var errNoLogin = model.As(model.ErrDenied, errors.New("the registry asks for credentials and none are configured for it"))

func basic(l fetch.Login) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(l.Username+":"+l.Password))
}

var parameter = regexp.MustCompile(`([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))`)

func parameters(text string) map[string]string {
	out := map[string]string{}
	for _, m := range parameter.FindAllStringSubmatch(text, 20) {
		out[strings.ToLower(m[1])] = m[2] + m[3]
	}
	return out
}

// token asks the registry's token service, as the distribution specification
// says: anonymously if there are no credentials.
func (c *client) token(ctx context.Context, params map[string]string, registry *url.URL) (string, error) {
	realm, err := url.Parse(params["realm"])
	if err != nil || realm.Host == "" || realm.User != nil {
		return "", model.Invalidf("the registry names a token service that can't be parsed")
	}
	if err := checkRealm(ctx, realm, registry); err != nil {
		return "", err
	}
	r, err := c.tokenRequest(ctx, realm, params["service"])
	if err != nil {
		return "", err
	}
	resp, err := (&http.Client{Transport: c.http.Transport, CheckRedirect: refuseRedirect}).Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return "", fetch.Status("the registry's token service "+realm.Host, resp.StatusCode)
	}
	var answer struct {
		Token  string `json:"token"`
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil || answer.Token+answer.Access == "" {
		return "", model.As(model.ErrTransient, fmt.Errorf("the registry's token service %s sent no token", realm.Host))
	}
	if answer.Token != "" {
		return answer.Token, nil
	}
	return answer.Access, nil
}

func (c *client) tokenRequest(ctx context.Context, realm *url.URL, service string) (*http.Request, error) {
	values := realm.Query()
	if service != "" {
		values.Set("service", service)
	}
	values.Set("scope", c.scope)
	if c.login.IdentityToken != "" {
		values.Set("grant_type", "refresh_token")
		values.Set("refresh_token", c.login.IdentityToken)
		values.Set("client_id", fetch.UserAgent)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, realm.String(), strings.NewReader(values.Encode()))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return r, err
	}
	at := *realm
	at.RawQuery = values.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err == nil && c.login.Username+c.login.Password != "" {
		r.Header.Set("Authorization", basic(c.login))
	}
	return r, err
}

func refuseRedirect(*http.Request, []*http.Request) error {
	return model.Invalidf("the registry's token service redirects, which is not followed")
}

// checkRealm refuses a token service that a registry could name to have the
// credentials read on the way, or to reach something inside: plain http where the
// registry has https, and an internal address where the registry has none.
func checkRealm(ctx context.Context, realm, registry *url.URL) error {
	switch {
	case realm.Scheme != "https" && realm.Scheme != "http":
		return model.Invalidf("the registry names a token service with the scheme %q", realm.Scheme)
	case realm.Scheme == "http" && registry.Scheme == "https":
		return model.Invalidf("the registry names a token service with plain http, which is not used")
	case strings.EqualFold(realm.Hostname(), registry.Hostname()):
		return nil
	}
	if internal(ctx, realm.Hostname()) && !internal(ctx, registry.Hostname()) {
		return model.Invalidf("the registry names a token service at an internal address, %s, which is not used", realm.Hostname())
	}
	return nil
}

// internal reports whether a host has an address that is not public. A name that
// can't be resolved here has none: a proxy may know it.
func internal(ctx context.Context, host string) bool {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if a = a.Unmap(); a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || carrier.Contains(a) {
			return true
		}
	}
	return false
}

// carrier are the addresses of carrier-grade NAT, which clouds use inside.
var carrier = netip.MustParsePrefix("100.64.0.0/10")
