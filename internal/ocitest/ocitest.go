// Package ocitest is an OCI registry for tests: the distribution project's, in the
// process, in memory, on a port of its own of 127.0.0.1. Nothing that ships
// imports it.
package ocitest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/go-jose/go-jose/v4"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

// Options are how a registry is protected; the zero value lets everybody in over
// plain HTTP.
type Options struct {
	// Username and Password are asked for if one of them is set.
	Username, Password string
	// Token has them given to a token service, on a port of its own, instead of
	// to the registry.
	Token bool
	// TLS serves HTTPS, with the certificate of Server.CA.
	TLS bool
	// Dir is a folder for the registry's files; it stays. One that asks for a
	// password needs it, unless Token is set.
	Dir string
}

// Server is a registry that runs.
type Server struct {
	// Host is its address with the port.
	Host string
	// CA is its certificate in PEM form; "" without TLS.
	CA string

	options Options
	app     *handlers.App
	http    *httptest.Server
	tokens  *httptest.Server
	key     *ecdsa.PrivateKey

	mu       sync.Mutex
	requests []Request
	down     bool
	before   func(http.ResponseWriter, *http.Request) bool
}

// Request is what was asked of a registry or of its token service.
type Request struct {
	Method, Path string
	// Authorization is the kind of the header: "Basic", "Bearer" or "".
	Authorization string
	// Token: it was asked of the token service.
	Token bool
}

// Start starts a registry. Close ends it.
func Start(o Options) (*Server, error) {
	s := &Server{options: o}
	logrus.SetOutput(io.Discard) // the registry logs there
	config := &configuration.Configuration{Version: "0.1", Storage: configuration.Storage{"inmemory": configuration.Parameters{}}}
	config.Catalog.MaxEntries = 1000
	config.Tags.MaxTags = 1000
	config.HTTP.Secret = "for tests"
	config.Log.AccessLog.Disabled = true
	config.Log.Level = "panic"
	s.http = unstarted(s.serve)
	if err := s.protect(config); err != nil {
		s.Close()
		return nil, fmt.Errorf("starting a registry: %w", err)
	}
	s.app = handlers.NewApp(context.Background(), config)
	if o.TLS {
		s.http.StartTLS()
		s.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw}))
	} else {
		s.http.Start()
	}
	s.Host = s.http.Listener.Addr().String()
	return s, nil
}

// protect configures who may come in.
func (s *Server) protect(config *configuration.Configuration) error {
	o := s.options
	if o.Username == "" && o.Password == "" {
		return nil
	}
	if o.Token {
		return s.startTokens(config)
	}
	if o.Dir == "" {
		return errors.New("Options.Dir is needed for the file of passwords")
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(o.Password), bcrypt.MinCost)
	if err != nil {
		return err
	}
	path := filepath.Join(o.Dir, "htpasswd")
	if err := os.WriteFile(path, []byte(o.Username+":"+string(hash)+"\n"), 0o600); err != nil {
		return err
	}
	config.Auth = configuration.Auth{"htpasswd": configuration.Parameters{"realm": "test", "path": path}}
	return nil
}

const keyID = "key"

func (s *Server) startTokens(config *configuration.Configuration) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	s.key = key
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: keyID, Algorithm: "ES256"}}})
	if err != nil {
		return err
	}
	path := filepath.Join(s.options.Dir, "keys.json")
	if err := os.WriteFile(path, set, 0o600); err != nil {
		return err
	}
	s.tokens = unstarted(s.serveToken)
	if s.options.TLS {
		s.tokens.StartTLS()
	} else {
		s.tokens.Start()
	}
	config.Auth = configuration.Auth{"token": configuration.Parameters{
		"realm": s.tokens.URL + "/token", "issuer": "issuer", "service": "registry", "jwks": path,
	}}
	return nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	down, before := s.down, s.before
	s.note(r, false)
	s.mu.Unlock()
	switch {
	case down:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case before == nil || !before(w, r):
		s.app.ServeHTTP(w, r)
	}
}

// note keeps what was asked; s.mu is held.
func (s *Server) note(r *http.Request, token bool) {
	kind, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.Path, Authorization: kind, Token: token})
}

// Requests are those since the last call, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

// Down makes the registry answer 503, or ends that.
func (s *Server) Down(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// Before is called with each request; true says that it has answered it.
func (s *Server) Before(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// URL is the repository as sources name it.
func (s *Server) URL(repository string) string { return "oci://" + s.Host + "/" + repository }

// Close ends the registry.
func (s *Server) Close() {
	s.http.Close()
	if s.tokens != nil {
		s.tokens.Close()
	}
	if s.app != nil {
		_ = s.app.Shutdown()
	}
}

// unstarted is a server that does not log.
func unstarted(f http.HandlerFunc) *httptest.Server {
	s := httptest.NewUnstartedServer(f)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	return s
}
