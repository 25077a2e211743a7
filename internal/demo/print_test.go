package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	got := table(ownCluster.followers(), []result{
		{"first sync", []time.Duration{812 * time.Millisecond, 12 * time.Second}},
		{"deleted -> back", []time.Duration{3500 * time.Microsecond, already}},
	})
	want := "" +
		"                                                 Argo CD          Flux\n" +
		"first sync                                        812 ms        12.0 s\n" +
		"deleted -> back                                     4 ms       already"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"two\n  lines": "two lines", "0123456789": "0123456789", "0123456789a": "012345678…", "ääääääääääää": "äääääääää…",
	} {
		if got := plain(in, 10); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestGist(t *testing.T) {
	for in, want := range map[string]string{
		"a: b":                         "a: b",
		"x: accumulating resources: y": "x: accumulating resources: y",
		"building overlays/staging: accumulating resources: accumulation err='accumulating resources from '../../base': " +
			"recursed accumulation of path 'base': accumulating resources: accumulating resources from 'service.yaml': line 3": "building overlays/staging: 'service.yaml': line 3",
	} {
		if got := gist(in); got != want {
			t.Errorf("gist(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIndentLast(t *testing.T) {
	for in, want := range map[string]string{"": "", "a\n": "    a", "a\nb\nc\n": "    b\n    c"} {
		if got := indentLast(in, 2); got != want {
			t.Errorf("indentLast(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWithGreeting(t *testing.T) {
	got, err := withGreeting("data:\n  greeting: old\n  more: x\n", "new one")
	if want := "data:\n  greeting: new one\n  more: x\n"; err != nil || got != want {
		t.Errorf("withGreeting = %q, %v, want %q", got, err, want)
	}
	if _, err := withGreeting("data: {}\n", "x"); err == nil {
		t.Error("a file without a greeting gives no error")
	}
}

// TestNoLocalcluster says what to do where there is no control plane.
func TestNoLocalcluster(t *testing.T) {
	var out strings.Builder
	err := Run(t.Context(), Options{
		Dir: filepath.Join(t.TempDir(), "demo"), Localcluster: "/nowhere/localcluster", Out: &out,
	})
	if err == nil || !strings.Contains(err.Error(), "make build") || !strings.Contains(err.Error(), "--kubeconfig") {
		t.Errorf("Run = %v, want what to do", err)
	}
}

// TestDirStays: a folder that was there before keeps what is not the demo's.
func TestDirStays(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Run(t.Context(), Options{Dir: dir, Localcluster: "/nowhere/localcluster", Out: &out}); err == nil {
		t.Fatal("there is no error")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "mine" {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

func TestInstructions(t *testing.T) {
	d := &demo{
		Options: Options{Kubeconfig: "/home/me/kubeconfig"}, followers: visitedCluster.followers(),
		host: &host{},
	}
	if err := startHost(t.Context(), t.TempDir(), d.host); err != nil {
		t.Fatal(err)
	}
	defer d.host.server.Close()
	text := d.instructions()
	for _, want := range []string{
		"export KUBECONFIG=/home/me/kubeconfig", "git clone " + d.host.cloneURL(), "demo-argo/my-app", "demo-flux/my-app",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the instructions don't say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "$") {
		t.Errorf("something is not filled in:\n%s", text)
	}
}
