package source

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/net/proxy"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
	"github.com/fixpoint-cd/fixpoint/internal/source/hosts"
)

// route is how a command gets to a host. Nothing else can be reached by it, even
// if the host's name means something else a moment later.
type route struct {
	proxy *url.URL // nil is none; it may hold credentials
	// addrs are the host's, and those of the proxy if there is one.
	addrs, proxyAddrs []netip.Addr
}

// routeTo finds the way to a repository and refuses hosts that must not be
// reached.
func routeTo(ctx context.Context, at remote, p model.Proxy, policy *hosts.Policy) (route, error) {
	var way route
	if at.scheme == "file" {
		return way, nil
	}
	var err error
	if way.proxy, err = proxyFor(at, p); err != nil {
		return way, err
	}
	host, _ := at.hostPort()
	if way.proxy == nil {
		way.addrs, err = policy.Resolve(ctx, host)
		return way, err
	}
	if err := policy.Check(host); err != nil {
		return way, err
	}
	if way.proxyAddrs, err = policy.Resolve(ctx, way.proxy.Hostname()); err != nil {
		return way, fmt.Errorf("the proxy: %w", err)
	}
	return way, nil
}

// proxyFor is the source's proxy, or for HTTP what the environment says.
func proxyFor(at remote, p model.Proxy) (*url.URL, error) {
	target, err := url.Parse(at.proxied())
	if err != nil {
		return nil, model.Invalidf("the URL can't be parsed")
	}
	if p.URL != "" {
		u, err := fetch.ProxyURL(p)
		if err != nil {
			return nil, err
		}
		return fetch.ChooseProxy(u, p.Exempt, target)
	}
	if at.scheme == "ssh" {
		return nil, nil
	}
	env := httpproxy.FromEnvironment()
	all := cmp.Or(os.Getenv("ALL_PROXY"), os.Getenv("all_proxy"))
	env.HTTPProxy, env.HTTPSProxy = cmp.Or(env.HTTPProxy, all), cmp.Or(env.HTTPSProxy, all)
	u, err := env.ProxyFunc()(target)
	if err != nil {
		return nil, model.Invalidf("the proxy in the environment is no URL")
	}
	return u, nil
}

// proxied is a URL that has the host and the port, for rules about proxies.
func (r remote) proxied() string {
	host, port := r.hostPort()
	scheme := r.scheme
	if scheme == "ssh" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// hostPort are the host without brackets and the port.
func (r remote) hostPort() (host, port string) {
	host, port, err := net.SplitHostPort(r.host)
	if err != nil {
		return strings.Trim(r.host, "[]"), strings.TrimPrefix(defaultPorts[r.scheme], ":")
	}
	return host, port
}

// httpRoute makes git's HTTP take a way: only through this proxy or none, and to
// no other addresses.
func (way route) httpRoute(at remote) (config [][2]string, env []string) {
	if way.proxy == nil {
		return append([][2]string{{"http.proxy", ""}}, pin(at.hostPort, way.addrs)...), nil
	}
	u := *way.proxy
	if u.Scheme == "socks5" {
		u.Scheme = "socks5h" // the proxy looks the host up
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443", "socks5h": "1080"}[u.Scheme])
	}
	origin := u.Scheme + "://" + host
	config = [][2]string{{"http.proxy", origin}, {"http.proxyAuthMethod", "basic"}}
	if u.User != nil {
		config[0][1] = u.Scheme + "://" + (&url.URL{User: url.User(u.User.Username())}).User.String() + "@" + host
		password, _ := u.User.Password()
		env = append(env, "FIXPOINT_PROXY_USERNAME="+u.User.Username(), "FIXPOINT_PROXY_PASSWORD="+password)
		config = append(config, [2]string{"credential." + origin + ".helper", helper("FIXPOINT_PROXY_")})
	}
	return append(config, pin(func() (string, string) { h, p, _ := net.SplitHostPort(host); return h, p }, way.proxyAddrs)...), env
}

// pin keeps git from looking a host up itself.
func pin(hostPort func() (string, string), addrs []netip.Addr) [][2]string {
	host, port := hostPort()
	if _, err := netip.ParseAddr(host); err == nil || len(addrs) == 0 {
		return nil
	}
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
		if a.Is6() {
			texts[i] = "[" + texts[i] + "]"
		}
	}
	return [][2]string{{"http.curloptResolve", host + ":" + port + ":" + strings.Join(texts, ",")}}
}

