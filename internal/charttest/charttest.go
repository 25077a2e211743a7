// Package charttest is a Helm repository for tests: an HTTP server in the
// process, on a port of its own of 127.0.0.1, with an index of the charts that it
// was given. Nothing that ships imports it.
package charttest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options are how a repository is protected; the zero value lets everybody in
// over plain HTTP.
type Options struct {
	// Username and Password are asked for if one of them is set.
	Username, Password string
	// TLS serves HTTPS, with the certificate of Server.CA.
	TLS bool
}

// Server is a repository that runs.
type Server struct {
	// URL is the repository, below which index.yaml is.
	URL string
	// CA is its certificate in PEM form; "" without TLS.
	CA string

	options Options
	http    *httptest.Server

	mu       sync.Mutex
	files    map[string][]byte
	entries  map[string][]string // lines of the index, by chart
	requests []*Request
	before   func(http.ResponseWriter, *http.Request) bool
}

// Request is what was asked of a repository.
type Request struct {
	Method, Path string
	// Authorization is the header.
	Authorization string
	// Status is what was answered; 0 where Before answered.
	Status int
}

// Start starts a repository without charts. Close ends it.
func Start(o Options) *Server {
	s := &Server{options: o, files: map[string][]byte{}, entries: map[string][]string{}}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	if o.TLS {
		s.http.StartTLS()
		s.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw}))
	} else {
		s.http.Start()
	}
	s.URL = s.http.URL + "/charts"
	s.index()
	return s
}

// Close ends the repository.
func (s *Server) Close() { s.http.Close() }

// Archive packs a chart. Files are by their names in its folder; a Chart.yaml is
// made if there is none.
func Archive(name, version string, files map[string]string) []byte {
	files = maps.Clone(files)
	if files == nil {
		files = map[string]string{}
	}
	if files["Chart.yaml"] == "" {
		files["Chart.yaml"] = "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n"
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		// Writing to memory does not fail.
		_ = w.WriteHeader(&tar.Header{Name: name + "/" + file, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[file]))})
		_, _ = w.Write([]byte(files[file]))
	}
	_ = w.Close()
	_ = z.Close()
	return out.Bytes()
}

// Add puts a chart into the repository and its index, and returns its archive.
func (s *Server) Add(name, version string, files map[string]string) []byte {
	data := Archive(name, version, files)
	file := name + "-" + version + ".tgz"
	s.Put(file, data)
	s.Entry(name, version, file, fmt.Sprintf("%x", sha256.Sum256(data)))
	return data
}

// Entry adds a version to the index, with the URL as it is given.
func (s *Server) Entry(name, version, url, digest string) {
	s.mu.Lock()
	s.entries[name] = append(s.entries[name], fmt.Sprintf(
		"  - apiVersion: v2\n    created: \"2026-01-01T00:00:00Z\"\n    description: |\n      a chart\n      - of tests\n"+
			"    digest: %q\n    name: %s\n    urls:\n    - %q\n    version: %q\n", digest, name, url, version))
	s.mu.Unlock()
	s.index()
}

// index writes index.yaml as Helm does.
func (s *Server) index() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	b.WriteString("apiVersion: v1\nentries:\n")
	for _, name := range slices.Sorted(maps.Keys(s.entries)) {
		fmt.Fprintf(&b, "  %s:\n%s", name, strings.Join(s.entries[name], ""))
	}
	b.WriteString("generated: \"2026-01-01T00:00:00Z\"\n")
	s.files["index.yaml"] = []byte(b.String())
}

// Put serves a file below URL.
func (s *Server) Put(file string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[file] = data
}

// File is what is served below URL.
func (s *Server) File(file string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[file]
}

// Before is called with each request; true says that it has answered it.
func (s *Server) Before(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Requests are those since the last call, in order. One is there before who asked has an
// answer.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Request
	for _, request := range s.requests {
		out = append(out, *request)
	}
	s.requests = nil
	return out
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	request := &Request{Method: r.Method, Path: r.URL.Path, Authorization: r.Header.Get("Authorization")}
	s.mu.Lock()
	s.requests = append(s.requests, request)
	before := s.before
	s.mu.Unlock()
	if before == nil || !before(w, r) {
		s.answer(&status{w, s, request}, r)
	}
}

// answer serves a file with an ETag, to who may have it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if user != s.options.Username || password != s.options.Password {
		w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
		http.Error(w, "wrong credentials", http.StatusUnauthorized)
		return
	}
	data := s.File(strings.TrimPrefix(r.URL.Path, "/charts/"))
	if data == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(data)))
	http.ServeContent(w, r, r.URL.Path, time.Time{}, bytes.NewReader(data))
}

// status keeps the status of an answer, before it is told.
type status struct {
	http.ResponseWriter
	of      *Server
	request *Request
}

func (s *status) WriteHeader(code int) {
	s.of.mu.Lock()
	s.request.Status = code
	s.of.mu.Unlock()
	s.ResponseWriter.WriteHeader(code)
}
