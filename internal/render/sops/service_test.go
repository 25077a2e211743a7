package sops

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// failing is a network that may not be used.
type failing struct{ t *testing.T }

func (f failing) RoundTrip(r *http.Request) (*http.Response, error) {
	f.t.Errorf("%s was asked", r.URL)
	return nil, errors.New("no network")
}

// standIn is a network on which a handler, standing in for a key service,
// answers for all hosts of names, over TLS.
func standIn(t *testing.T, names []string, h http.HandlerFunc) http.RoundTripper {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stand-in"}, DNSNames: names, IsCA: true,
		BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(certificate)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.Listener.Addr().String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

var dataKey = []byte("0123456789abcdef0123456789abcdef")

// unwrap asks for a key.
func unwrap(t *testing.T, entries map[string]string, o Options, m masterKey) ([]byte, error) {
	t.Helper()
	keys := map[string]model.Hidden{}
	for name, text := range entries {
		keys[name] = model.Hidden(text)
	}
	k, err := NewKeys(model.Decrypt{Keys: keys}, o)
	if err != nil {
		t.Fatal(err)
	}
	request, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return k.Unwrap(t.Context(), request)
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

// outcome checks what came of a request.
func outcome(t *testing.T, what string, got []byte, err, kind error, text string) {
	t.Helper()
	if kind == nil {
		if err != nil || !bytes.Equal(got, dataKey) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
		return
	}
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%s: %v; want %v, %q", what, err, kind, text)
	}
}

// asLibrary shows that a stand-in speaks the protocol of SOPS's own library.
func asLibrary(t *testing.T, unwrap func() ([]byte, error)) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "VAULT_") {
			t.Setenv(name, "")
		}
	}
	if got, err := unwrap(); err != nil || !bytes.Equal(got, dataKey) {
		t.Fatalf("the library gets %q, %v", got, err)
	}
}
