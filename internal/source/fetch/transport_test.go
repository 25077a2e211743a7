package fetch

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func pair(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "me"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))
}

// asking is a server that asks for a client certificate and says whose it got.
func asking(t *testing.T, answer http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(answer)
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

func who(w http.ResponseWriter, r *http.Request) {
	name := "nobody"
	if len(r.TLS.PeerCertificates) > 0 {
		name = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	_, _ = io.WriteString(w, name)
}

// TestClientCertificate: it is shown to the source's own host, and to no other
// that the source sends us to.
func TestClientCertificate(t *testing.T) {
	other, _ := asking(t, who)
	home, ca := asking(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other.URL, http.StatusFound)
			return
		}
		who(w, r)
	})
	cert, key := pair(t)
	at, _ := url.Parse(home.URL)
	c, err := Settings{Auth: model.Auth{CA: ca, ClientCert: cert, ClientKey: key}}.Client(at.Host)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/": "me", "/away": "nobody"} {
		resp, err := Get(context.Background(), c, home.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(body) != want || err != nil {
			t.Errorf("%s was asked by %s, %v", path, body, err)
		}
	}
	for _, a := range []model.Auth{{CA: "x"}, {ClientCert: cert}, {ClientKey: key}, {ClientCert: key, ClientKey: cert}} {
		if _, err := (Settings{Auth: a}).Client(at.Host); !errors.Is(err, model.ErrInvalid) || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%v", err)
		}
	}
}

// TestRedirects: what identifies us stays with the first origin, for good, and
// nothing goes from https to http.
func TestRedirects(t *testing.T) {
	at := func(text string) *http.Request {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Request{URL: u, Header: http.Header{"Authorization": {"x"}, "Cookie": {"x"}, "Accept": {"x"}}}
	}
	for _, tt := range []struct {
		hops []string
		kept bool
		err  string
	}{
		{[]string{"https://a.example", "https://a.example/x"}, true, ""},
		{[]string{"https://a.example", "https://A.example:443/x"}, true, ""},
		{[]string{"https://a.example", "https://a.example:8443/"}, false, ""},
		{[]string{"https://a.example", "https://sub.a.example/"}, false, ""},
		{[]string{"https://a.example", "https://b.example/"}, false, ""},
		{[]string{"https://a.example", "https://b.example/", "https://a.example/"}, false, ""},
		{[]string{"http://a.example", "https://a.example/"}, false, ""},
		{[]string{"https://a.example", "http://a.example/"}, false, "from https to http"},
		{[]string{"http://a.example", "https://a.example", "http://a.example/"}, false, "from https to http"},
		{strings.Split(strings.Repeat("https://a.example,", 10)+"https://a.example", ","), false, "more than 10"},
	} {
		var via []*http.Request
		for _, hop := range tt.hops[:len(tt.hops)-1] {
			via = append(via, at(hop))
		}
		r := at(tt.hops[len(tt.hops)-1])
		err := Redirect(r, via)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%v: %v, want %q", tt.hops, err, tt.err)
		}
		if kept := r.Header.Get("Authorization") != "" && r.Header.Get("Cookie") != ""; err == nil && (kept != tt.kept || r.Header.Get("Accept") == "") {
			t.Errorf("%v: credentials kept: %t", tt.hops, kept)
		}
	}
}

func TestSave(t *testing.T) {
	var out strings.Builder
	n, digest, err := Save(&out, strings.NewReader("abc"), 3)
	if n != 3 || digest != "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" || err != nil || out.String() != "abc" {
		t.Errorf("%d, %s, %v", n, digest, err)
	}
	n, _, err = Save(io.Discard, strings.NewReader(strings.Repeat("x", 1000)), 3)
	if n > 4 || !errors.Is(err, ErrTooLarge) || !errors.Is(err, model.ErrInvalid) {
		t.Errorf("%d, %v", n, err)
	}
}
