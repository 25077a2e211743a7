package source

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestFollowsBranch(t *testing.T) {
	git := server(t)
	first := commit(t, git, "main", map[string]*string{"a.yaml": text("one"), "dir/b.yaml": text("b")})
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}, Interval: 20 * time.Millisecond})

	snap := r.good(t, "app")
	if snap.Commit.ID != first || snap.Ref != "main" || snap.URL != git.URL("app") || snap.Commit.Subject != "a change" {
		t.Fatalf("got %+v", snap)
	}
	if got := read(t, snap, "a.yaml"); got != "one" {
		t.Fatalf("a.yaml is %q", got)
	}
	if err := fstest.TestFS(snap.Tree, "a.yaml", "dir/b.yaml"); err != nil {
		t.Fatal(err)
	}

	second := commit(t, git, "main", map[string]*string{"a.yaml": text("two")})
	until(t, "the second commit", func() bool {
		st, _ := r.State("app")
		return st.Snapshot.Commit.ID == second
	})
	st, _ := r.State("app")
	if got := read(t, st.Snapshot, "a.yaml"); got != "two" {
		t.Fatalf("a.yaml is %q", got)
	}
	if got := read(t, snap, "a.yaml"); got != "one" {
		t.Fatalf("a.yaml of the first snapshot became %q", got)
	}
}

func TestUnchangedCostsOneListAndNoFetch(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"a.yaml": text("one")})
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app")})
	first := r.good(t, "app")
	read(t, first, "a.yaml")
	before, requests := r.Stats(), git.Requests()
	for range 5 {
		if again := r.good(t, "app"); again != first {
			t.Fatal("an unchanged repository gave another snapshot")
		}
	}
	after := r.Stats()
	if after.Fetches != before.Fetches || after.BlobFetches != before.BlobFetches || after.LsRemotes != before.LsRemotes+5 {
		t.Fatalf("before %+v, after %+v", before, after)
	}
	if n := git.Requests() - requests; n != 10 {
		t.Fatalf("5 looks took %d requests, want 2 each", n)
	}
}
