package cli

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// want fails unless the output of a command has all texts and the exit code.
func want(t *testing.T, got string, code int, texts ...string) {
	t.Helper()
	for _, text := range append(texts, fmt.Sprintf("[exit %d]", code)) {
		if !strings.Contains(got, text) {
			t.Errorf("%q is not in:\n%s", text, got)
		}
	}
	if strings.Contains(got, "session-") || strings.Contains(got, "ci-token") {
		t.Errorf("a secret is printed:\n%s", got)
	}
}

// TestLogin: who is signed in needs nothing else; the token is kept for its owner alone,
// and revoked at the end.
func TestLogin(t *testing.T) {
	home := alone(t)
	h := newHouse(t, httptest.NewServer)
	want(t, run(t, "get", ""), 1, "no cluster is known", "fixpoint login URL", home+"/.config/fixpoint/config.yaml", "$FIXPOINT_SERVER")
	want(t, run(t, "login "+h.URL+" --username alice --password-stdin", "wrong\n"), 1, "wrong name or password")
	want(t, run(t, "login "+h.URL+" --username eve --password-stdin", "correct\n"), 1, "too many attempts", "Try again in 7 seconds")
	want(t, run(t, "login "+h.URL+" --username alice --password-stdin", ""), 1, "name and password are needed")
	want(t, run(t, "login "+h.URL+" --password-stdin", "correct\n"), 2, "--password-stdin needs --username")
	want(t, run(t, "login "+h.URL+" --token-stdin -u alice", "x\n"), 2, "--token-stdin excludes")
	want(t, run(t, "login "+h.URL+" --sso -u alice", ""), 2, "--sso excludes")
	want(t, run(t, "login "+h.URL+" --sso", ""), 1, h.URL+" has no identity provider", "--username or --token-stdin")
	want(t, run(t, "login", ""), 2, "the address of a server is missing")
	want(t, run(t, "login ftp://x", ""), 2, "is no address of a server")
	file := filepath.Join(home, ".config/fixpoint/config.yaml")
	if _, err := os.Stat(file); err == nil {
		t.Error("a login that failed is kept")
	}

	want(t, run(t, "login "+h.URL+"/", "alice\ncorrect\n"), 0, "Signed in to "+h.URL+" as alice, until 2026-11-2")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file of logins: %v, %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Dir(file) + "/.config-*"); len(left) > 0 {
		t.Errorf("half a file is left: %v", left)
	}
	want(t, run(t, "get shop-frontend", ""), 0, "Application argocd/shop-frontend")
	want(t, run(t, "servers", ""), 0, h.URL+"   alice", "yes")
	if h.strangers() {
		t.Error("the server sees a client that is not called fixpoint/…")
	}
	if !h.takes("session-1") {
		t.Fatal("there is no session")
	}
	want(t, run(t, "logout", ""), 0, "Signed out of "+h.URL)
	if h.takes("session-1") {
		t.Error("the session goes on")
	}
	if raw, _ := os.ReadFile(file); strings.Contains(string(raw), "session-") {
		t.Errorf("the token is there still:\n%s", raw)
	}
	want(t, run(t, "get", ""), 1, "no cluster is known")
	want(t, run(t, "logout", ""), 1, "no server is the current one")
}

