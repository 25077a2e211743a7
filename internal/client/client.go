package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	root = "/fixpoint/v1"
	// maxAnswer bounds an answer that is no stream.
	maxAnswer = 256 << 20
)

// Config says which server is asked, and how.
type Config struct {
	// URL is the server's address, as Address returns it.
	URL string
	// Token is sent with each request; "" is nobody's.
	Token string
	// TLS says whom to trust; its zero value are the system's authorities.
	TLS TLS
	// PlainHTTP lets tokens and passwords go over HTTP without TLS to other machines.
	PlainHTTP bool
	// Agent is what the client calls itself, such as "fixpoint/v1.2.3".
	Agent string
	// Pause is how long a watch waits before it connects anew; 0 is a second.
	Pause time.Duration
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	Config
	http *http.Client
}

// New makes a client. It sends nothing yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return nil, model.Invalidf("%q is no address of a server: give one such as https://fixpoint.example", c.URL)
	}
	if u.Scheme == "http" && !c.PlainHTTP && !isLoopback(u.Hostname()) {
		return nil, model.Invalidf("%s is without TLS, so that others could read the token on its way: use https, or --plain-http if the network is trusted", c.URL)
	}
	settings, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	if c.Pause == 0 {
		c.Pause = time.Second
	}
	dial := &net.Dialer{Timeout: 10 * time.Second}
	return &Client{Config: c, http: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dial.DialContext, TLSClientConfig: settings,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 90 * time.Second,
			ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Address is a server's address as it is stored and compared: scheme and host in lower
// case, and nothing behind them. Without a scheme it is https.
func Address(text string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", model.Invalidf("%q is no address of a server: give one such as https://fixpoint.example, without a path", text)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// call is a request below root.
type call struct {
	method, path string
	query        url.Values
	body         any
	accept       string
	header       map[string]string
}

// send returns an answer of 200 to 299, whose body is to be closed.
func (c *Client) send(ctx context.Context, q call) (*http.Response, error) {
	address := c.URL + root + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	var body io.Reader
	if q.body != nil {
		raw, err := json.Marshal(q.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, q.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", c.URL, err)
	}
	r.Header.Set("User-Agent", c.Agent)
	r.Header.Set("Content-Type", "application/json")
	if q.accept != "" {
		r.Header.Set("Accept", q.accept)
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for k, v := range q.header {
		r.Header.Set(k, v)
	}
	got, err := c.http.Do(r)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	if got.StatusCode/100 == 2 {
		return got, nil
	}
	defer func() { _ = got.Body.Close() }()
	return nil, c.refusal(got)
}

// json sends a request and reads its answer into out.
func (c *Client) json(ctx context.Context, q call, out any) error {
	q.accept = "application/json"
	got, err := c.send(ctx, q)
	if err != nil {
		return err
	}
	defer func() { _ = got.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	if err != nil {
		return c.explain(ctx, err)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s answers %s as Fixpoint does not: check the address of the server", c.URL, root+q.path)
	}
	return nil
}

func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.json(ctx, call{method: http.MethodGet, path: path, query: query}, out)
}

func (c *Client) post(ctx context.Context, path string, body, out any) error {
	return c.json(ctx, call{method: http.MethodPost, path: path, body: body}, out)
}