// sshRoute are the options that make ssh take a way. done ends the tunnel if there
// is one.
func (way route) sshRoute(ctx context.Context, at remote, auth model.Auth) (options []string, done func(), err error) {
	host, port := at.hostPort()
	alias := host
	if port != "22" {
		alias = "[" + host + "]:" + port
	}
	if way.proxy == nil {
		if _, err := netip.ParseAddr(host); err == nil || len(way.addrs) == 0 {
			return nil, func() {}, nil
		}
		return []string{"-o", "HostKeyAlias=" + alias, "-o", "HostName=" + way.addrs[0].String()}, func() {}, nil
	}
	t, err := way.tunnel(ctx, net.JoinHostPort(host, port), auth)
	if err != nil {
		return nil, func() {}, err
	}
	_, local, _ := net.SplitHostPort(t.listener.Addr().String())
	return []string{"-o", "HostKeyAlias=" + alias, "-o", "HostName=127.0.0.1", "-o", "Port=" + local}, t.close, nil
}

// tunnel is a port of this machine that leads one connection through a proxy. ssh
// could run a command to do that, but only with a shell.
type tunnel struct {
	listener net.Listener
	server   net.Conn
	copying  sync.WaitGroup
}

func (way route) tunnel(ctx context.Context, target string, auth model.Auth) (*tunnel, error) {
	server, err := way.connect(ctx, target, auth)
	if err != nil {
		return nil, fmt.Errorf("connecting through the proxy: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		_ = server.Close()
		return nil, fmt.Errorf("connecting through the proxy: %w", err)
	}
	t := &tunnel{listener: l, server: server}
	t.copying.Go(func() {
		client, err := l.Accept()
		_ = l.Close() // nobody else
		if err != nil {
			return
		}
		t.copying.Go(func() {
			_, _ = io.Copy(server, client)
			_ = server.Close()
		})
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	return t, nil
}

func (t *tunnel) close() {
	_ = t.listener.Close()
	_ = t.server.Close()
	t.copying.Wait()
}

// connect opens a connection to target through the proxy.
func (way route) connect(ctx context.Context, target string, auth model.Auth) (net.Conn, error) {
	if strings.HasPrefix(way.proxy.Scheme, "socks5") {
		var login *proxy.Auth
		if u := way.proxy.User; u != nil {
			password, _ := u.Password()
			login = &proxy.Auth{User: u.Username(), Password: password}
		}
		d, err := proxy.SOCKS5("tcp", way.proxyAddress(), login, &net.Dialer{})
		if err != nil {
			return nil, err
		}
		conn, err := d.(proxy.ContextDialer).DialContext(ctx, "tcp", target)
		if err != nil {
			return nil, model.As(model.ErrTransient, errors.New(strings.ReplaceAll(err.Error(), way.proxyAddress(), way.proxy.Host)))
		}
		return conn, nil
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", way.proxyAddress())
	if err != nil {
		return nil, model.As(model.ErrTransient, err)
	}
	if way.proxy.Scheme == "https" {
		config := &tls.Config{ServerName: way.proxy.Hostname(), MinVersion: tls.VersionTLS12}
		if auth.CA != "" {
			if config.RootCAs, err = x509.SystemCertPool(); err != nil {
				config.RootCAs = x509.NewCertPool()
			}
			config.RootCAs.AppendCertsFromPEM([]byte(auth.CA))
		}
		conn = tls.Client(conn, config)
	}
	out, err := way.ask(ctx, conn, target)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return out, nil
}

// proxyAddress is the proxy as it was looked up.
func (way route) proxyAddress() string {
	port := cmp.Or(way.proxy.Port(), map[string]string{"http": "80", "https": "443"}[way.proxy.Scheme], "1080")
	return net.JoinHostPort(way.proxyAddrs[0].String(), port)
}

// ask has an HTTP proxy connect to target.
func (way route) ask(ctx context.Context, conn net.Conn, target string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{}}
	if u := way.proxy.User; u != nil {
		password, _ := u.Password()
		r.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if err := r.Write(conn); err != nil {
		return nil, model.As(model.ErrTransient, err)
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, r) //nolint:bodyclose // the body is the tunnel
	if err != nil {
		return nil, model.As(model.ErrTransient, err)
	}
	switch {
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return nil, model.As(model.ErrDenied, errors.New("it refused the credentials (407)"))
	case resp.StatusCode != http.StatusOK:
		return nil, model.As(model.ErrTransient, fmt.Errorf("it answered %d", resp.StatusCode))
	}
	return &buffered{Conn: conn, in: in}, nil
}

// buffered reads first what came with the proxy's answer.
type buffered struct {
	net.Conn
	in *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.in.Read(p) }
