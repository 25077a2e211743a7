// Package gitserver serves real Git repositories from this process: over HTTP by
// git's own http-backend, and over SSH by git's upload-pack and receive-pack. The
// demo and the tests use it; it is no hosting service (no users, no web pages).
//
// Repositories are bare and lie in one folder, as NAME.git. Every server listens
// on 127.0.0.1 only. The git command has to be installed.
package gitserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves the repositories of one folder. Set its fields before Start.
type Server struct {
	// Allow decides who may use a repository over HTTP; user and password are ""
	// if none were sent. nil lets everybody in.
	Allow func(repo, user, password string) bool
	// OnPush is called after a push over HTTP or SSH that changed refs, before
	// the client hears of its success. nil is no callback.
	OnPush func(repo string, changes []RefChange)

	dir      string
	secret   string // for LFS
	requests atomic.Int64

	commits sync.Mutex // one commit at a time

	mu      sync.Mutex
	addr    string // of the HTTP server, kept while it is down
	http    *http.Server
	serving sync.WaitGroup
	ssh     *sshServer
}

// RefChange is a ref that a push changed. Old is "" for a new ref, New is "" for
// a deleted one.
type RefChange struct{ Ref, Old, New string }

// New makes a server for the bare repositories in dir, which Create fills.
func New(dir string) *Server { return &Server{dir: dir, secret: rand.Text()} }

// Start listens on a free port of 127.0.0.1, or on the one it had before Stop.
func (s *Server) Start() error { return s.StartAt("127.0.0.1:0") }

// StartAt is Start with the address to use the first time. Only addresses of the
// local machine are taken.
func (s *Server) StartAt(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("starting the Git server: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("starting the Git server: %s is not a loopback address", addr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return errors.New("starting the Git server: it is running")
	}
	if s.addr != "" {
		addr = s.addr
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("starting the Git server: %w", err)
	}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second}
	s.addr, s.http = l.Addr().String(), srv
	s.serving.Go(func() { _ = srv.Serve(l) })
	return nil
}

// Stop makes the HTTP server unreachable and cuts its connections. Start brings
// it back at the same address.
func (s *Server) Stop() {
	s.mu.Lock()
	srv := s.http
	s.http = nil
	s.mu.Unlock()
	if srv != nil {
		_ = srv.Close()
	}
	s.serving.Wait()
}

// Close ends the HTTP and the SSH server. The repositories stay.
func (s *Server) Close() {
	s.Stop()
	s.StopSSH()
}

// URL is where a repository can be cloned from over HTTP; "" before Start.
func (s *Server) URL(repo string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addr == "" {
		return ""
	}
	return "http://" + s.addr + "/" + repo + ".git"
}

// BaseURL is the beginning of every URL, with a slash at its end; "" before Start.
func (s *Server) BaseURL() string {
	return strings.TrimSuffix(s.URL(""), ".git")
}

// Requests counts the HTTP requests so far.
func (s *Server) Requests() int64 { return s.requests.Load() }

// Path is the folder of a repository.
func (s *Server) Path(repo string) string {
	return filepath.Join(s.dir, filepath.FromSlash(repo)+".git")
}

// Create makes an empty repository whose default branch is main. It may exist
// already. A name may have several parts ("myorg/app").
func (s *Server) Create(ctx context.Context, repo string) error {
	if !validName(repo) {
		return fmt.Errorf("creating a repository: %q is not a usable name", repo)
	}
	path := s.Path(repo)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("creating repository %q: %w", repo, err)
	}
	if _, err := run(ctx, "", nil, "init", "--quiet", "--bare", "--initial-branch=main", path); err != nil {
		return fmt.Errorf("creating repository %q: %w", repo, err)
	}
	for _, kv := range [][2]string{
		{"http.receivepack", "true"},
		{"uploadpack.allowFilter", "true"},
		{"uploadpack.allowAnySHA1InWant", "true"},
		{"gc.auto", "0"},
	} {
		if _, err := run(ctx, path, nil, "config", kv[0], kv[1]); err != nil {
			return fmt.Errorf("creating repository %q: %w", repo, err)
		}
	}
	return nil
}

// validName keeps a repository's folder inside the server's.
func validName(repo string) bool {
	return repo != "" && filepath.IsLocal(repo) && !strings.HasPrefix(repo, "-") && !strings.ContainsAny(repo, "\x00\\\n")
}

// Refs are the refs of a repository with their object ids.
func (s *Server) Refs(ctx context.Context, repo string) (map[string]string, error) {
	out, err := run(ctx, s.Path(repo), nil, "for-each-ref", "--format=%(objectname) %(refname)")
	if err != nil {
		return nil, fmt.Errorf("listing the refs of %q: %w", repo, err)
	}
	refs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if id, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			refs[name] = id
		}
	}
	return refs, nil
}

// run calls git without any configuration of the user or the system.
func run(ctx context.Context, gitDir string, stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = gitEnv(gitDir)
	if stdin != nil {
		cmd.Stdin = strings.NewReader(string(stdin))
	}
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
		}
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out, nil
}

func gitEnv(gitDir string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0",
	}
	if gitDir != "" {
		env = append(env, "GIT_DIR="+gitDir)
	}
	return env
}
