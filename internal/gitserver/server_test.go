package gitserver

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func start(t *testing.T) *Server {
	t.Helper()
	s := New(t.TempDir())
	t.Cleanup(s.Close)
	if err := s.Create(t.Context(), "org/app"); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func text(s string) *string { return &s }

// client runs git as a user would.
func client(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=n", "-c", "user.email=e@example.com"}, args...)...)
	cmd.Dir, cmd.Env = dir, gitEnv("")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func must(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := client(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func TestCommitCloneAndPush(t *testing.T) {
	s := start(t)
	var pushed [][]RefChange
	s.OnPush = func(repo string, changes []RefChange) {
		if repo != "org/app" {
			t.Errorf("a push to %q", repo)
		}
		pushed = append(pushed, changes)
	}
	first, err := s.Commit(t.Context(), "org/app", "main", "first", map[string]*string{"a": text("1"), "dir/b \"x\"": text("2"), "gone": text("3")})
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.CommitEntries(t.Context(), "org/app", "main", "second", []Entry{
		{Path: "gone", Delete: true}, {Path: "link", Mode: ModeLink, Data: "a"}, {Path: "run", Mode: ModeExecutable, Data: "x"},
	})
	if err != nil || first == second {
		t.Fatalf("%s, %v", second, err)
	}
	for _, url := range []string{s.URL("org/app"), strings.TrimSuffix(s.URL("org/app"), ".git")} {
		dir := t.TempDir()
		must(t, dir, "clone", "--quiet", url, "work")
		if got := must(t, dir+"/work", "ls-files"); got != "a\n\"dir/b \\\"x\\\"\"\nlink\nrun" {
			t.Errorf("files of %s: %s", url, got)
		}
	}
	dir := t.TempDir()
	must(t, dir, "clone", "--quiet", s.URL("org/app"), "work")
	work := filepath.Join(dir, "work")
	// More than git sends in one piece, so that the length is not known.
	big := make([]byte, 3<<20)
	_, _ = rand.Read(big)
	if err := os.WriteFile(filepath.Join(work, "big"), big, 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, work, "add", "big")
	must(t, work, "commit", "--quiet", "-m", "big")
	must(t, work, "push", "--quiet", "origin", "HEAD:main", "HEAD:side")
	head := must(t, work, "rev-parse", "HEAD")
	want := [][]RefChange{{{Ref: "refs/heads/main", Old: second, New: head}, {Ref: "refs/heads/side", New: head}}}
	if diff := cmp.Diff(want, pushed); diff != "" {
		t.Errorf("pushes (-want +got):\n%s", diff)
	}
	must(t, work, "push", "--quiet", "origin", ":side")
	if got := pushed[len(pushed)-1]; len(got) != 1 || got[0].New != "" || got[0].Old != head {
		t.Errorf("a deletion: %+v", got)
	}
}

func TestStopAndStart(t *testing.T) {
	s := start(t)
	url := s.URL("org/app")
	must(t, ".", "ls-remote", url)
	if s.Requests() == 0 {
		t.Error("no request was counted")
	}
	s.Stop()
	if out, err := client(t, ".", "ls-remote", url); err == nil {
		t.Errorf("a stopped server answered: %s", out)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if s.URL("org/app") != url {
		t.Errorf("the address changed from %s to %s", url, s.URL("org/app"))
	}
	must(t, ".", "ls-remote", url)
}

func TestRefusals(t *testing.T) {
	s := start(t)
	ctx := context.Background()
	for _, name := range []string{"", "../out", "/abs", "-x", "a\\b", "a/../../b"} {
		if err := s.Create(ctx, name); err == nil {
			t.Errorf("Create(%q) worked", name)
		}
	}
	if err := New(t.TempDir()).StartAt("0.0.0.0:0"); err == nil {
		t.Error("it listens on all addresses")
	}
	for _, path := range []string{"", "none/info/refs?service=git-upload-pack", "..%2f..%2fetc/info/refs", "org/app.git/config"} {
		resp, err := http.Get(s.BaseURL() + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%q: status %d", path, resp.StatusCode)
		}
	}
}
