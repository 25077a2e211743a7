package gitserver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// backend is the path of git's CGI program.
var backend = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return "", fmt.Errorf("looking for git: %w", err)
	}
	path := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("this git has no http-backend: %w", err)
	}
	return path, nil
})

// ServeHTTP serves the Git protocol. Start calls it; a test may wrap it in a
// server of its own to make trouble.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	repo, ok := repoOf(r.URL.Path)
	if !ok {
		http.Error(w, "no repository is named; the path has to be /NAME.git", http.StatusNotFound)
		return
	}
	if s.Allow != nil {
		user, password, _ := r.BasicAuth()
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			user, password = "", token
		}
		if !s.Allow(repo, user, password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "credentials are needed", http.StatusUnauthorized)
			return
		}
	}
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
		s.watchPush(r.Context(), repo, func() { s.serveGit(w, r) })
		return
	}
	s.serveGit(w, r)
}

// repoOf finds the repository in a request's path.
func repoOf(path string) (string, bool) {
	before, _, ok := strings.Cut(path, ".git/")
	if !ok {
		return "", false
	}
	repo := strings.TrimPrefix(before, "/")
	return repo, validName(repo)
}

func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	program, err := backend()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.ContentLength < 0 {
		done, err := spool(r)
		defer done()
		if err != nil {
			http.Error(w, "reading the request: "+err.Error(), http.StatusBadRequest)
			return
		}
	}
	h := cgi.Handler{
		Path: program,
		Dir:  s.dir,
		Env: append(gitEnv(""),
			"GIT_PROJECT_ROOT="+s.dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=git"),
		Stderr: io.Discard,
	}
	h.ServeHTTP(w, r)
}

// spool puts a body of unknown length into a file, since CGI needs to be told
// the length. done removes it.
func spool(r *http.Request) (done func(), err error) {
	f, err := os.CreateTemp("", "fixpoint-push-*")
	if err != nil {
		return func() {}, err
	}
	done = func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	n, err := io.Copy(f, r.Body)
	if err != nil {
		return done, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return done, err
	}
	r.Body, r.ContentLength, r.TransferEncoding = f, n, nil
	return done, nil
}

// watchPush runs a push and tells OnPush what it changed.
func (s *Server) watchPush(ctx context.Context, repo string, push func()) {
	if s.OnPush == nil {
		push()
		return
	}
	ctx = context.WithoutCancel(ctx)
	before, err := s.Refs(ctx, repo)
	push()
	if err != nil {
		return
	}
	after, err := s.Refs(ctx, repo)
	if err != nil {
		return
	}
	if changes := refChanges(before, after); len(changes) > 0 {
		s.OnPush(repo, changes)
	}
}

func refChanges(before, after map[string]string) []RefChange {
	var changes []RefChange
	for ref, id := range after {
		if before[ref] != id {
			changes = append(changes, RefChange{Ref: ref, Old: before[ref], New: id})
		}
	}
	for ref, id := range before {
		if _, ok := after[ref]; !ok {
			changes = append(changes, RefChange{Ref: ref, Old: id})
		}
	}
	slices.SortFunc(changes, func(a, b RefChange) int { return strings.Compare(a.Ref, b.Ref) })
	return changes
}