// TestServers: each server has its token, flags and the environment choose among them.
func TestServers(t *testing.T) {
	alone(t)
	a, b := newHouse(t, httptest.NewServer), newHouse(t, httptest.NewServer)
	b.tokens = map[string]bool{"b-token": true}
	want(t, run(t, "login "+a.URL+" --token-stdin", "ci-token\n"), 0, "as alice.\n")
	want(t, run(t, "login "+b.URL+" --token-stdin", "bad\n"), 1, "The token for "+b.URL+" is not taken", "fixpoint login "+b.URL)
	want(t, run(t, "login "+b.URL+" --token-stdin", ""), 1, "no token on standard input")
	want(t, run(t, "login "+b.URL+" --token-stdin", "b-token\n"), 0)
	want(t, run(t, "sync shop-frontend --no-wait", ""), 0)
	if len(a.backend.Deeds()) != 0 || len(b.backend.Deeds()) != 1 {
		t.Error("the last one signed in to is not the current one")
	}
	want(t, run(t, "servers use "+a.URL, ""), 0, "Commands ask "+a.URL)
	want(t, run(t, "sync shop-frontend --no-wait", ""), 0)
	want(t, run(t, "sync reports --no-wait --server "+b.URL, ""), 0)
	if len(a.backend.Deeds()) != 1 || len(b.backend.Deeds()) != 2 {
		t.Error("--server does not choose")
	}
	t.Setenv("FIXPOINT_SERVER", b.URL)
	want(t, run(t, "refresh reports --no-wait", ""), 0)
	if len(b.backend.Deeds()) != 3 {
		t.Error("FIXPOINT_SERVER does not choose")
	}
	t.Setenv("FIXPOINT_TOKEN", "worn")
	want(t, run(t, "get", ""), 1, "is not taken, or not any more: sign in with 'fixpoint login "+b.URL+"'")
	want(t, run(t, "get --server "+b.URL+" --context x", ""), 1, "--server excludes --kubeconfig and --context")
	want(t, run(t, "get --kubeconfig none", ""), 1, "reading the kubeconfig")
	want(t, run(t, "logs x --kubeconfig none", ""), 1, "reading the kubeconfig")
	want(t, run(t, "logout https://elsewhere.example", ""), 1, "you are not signed in to https://elsewhere.example")
	want(t, run(t, "servers -o json", ""), 0, `"current": true`)
	t.Setenv("FIXPOINT_TOKEN", "")
	t.Setenv("FIXPOINT_SERVER", newHouse(t, httptest.NewServer).URL)
	want(t, run(t, "get", ""), 1, "not signed in. Sign in with 'fixpoint login http://127.0.0.1:")
}

// TestServerErrors: what can't be reached, or is something else, is said in words.
func TestServerErrors(t *testing.T) {
	home := alone(t)
	t.Setenv("FIXPOINT_TOKEN", "ci-token")
	secure := newHouse(t, httptest.NewTLSServer)
	plain := newHouse(t, httptest.NewServer)
	want(t, run(t, "get --server "+secure.URL, ""), 1, "authority that is not known", "--ca-file")
	want(t, run(t, "get --server "+strings.Replace(secure.URL, "https", "http", 1), ""), 1, "speaks TLS: give its address with https://")
	want(t, run(t, "get --server "+strings.Replace(plain.URL, "http", "https", 1), ""), 1, "speaks no TLS: give its address with http://")
	want(t, run(t, "get shop-frontend --insecure-skip-tls-verify --server "+secure.URL, ""), 0)

	ca := filepath.Join(home, "ca.crt")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, run(t, "login "+secure.URL+" --token-stdin --ca-file "+ca, "ci-token\n"), 0)
	want(t, run(t, "get shop-frontend", ""), 0)
	byName := strings.Replace(secure.URL, "127.0.0.1", "localhost", 1)
	want(t, run(t, "get --ca-file "+ca+" --server "+byName, ""), 1, "is for another host")
	want(t, run(t, "get --ca-file "+home+" --server "+secure.URL, ""), 1, "correct --ca-file")
	want(t, run(t, "get --server http://fixpoint.example", ""), 1, "without TLS", "--plain-http")

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	want(t, run(t, "get --server http://"+closed.Addr().String(), ""), 1, "nothing listens at http://"+closed.Addr().String())

	leads := httptest.NewServer(http.RedirectHandler("https://sso.example/?secret=1", http.StatusFound))
	defer leads.Close()
	got := run(t, "get --server "+leads.URL, "")
	want(t, got, 1, "leads to https://sso.example/, and is not followed")
	if strings.Contains(got, "secret") {
		t.Error(got)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	defer other.Close()
	want(t, run(t, "login "+other.URL+" --token-stdin", "x\n"), 1, "as Fixpoint does not: check the address")
	want(t, run(t, "get --server https://fixpoint.example/apps", ""), 1, "without a path")
}

