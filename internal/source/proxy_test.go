package source

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// authority signs certificates.
type authority struct {
	pem  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), cert: cert, key: key}
}

// issue makes a certificate for 127.0.0.1 and localhost, or for a client.
func (a *authority) issue(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// pair is a certificate for a server of the test.
func (a *authority) pair(t *testing.T) tls.Certificate {
	t.Helper()
	cert, key := a.issue(t)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// proxyServer is a proxy that wants ann's password, and notes where it was asked
// to connect to.
type proxyServer struct {
	url string

	mu      sync.Mutex
	targets []string
}

func (p *proxyServer) note(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = append(p.targets, target)
}

func (p *proxyServer) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.targets...)
}

const proxyPassword = "pass: word/@%1"

func startProxy(t *testing.T, scheme string, ca *authority) *proxyServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxyServer{url: scheme + "://" + l.Addr().String()}
	if scheme == "socks5" {
		var serving sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		serving.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				serving.Go(func() {
					stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
					defer stop()
					p.socks(conn)
				})
			}
		})
		t.Cleanup(func() { cancel(); _ = l.Close(); serving.Wait() })
		return p
	}
	if scheme == "https" {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{ca.pair(t)}, NextProtos: []string{"http/1.1"}})
	}
	srv := &http.Server{Handler: http.HandlerFunc(p.http), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return p
}

// http is a proxy for HTTP and for CONNECT.
func (p *proxyServer) http(w http.ResponseWriter, r *http.Request) {
	check := &http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	if user, password, _ := check.BasicAuth(); user != "ann" || password != proxyPassword {
		w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	p.note(r.Host)
	if r.Method != http.MethodConnect {
		r.RequestURI = ""
		r.Header.Del("Proxy-Authorization")
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
		return
	}
	to, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	from, in, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	relay(from, in, to)
}

func relay(from net.Conn, in io.Reader, to net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(to, in); _ = to.Close() })
	_, _ = io.Copy(from, to)
	_ = from.Close()
	wg.Wait()
}

// socks speaks SOCKS5 with a user name and a password.
func (p *proxyServer) socks(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(in, b)
		return b
	}
	text := func() string { return string(read(int(read(1)[0]))) }
	_ = read(1)
	_ = text()                      // methods
	_, _ = conn.Write([]byte{5, 2}) // user and password
	_ = read(1)
	if user, password := text(), text(); user != "ann" || password != proxyPassword {
		_, _ = conn.Write([]byte{1, 1})
		return
	}
	_, _ = conn.Write([]byte{1, 0})
	var host string
	switch read(4)[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 3:
		host = text()
	default:
		return
	}
	port := read(2)
	target := net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8|int(port[1])))
	p.note(target)
	to, err := net.Dial("tcp", target)
	if err != nil {
		_, _ = conn.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	relay(conn, in, to)
}

// tlsServer serves a Git server over TLS.
func tlsServer(t *testing.T, git *gitserver.Server, config *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: git, ReadHeaderTimeout: time.Minute, ErrorLog: quiet}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "https://" + l.Addr().String() + "/"
}

