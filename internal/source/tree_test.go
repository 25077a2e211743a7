package source

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// snapshotOf commits entries and returns their snapshot.
func snapshotOf(t *testing.T, r *running, git *gitserver.Server, entries ...gitserver.Entry) *model.Snapshot {
	t.Helper()
	if _, err := git.CommitEntries(t.Context(), "app", "main", "entries", entries); err != nil {
		t.Fatal(err)
	}
	r.Set("app", model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}})
	return r.good(t, "app")
}

func link(path, to string) gitserver.Entry {
	return gitserver.Entry{Path: path, Mode: gitserver.ModeLink, Data: to}
}

func file(path, data string) gitserver.Entry { return gitserver.Entry{Path: path, Data: data} }

func TestLinks(t *testing.T) {
	git := server(t)
	r := store(t, Config{}).run(t)
	snap := snapshotOf(t, r, git,
		file("base/a.yaml", "a"), file("apps/x/own.yaml", "own"),
		link("apps/x/a.yaml", "../../base/a.yaml"), link("apps/x/base", "../../base"), link("apps/x/twice", "base/a.yaml"),
		link("apps/out", "../../etc/passwd"), link("apps/absolute", "/etc/passwd"), link("apps/x/far", "../../../../../../etc"),
		link("one", "two"), link("two", "one"), link("self", "self/x"), link("gone", "nothing"), link("dot", "."),
		link("apps/through", "x/base/../../etc/passwd"), link("apps/back", "x/base/../apps/x/own.yaml"),
	)
	for name, want := range map[string]string{
		"apps/x/a.yaml": "a", "apps/x/base/a.yaml": "a", "apps/x/twice": "a", "dot/dot/base/a.yaml": "a", "apps/back": "own",
	} {
		if got := read(t, snap, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"apps/out", "apps/absolute", "apps/x/far", "apps/x/far/passwd", "apps/through", "one", "self", "../../etc/passwd", "/etc/passwd", "a/../b", ""} {
		_, err := snap.Tree.ReadFile(name)
		if !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: error %v, want fs.ErrInvalid", name, err)
		}
		if _, err := snap.Tree.Hash(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("hash of %s: error %v, want fs.ErrInvalid", name, err)
		}
	}
	for _, name := range []string{"gone", "nothing", "base/a.yaml/b"} {
		if _, err := snap.Tree.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v, want fs.ErrNotExist", name, err)
		}
	}
	if to, err := snap.Tree.(fs.ReadLinkFS).ReadLink("apps/x/base"); err != nil || to != "../../base" {
		t.Errorf("ReadLink: %q, %v", to, err)
	}
}

func TestSubmoduleIsAnEmptyFolder(t *testing.T) {
	git := server(t)
	r := store(t, Config{}).run(t)
	snap := snapshotOf(t, r, git, file("a", "a"),
		file(".gitmodules", "[submodule \"evil\"]\n\tpath = evil\n\turl = ext::sh -c \"touch /tmp/fixpoint-pwned\"\n"),
		gitserver.Entry{Path: "evil", Mode: gitserver.ModeSubmodule, Data: strings.Repeat("1", 40)})
	entries, err := snap.Tree.ReadDir("evil")
	if err != nil || len(entries) != 0 {
		t.Fatalf("ReadDir: %v, %v", entries, err)
	}
	if _, err := snap.Tree.ReadFile("evil/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a file of a submodule: %v", err)
	}
	if got := read(t, snap, "a"); got != "a" {
		t.Fatalf("a is %q", got)
	}
}

func TestFileTooLarge(t *testing.T) {
	git := server(t)
	r := store(t, Config{}).run(t)
	snap := snapshotOf(t, r, git, file("dir/huge.yaml", strings.Repeat("x", 50<<20)), file("dir/small.yaml", "s"))
	_, err := snap.Tree.ReadFile("dir/huge.yaml")
	if err == nil || !strings.Contains(err.Error(), "dir/huge.yaml") || !strings.Contains(err.Error(), fmt.Sprint(50<<20)) {
		t.Fatalf("error %v, want one that names the file and its size", err)
	}
	if got := read(t, snap, "dir/small.yaml"); got != "s" {
		t.Fatalf("the file beside it is %q", got)
	}
	st, err := snap.Tree.Stat("dir/huge.yaml")
	if err != nil || st.Size() != 50<<20 {
		t.Fatalf("size %v, %v", st, err)
	}
}