// TestLogsFollow: a log is followed until the command is ended, which is no failure.
func TestLogsFollow(t *testing.T) {
	alone(t)
	t.Setenv("FIXPOINT_TOKEN", "ci-token")
	h := newHouse(t, httptest.NewServer)
	lines := make(chan string, 1000)
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cmd := New(Deps{In: strings.NewReader(""), Out: lineWriter(lines), Err: io.Discard})
	cmd.SetArgs(strings.Fields("logs shop-cart Deployment/cart -f --tail 1 --server " + h.URL))
	go func() { done <- cmd.ExecuteContext(ctx) }()
	select {
	case line := <-lines:
		if !strings.Contains(line, "[cart-") {
			t.Errorf("the first line: %q", line)
		}
	case err := <-done:
		t.Fatalf("it ends by itself: %v", err)
	case <-time.After(10 * time.Minute):
		t.Fatal("no line has come")
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
}

// lineWriter sends what is written, a line at a time.
type lineWriter chan string

func (w lineWriter) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}

// TestSecurityTerminal: what others write into clusters, commits and logs neither steers
// the terminal nor turns its lines round.
func TestSecurityTerminal(t *testing.T) { //nolint:paralleltest // it sets the environment
	alone(t)
	t.Setenv("FIXPOINT_TOKEN", "ci-token")
	h := newHouse(t, httptest.NewServer)
	const hostile = "\x1b]0;title\x07\x1b[2J\x1b[1;31mgone\u202e\u009b31m\r"
	app := viewtest.Key(view.KindApplication, "argocd", "payments-api")
	pod := viewtest.Ref("Pod", "payments", "api-"+"7c9d8-x")
	h.backend.Edit(app, func(d *view.Detail) {
		d.Message, d.Commit.Subject, d.Commit.Author = hostile, hostile, hostile
		d.Conditions = []view.Condition{{Severity: view.SeverityError, Type: hostile, Text: hostile, Next: hostile}}
		d.Operation = &view.Operation{Phase: model.PhaseFailed, Message: hostile, By: hostile, Results: []view.Result{{Ref: pod, Status: hostile, Message: hostile, Failed: true}}}
		d.History = []view.Deployment{{ID: 1, Revision: hostile, By: hostile, Commit: model.Commit{Subject: hostile, Author: hostile}, At: viewtest.Now}}
	})
	h.backend.SetTree(app, view.Tree{Nodes: []view.Node{{Ref: pod, UID: "1", Managed: true, Health: model.Degraded, Message: hostile, Info: []string{hostile}}}})
	h.backend.SetDiff(app, view.Diff{Objects: []view.ObjectDiff{{
		Ref: pod, Action: model.ActionUpdate, Reason: hostile, Err: hostile, Before: map[string]any{"a": "b"}, After: map[string]any{"a": hostile},
	}}, Warnings: []string{hostile}, Blocked: hostile})
	h.backend.Say(app, view.LogLine{At: viewtest.Now, Pod: pod.Name, Container: "api", Text: hostile})
	shown := 0
	for _, line := range []string{"get", "get payments-api", "tree payments-api", "history payments-api", "diff payments-api", "logs payments-api Pod/" + pod.Name, "activity --app payments-api"} {
		got := run(t, line+" --server "+h.URL, "")
		if at := strings.IndexAny(got, "\x1b\x07\r\u202e\u009b"); at >= 0 {
			t.Errorf("%s has a character at %d that acts: %q", line, at, got)
		}
		if strings.Contains(got, "gone") {
			shown++
		}
	}
	if shown < 4 {
		t.Errorf("only %d of the commands show it at all", shown)
	}
}
