// Package s3test is an S3 server for tests: Versity's gateway, as a process behind
// a port of 127.0.0.1. Nothing that ships imports it.
package s3test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// The keys of every server.
const (
	AccessKey = "test-access-key"
	SecretKey = "test-secret-key"
)

// Options are how a server is reached.
type Options struct {
	// Dir is a folder for the server's program and its files; it stays.
	Dir string
	// TLS serves HTTPS, with the certificate of Server.CA.
	TLS bool
}

// Server is a server that runs.
type Server struct {
	// Host is its address with the port.
	Host string
	// CA is its certificate in PEM form; "" without TLS.
	CA string

	client  *minio.Client
	process *exec.Cmd
	stdin   io.Closer
	http    *httptest.Server
	socket  string

	mu       sync.Mutex
	requests []Request
	before   func(http.ResponseWriter, *http.Request) bool
}

// Request is what was asked of a server.
type Request struct {
	Method, Path string
	Query        url.Values
	Signed       bool
}

// Start builds the server, unless Go has it in its cache, and starts it. Close
// ends it.
func Start(ctx context.Context, o Options) (*Server, error) {
	s := &Server{}
	err := s.start(ctx, o)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("starting an S3 server: %w", err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, o Options) error {
	// The path of a socket must not be long.
	dir, err := os.MkdirTemp("", "s3-")
	if err != nil {
		return err
	}
	s.socket = filepath.Join(dir, "s")
	program := filepath.Join(o.Dir, "s3server")
	if err := build(ctx, program); err != nil {
		return err
	}
	if err := s.run(program, o.Dir); err != nil {
		return err
	}
	if err := s.wait(ctx); err != nil {
		return err
	}
	s.serve(o.TLS)
	// The gateway leaves a part of an empty object's body unread, which it then takes
	// for the start of the connection's next request.
	at := &http.Transport{DialContext: s.dial, DisableKeepAlives: true}
	s.client, err = minio.New("localhost", &minio.Options{
		Creds: credentials.NewStaticV4(AccessKey, SecretKey, ""), Region: "us-east-1", Transport: at,
	})
	return err
}

// build compiles the server, which has a module of its own.
func build(ctx context.Context, program string) error {
	where, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return fmt.Errorf("finding the module: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	cmd.Dir = filepath.Join(strings.TrimSpace(string(where)), "internal", "s3test", "s3server")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building it: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) run(program, dir string) error {
	s.process = exec.Command(program, s.socket, dir)
	s.process.Env = []string{"S3_ACCESS_KEY=" + AccessKey, "S3_SECRET_KEY=" + SecretKey}
	stdin, err := s.process.StdinPipe()
	if err != nil {
		return err
	}
	s.stdin = stdin
	return s.process.Start()
}

func (s *Server) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", s.socket)
}

// wait returns when the server listens.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for {
		c, err := s.dial(ctx, "", "")
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// serve puts the server behind a port.
func (s *Server) serve(withTLS bool) {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "s3"
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: &http.Transport{DialContext: s.dial, DisableCompression: true, DisableKeepAlives: true},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		before := s.before
		s.requests = append(s.requests, Request{
			Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Signed: r.Header.Get("Authorization") != "",
		})
		s.mu.Unlock()
		if before == nil || !before(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	s.http.Config.ErrorLog = proxy.ErrorLog
	if withTLS {
		s.http.StartTLS()
		s.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw}))
	} else {
		s.http.Start()
	}
	s.Host = s.http.Listener.Addr().String()
}

// Bucket makes a bucket; with public everybody may read it.
func (s *Server) Bucket(ctx context.Context, name string, public bool) error {
	if err := s.client.MakeBucket(ctx, name, minio.MakeBucketOptions{}); err != nil || !public {
		return err
	}
	return s.client.SetBucketPolicy(ctx, name, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",`+
		`"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::`+name+`","arn:aws:s3:::`+name+`/*"]}]}`)
}

// Put writes an object.
func (s *Server) Put(ctx context.Context, bucket, key string, data []byte) error {
	_, err := s.client.PutObject(ctx, bucket, key, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{})
	return err
}

// Delete removes an object.
func (s *Server) Delete(ctx context.Context, bucket, key string) error {
	return s.client.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{})
}

// Before is called with each request that comes to Host; true says that it has
// answered it.
func (s *Server) Before(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Requests are those that came to Host since the last call, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

// Close ends the server.
func (s *Server) Close() {
	if s.http != nil {
		s.http.Close()
	}
	if s.stdin != nil {
		_ = s.stdin.Close()
	}
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
	}
	_ = os.RemoveAll(filepath.Dir(s.socket))
}
