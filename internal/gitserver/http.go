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
	"regexp"
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
	if s.serveLFS(w, r) {
		return
	}
	repo, rest, ok := repoOf(r.URL.Path)
	if !ok {
		http.Error(w, "no repository is named; the path has to be that of a clone URL", http.StatusNotFound)
		return
	}
	if !s.allowed(w, r, repo) {
		return
	}
	r.URL.Path = "/" + repo + ".git" + rest
	if r.Method == http.MethodPost && rest == "/git-receive-pack" {
		s.watchPush(r.Context(), repo, func() { s.serveGit(w, r) })
		return
	}
	s.serveGit(w, r)
}

// allowed asks Allow, and answers the request if that says no.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request, repo string) bool {
	if s.Allow == nil {
		return true
	}
	user, password, _ := r.BasicAuth()
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		user, password = "", token
	}
	if s.Allow(repo, user, password) {
		return true
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
	http.Error(w, "credentials are needed", http.StatusUnauthorized)
	return false
}

// requests are the ends of paths that a repository answers.
var requests = regexp.MustCompile(`^/(.+?)(?:\.git)?(/(?:info/refs|git-upload-pack|git-receive-pack|HEAD|objects/.+))$`)

// repoOf splits a request's path into a repository, named with or without .git,
// and what is asked of it.
func repoOf(path string) (repo, rest string, ok bool) {
	m := requests.FindStringSubmatch(path)
	if m == nil || !validName(m[1]) {
		return "", "", false
	}
	return m[1], m[2], true
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
