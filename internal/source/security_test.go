package source

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The classes of advisories of Argo CD and Flux that concern Git. Others have
// tests where the feature is: TestParseURLRefuses and TestRefs (arguments in URLs
// and revisions), TestSubmodulesThatAreRefused (ext::, file://, local paths),
// TestLFSServersThatLie, TestRedirectKeepsCredentials, TestHostsThatAreDenied
// (link-local and metadata addresses), TestLinks, TestSSH (host keys),
// TestCredentialsAreIsolated and TestSubmoduleIsNoWayIntoAPrivateRepository (the
// objects of others), TestVerifyCommit and TestVerifyTag.

// Argument injection (CVE-2025-21613 and its relatives): nothing that a user or a
// server names is ever an argument of git, and no secret is.
func TestNothingFromOutsideIsAnArgument(t *testing.T) {
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	bin, logged := t.TempDir(), filepath.Join(t.TempDir(), "args")
	script := fmt.Sprintf("#!/bin/sh\nfor a in \"$@\"; do printf '%%s\\n' \"$a\" >> %s; done\nexec %s \"$@\"\n", logged, real)
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	git := gitserver.New(t.TempDir())
	protect(git, "ann:hunter2")
	t.Cleanup(git.Close)
	if err := git.Start(); err != nil {
		t.Fatal(err)
	}
	evil := "--upload-pack=touch-pwned"
	lib := put(t, git, "lib", file("f", "1"))
	id := put(t, git, "app", file(evil, "1"), file("d/-x", "1"), modules("sub", "../lib"), module("sub", lib))
	for _, ref := range []string{"refs/heads/" + evil, "refs/tags/v1.0.0"} {
		if err := git.SetRef(t.Context(), "app", ref, id); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	r := store(t, Config{}).run(t)
	src := model.Source{URL: git.URL("app"), Auth: model.Auth{Username: "ann", Password: "hunter2"}, Git: model.Git{Submodules: true}}
	for name, ref := range map[string]model.Ref{
		"head": {}, "name": {Name: "refs/heads/" + evil}, "range": {SemVer: "*"}, "short": {Any: id[:8]}, "commit": {Commit: id},
	} {
		src.Ref = ref
		r.Set(model.SourceKey(name), src)
		snap := r.good(t, model.SourceKey(name))
		read(t, snap, evil)
		read(t, snap, "d/-x")
		read(t, snap, "sub/f")
	}
	data, err := os.ReadFile(logged)
	if err != nil || len(data) == 0 {
		t.Fatalf("no command was seen: %v", err)
	}
	for _, word := range []string{"pwned", "hunter2", "127.0.0.1", "v1.0.0", "ann"} {
		for line := range strings.Lines(string(data)) {
			if strings.Contains(line, word) {
				t.Errorf("an argument is %q", strings.TrimSpace(line))
			}
		}
	}
}

// A forged tree object has names that git itself never writes.
func TestForgedNamesAreLeftOut(t *testing.T) {
	git := server(t)
	blob, err := git.Write(t.Context(), "app", "blob", []byte("evil"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(blob)
	if err != nil {
		t.Fatal(err)
	}
	var tree bytes.Buffer
	bad := []string{"..", ".", "a/b", ".git", ".GIT", ".giT", "git~1", "GIT~1", ".git ", ".git.", ".g\u200cit", ".git:x", ".git\\config", "\xff\xfe"}
	good := []string{".gitignore", ".github", "git", "x.git", "gitty", "a\\b"}
	for _, name := range append(bad, good...) {
		fmt.Fprintf(&tree, "100644 %s\x00%s", name, raw)
	}
	id, err := git.Write(t.Context(), "app", "tree", tree.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	commit, err := git.Write(t.Context(), "app", "commit", []byte("tree "+id+"\nauthor A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n\nforged\n"))
	if err == nil {
		err = git.SetRef(t.Context(), "app", "refs/heads/main", commit)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app")})
	snap := r.good(t, "app")
	entries, err := fs.ReadDir(snap.Tree, ".")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		seen[e.Name()] = true
	}
	for _, name := range good {
		if !seen[name] {
			t.Errorf("%q is left out", name)
		}
	}
	for _, name := range bad {
		if _, err := snap.Tree.Stat(name); seen[name] || name != "." && err == nil {
			t.Errorf("%q can be seen", name)
		}
	}
}

// Secrets in errors and logs (CVE-2023-25163, CVE-2024-31216): those that
// TestSecretsAreNotInErrorsLogsOrFiles does not have.
func TestSecretsOfProxiesAppsAndServers(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintln(w, r.Header, r.URL)
	}))
	t.Cleanup(echo.Close)
	var log bytes.Buffer
	r := store(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))}).run(t)
	sources := map[string]model.Source{
		"proxy's URL":      {URL: "http://git.example.com/app", Proxy: model.Proxy{URL: "http://u:hunter2@127.0.0.1:1"}},
		"proxy":            {URL: echo.URL + "/app", Proxy: model.Proxy{URL: echo.URL, Username: "u", Password: "hunter2"}},
		"socks":            {URL: echo.URL + "/app", Proxy: model.Proxy{URL: "socks5://127.0.0.1:1", Username: "u", Password: "hunter2"}},
		"no proxy":         {URL: echo.URL + "/app", Proxy: model.Proxy{URL: "hunter2://u:hunter2@"}},
		"ssh proxy":        {URL: "ssh://git@127.0.0.1:1/app", Proxy: model.Proxy{URL: echo.URL, Username: "u", Password: "hunter2"}, Auth: model.Auth{SSHKey: sshKey(t, "").pem, KnownHosts: "x"}},
		"app's key":        {URL: echo.URL + "/app", Auth: model.Auth{GitHub: model.GitHubApp{ID: "1", InstallationID: "2", PrivateKey: "hunter2"}}},
		"app's URL":        {URL: echo.URL + "/app", Auth: model.Auth{GitHub: model.GitHubApp{ID: "1", InstallationID: "2", PrivateKey: "x", BaseURL: "https://u:hunter2@127.0.0.1:1"}}},
		"client's key":     {URL: "https://127.0.0.1:1/app", Auth: model.Auth{ClientCert: "hunter2", ClientKey: "hunter2"}},
		"CA":               {URL: "https://127.0.0.1:1/app", Auth: model.Auth{CA: "hunter2"}},
		"redirect":         {URL: newMover(t, "http://u:hunter2@127.0.0.1:1").URL + "/old/app"},
		"URL of submodule": {URL: "https://u:hunter2@127.0.0.1:1/app", Git: model.Git{Submodules: true}},
	}
	for name, src := range sources {
		key := model.SourceKey(name)
		r.Set(key, src)
		st := r.refresh(t, key)
		if st.Err == nil {
			t.Errorf("%s has no error", name)
			continue
		}
		if all := st.Err.Error() + fmt.Sprintf("%+v %#v %+v", st, src.Auth, src.Proxy); name != "no proxy" && strings.Contains(all, "hunter2") || strings.Contains(all, "u:hunter2") {
			t.Errorf("%s: the password is in %s", name, all)
		}
	}
	r.stop()
	if strings.Contains(log.String(), "u:hunter2") || strings.Contains(log.String(), "hunter2@") {
		t.Errorf("the password is in the log:\n%s", &log)
	}
}

// One source that hangs holds up no other, and one that is huge ends in an error.
func TestOneBadSourceHurtsNoOther(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"f": text("1")})
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(release); hanging.Close() })
	r := store(t, Config{}).run(t)
	for i := range 20 {
		r.Set(model.SourceKey(fmt.Sprint("hanging", i)), model.Source{URL: fmt.Sprint(hanging.URL, "/", i)})
	}
	r.Set("app", model.Source{URL: git.URL("app")})
	if got := read(t, r.good(t, "app"), "f"); got != "1" {
		t.Errorf("f is %q", got)
	}
	if st, _ := r.State("hanging0"); st.Snapshot != nil || errors.Is(st.Err, model.ErrInvalid) {
		t.Errorf("a hanging source: %+v", st)
	}
}