func TestProxies(t *testing.T) {
	git := server(t)
	id := commit(t, git, "main", map[string]*string{"f": text("1")})
	ca, key := newAuthority(t), sshKey(t, "")
	if err := git.StartSSH(key.public); err != nil {
		t.Fatal(err)
	}
	secure := tlsServer(t, git, &tls.Config{Certificates: []tls.Certificate{ca.pair(t)}})
	urls := map[string]string{"http": git.URL("app"), "https": secure + "app", "ssh": git.SSHURL("app")}
	auth := model.Auth{CA: ca.pem, SSHKey: key.pem, KnownHosts: git.KnownHosts()}
	for _, scheme := range []string{"http", "https", "socks5"} {
		p := startProxy(t, scheme, ca)
		for to, repo := range urls {
			t.Run(to+" through "+scheme, func(t *testing.T) {
				r := store(t, Config{}).run(t)
				good := model.Proxy{URL: p.url, Username: "ann", Password: proxyPassword}
				before := len(p.seen())
				r.Set("app", model.Source{URL: repo, Auth: auth, Proxy: good})
				if snap := r.good(t, "app"); snap.Revision != id || read(t, snap, "f") != "1" {
					t.Errorf("got %+v", snap)
				}
				u, _ := url.Parse(repo)
				asked := p.seen()[before:]
				if len(asked) == 0 {
					t.Fatal("the proxy was not asked")
				}
				for _, target := range asked {
					if target != u.Host {
						t.Errorf("the proxy was asked for %s, want %s", target, u.Host)
					}
				}
				bad := good
				bad.Password = "hunter2"
				r.Set("bad", model.Source{URL: repo, Auth: auth, Proxy: bad})
				st := r.refresh(t, "bad")
				if st.Err == nil || strings.Contains(st.Err.Error(), "hunter2") || strings.Contains(fmt.Sprintf("%+v", bad), "hunter2") {
					t.Errorf("with a wrong password: %v", st.Err)
				}
				// Nobody listens at the proxy, and the host is exempt.
				none := model.Proxy{URL: scheme + "://127.0.0.1:1", Exempt: "127.0.0.1"}
				r.Set("exempt", model.Source{URL: repo, Auth: auth, Proxy: none})
				r.good(t, "exempt")
				none.Exempt = ""
				r.Set("none", model.Source{URL: repo, Auth: auth, Proxy: none})
				r.bad(t, "none", model.ErrTransient)
			})
		}
	}
	r := store(t, Config{}).run(t)
	for name, raw := range map[string]string{"scheme": "ftp://127.0.0.1:1", "no host": "http://", "no URL": "http://%zz"} {
		r.Set(model.SourceKey(name), model.Source{URL: git.URL("app"), Proxy: model.Proxy{URL: raw}})
		r.bad(t, model.SourceKey(name), model.ErrInvalid)
	}
	// A proxy is a host like another.
	r.Set("metadata", model.Source{URL: git.URL("app"), Proxy: model.Proxy{URL: "http://169.254.169.254"}})
	r.bad(t, "metadata", model.ErrDenied)
	p := startProxy(t, "http", nil)
	r.Set("through", model.Source{URL: "http://169.254.169.254/app", Proxy: model.Proxy{URL: p.url, Username: "ann", Password: proxyPassword}})
	r.bad(t, "through", model.ErrDenied)
	if len(p.seen()) > 0 {
		t.Errorf("the proxy was asked for %v", p.seen())
	}
}

func TestClientCertificates(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"f": text("1")})
	ca, other := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	url := tlsServer(t, git, &tls.Config{Certificates: []tls.Certificate{ca.pair(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}) + "app"
	cert, key := ca.issue(t)
	otherCert, otherKey := other.issue(t)
	cases := map[string]struct {
		auth model.Auth
		ok   bool
	}{
		"good":            {model.Auth{CA: ca.pem, ClientCert: cert, ClientKey: key}, true},
		"unknown server":  {model.Auth{CA: other.pem, ClientCert: cert, ClientKey: key}, false},
		"system's CAs":    {model.Auth{ClientCert: cert, ClientKey: key}, false},
		"insecure":        {model.Auth{Insecure: true, ClientCert: cert, ClientKey: key}, true},
		"no certificate":  {model.Auth{CA: ca.pem}, false},
		"of somebody":     {model.Auth{CA: ca.pem, ClientCert: otherCert, ClientKey: otherKey}, false},
		"of no pair":      {model.Auth{CA: ca.pem, ClientCert: cert, ClientKey: otherKey}, false},
		"not in PEM form": {model.Auth{CA: ca.pem, ClientCert: "hunter2", ClientKey: "hunter2"}, false},
	}
	r := store(t, Config{}).run(t)
	for name, c := range cases {
		k := model.SourceKey(name)
		r.Set(k, model.Source{URL: url, Auth: c.auth})
		st := r.refresh(t, k)
		if (st.Err == nil) != c.ok || c.ok && read(t, st.Snapshot, "f") != "1" {
			t.Errorf("%s: %v", name, st.Err)
		}
		if st.Err != nil && (strings.Contains(st.Err.Error(), "hunter2") || strings.Contains(st.Err.Error(), "PRIVATE")) {
			t.Errorf("%s: the key is in %v", name, st.Err)
		}
	}
}