func TestMissingFilesComeInOneBatch(t *testing.T) {
	git := server(t)
	r := store(t, Config{}).run(t)
	var entries []gitserver.Entry
	for i := range 300 {
		entries = append(entries, file(fmt.Sprintf("apps/%d/cm.yaml", i%10)+fmt.Sprint(i), fmt.Sprint("data ", i)), file(fmt.Sprint("other/", i), fmt.Sprint("o", i)))
	}
	for i := range maxWhole {
		entries = append(entries, file(fmt.Sprint("more/", i), fmt.Sprint("m", i)))
	}
	snap := snapshotOf(t, r, git, entries...)
	before := r.Stats().BlobFetches
	count := 0
	err := fs.WalkDir(snap.Tree, "apps", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		count++
		_, err = snap.Tree.ReadFile(name)
		return err
	})
	if err != nil || count != 300 {
		t.Fatalf("%d files, %v", count, err)
	}
	if n := r.Stats().BlobFetches - before; n != 3 { // 1, 1 and 4 folders around, the rest
		t.Errorf("10 folders took %d fetches, want 3", n)
	}
	if err := snap.Tree.(interface{ Prefetch(string) error }).Prefetch("other"); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		read(t, snap, fmt.Sprint("other/", i))
	}
	if n := r.Stats().BlobFetches - before; n != 4 {
		t.Errorf("a prefetched folder took %d fetches, want 1", n-3)
	}
}

func TestSmallRepositoryComesInOneBatch(t *testing.T) {
	git := server(t)
	r := store(t, Config{}).run(t)
	var entries []gitserver.Entry
	for i := range 100 {
		entries = append(entries, file(fmt.Sprintf("apps/%d/cm.yaml", i), fmt.Sprint("data ", i)))
	}
	snap := snapshotOf(t, r, git, entries...)
	before := r.Stats().BlobFetches
	for i := range 100 {
		read(t, snap, fmt.Sprintf("apps/%d/cm.yaml", i))
	}
	if n := r.Stats().BlobFetches - before; n != 1 {
		t.Errorf("100 folders of a small repository took %d fetches, want 1", n)
	}
}

func TestManyReadersOfOneTree(t *testing.T) {
	git := server(t)
	r := store(t, Config{}).run(t)
	var entries []gitserver.Entry
	for i := range 100 {
		entries = append(entries, file(fmt.Sprintf("d%d/f", i%7)+fmt.Sprint(i), strings.Repeat(fmt.Sprint(i), 1000)))
	}
	snap := snapshotOf(t, r, git, entries...)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				name := fmt.Sprintf("d%d/f", i%7) + fmt.Sprint(i)
				data, err := snap.Tree.ReadFile(name)
				if err != nil || string(data) != strings.Repeat(fmt.Sprint(i), 1000) {
					t.Errorf("%s: %d bytes, %v", name, len(data), err)
				}
			}
		})
	}
	wg.Wait()
}

func TestHash(t *testing.T) {
	git := server(t)
	r := store(t, Config{}).run(t)
	first := snapshotOf(t, r, git,
		file("base/a", "1"), file("plain/b", "1"), file("else/c", "1"),
		file("linked/d", "1"), link("linked/a", "../base/a"),
		file("deep/x/y/d", "1"), link("deep/x/y/a", "../../z"), file("deep/z", "1"))
	hashes := func(s *model.Snapshot) map[string]string {
		out := map[string]string{}
		for _, name := range []string{".", "base", "plain", "plain/b", "linked", "linked/a", "deep/x", "deep", "base/a"} {
			h, err := s.Tree.Hash(name)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = h
		}
		return out
	}
	changed := func(entries ...gitserver.Entry) []string {
		before := hashes(r.good(t, "app"))
		after := hashes(snapshotOf(t, r, git, entries...))
		var out []string
		for _, name := range []string{".", "base", "base/a", "deep", "deep/x", "linked", "linked/a", "plain", "plain/b"} {
			if before[name] != after[name] {
				out = append(out, name)
			}
		}
		return out
	}
	hashes(first)
	for _, c := range []struct {
		reason string
		change gitserver.Entry
		want   []string
	}{
		{"only the root holds else; linked depends on all that is around its link", file("else/c", "2"), []string{".", "linked"}},
		{"what a link leads to changed", file("base/a", "2"), []string{".", "base", "base/a", "linked", "linked/a"}},
		{"a link that stays in deep", file("deep/z", "2"), []string{".", "deep", "deep/x", "linked"}},
		{"the mode counts", gitserver.Entry{Path: "plain/b", Mode: gitserver.ModeExecutable, Data: "1"}, []string{".", "linked", "plain", "plain/b"}},
		{"nothing changed", file("plain/b2", "1"), []string{".", "linked", "plain"}},
	} {
		if diff := cmp.Diff(c.want, changed(c.change)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
	}
	if _, err := first.Tree.Hash("nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("hash of nothing: %v", err)
	}
}
