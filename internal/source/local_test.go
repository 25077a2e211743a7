package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestBase reads a clone of this machine at the point where a branch left another.
func TestBase(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	commit := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "f"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "-q", "-m", text)
	}
	git("init", "-q")
	commit("one")
	git("checkout", "-q", "-b", "topic")
	commit("two")
	git("checkout", "-q", "main")
	commit("three")
	git("checkout", "-q", "topic")
	commit("four")

	s := store(t, Config{})
	defer func() { _ = s.Close() }()
	for revision, want := range map[string]string{
		"main": "one", "topic": "four", "HEAD~1": "two", "HEAD": "four",
	} {
		snap, err := s.Base(t.Context(), dir, revision)
		if err != nil {
			t.Errorf("%s: %v", revision, err)
			continue
		}
		got, err := snap.Tree.ReadFile("f")
		if err != nil || string(got) != want || snap.Commit.Subject != want {
			t.Errorf("%s: file %q, commit %q, %v; want %q", revision, got, snap.Commit.Subject, err, want)
		}
	}
	for _, revision := range []string{"none", "--output=x", "-h", ""} {
		if _, err := s.Base(t.Context(), dir, revision); err == nil {
			t.Errorf("revision %q is no error", revision)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a revision was taken for an option")
	}
	git("checkout", "-q", "--orphan", "alone")
	commit("five")
	if snap, err := s.Base(t.Context(), dir, "main"); err != nil || snap.Commit.Subject != "three" {
		t.Errorf("with nothing in common: %+v, %v", snap, err)
	}
}
