package source

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestManyFoldersTakeFewFetches reads folder after folder of a large repository, as the
// apps of one do.
func TestManyFoldersTakeFewFetches(t *testing.T) {
	const n, most = maxWhole + 500, 8
	for name, path := range map[string]func(i int) string{
		"one after the other": func(i int) string { return fmt.Sprintf("apps/%04d", i) },
		"backwards":           func(i int) string { return fmt.Sprintf("apps/%04d", n-1-i) },
		"deep ones":           func(i int) string { return fmt.Sprintf("apps/%04d/deploy/prod", i) },
	} {
		t.Run(name, func(t *testing.T) {
			r, files := monorepo(t, t.TempDir(), n, path)
			before := r.Stats()
			for i := range n {
				if err := files.Prefetch(path(i)); err != nil {
					t.Fatal(err)
				}
			}
			if got := r.Stats().BlobFetches - before.BlobFetches; got > most {
				t.Errorf("%d folders took %d fetches, want at most %d", n, got, most)
			}
		})
	}
}

// TestFewFoldersTakeLittleAlong bounds what lies in the mirror and was never read.
func TestFewFoldersTakeLittleAlong(t *testing.T) {
	const n, read = maxWhole + 500, 6
	dir := t.TempDir()
	_, files := monorepo(t, dir, n, func(i int) string { return fmt.Sprintf("apps/%04d", i) })
	for i := range read {
		if err := files.Prefetch(fmt.Sprintf("apps/%04d", i*n/read)); err != nil {
			t.Fatal(err)
		}
		if got, most := countObjects(t, mirrorDir(t, dir))["blob"], 1+i+alongFactor*i; got > most {
			t.Errorf("after %d folders %d files were fetched, want at most %d", i+1, got, most)
		}
	}
}

// TestSecurityFoldersWithoutEnd: folders that hold each other many times, and no file, keep
// nobody who reads beside or above them.
func TestSecurityFoldersWithoutEnd(t *testing.T) {
	files := beside(t, func(git *gitserver.Server) string {
		inner := raw(t, git, "tree", "")
		for range 60 {
			inner = raw(t, git, "tree", folder("x", inner)+folder("y", inner))
		}
		return inner
	})
	for _, dir := range []string{"apps/0000", "c", "."} {
		if err := files.Prefetch(dir); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// TestSecurityOthersFilesFailNobody: a file that can't be fetched keeps no app from the
// folder beside it, more than once.
func TestSecurityOthersFilesFailNobody(t *testing.T) {
	files := beside(t, func(git *gitserver.Server) string {
		return raw(t, git, "tree", "100644 gone.yaml\x00"+strings.Repeat("\x01", 20))
	})
	if err := files.Prefetch("apps/0000"); err != nil {
		t.Fatal(err)
	}
	if first := files.Prefetch("c"); first == nil {
		t.Error("nothing was taken along: the test shows nothing")
	}
	if err := files.Prefetch("c"); err != nil {
		t.Errorf("the folder beside it: %v", err)
	}
}

// beside is a large repository with a folder "b" that is made by hand, next to "c".
func beside(t *testing.T, b func(*gitserver.Server) string) prefetcher {
	t.Helper()
	git := server(t)
	r := store(t, Config{}).run(t)
	entries := []gitserver.Entry{file("c/settings.yaml", "c")}
	for i := range maxWhole + 500 {
		entries = append(entries, file(fmt.Sprintf("apps/%04d/settings.yaml", i), fmt.Sprint("settings ", i)))
	}
	commit, err := git.CommitEntries(t.Context(), "app", "main", "entries", entries)
	if err != nil {
		t.Fatal(err)
	}
	text, root := stored(t, git, "commit", commit), stored(t, git, "tree", commit)
	at := strings.Index(root, "40000 c\x00")
	tree := raw(t, git, "tree", root[:at]+folder("b", b(git))+root[at:])
	_, rest, _ := strings.Cut(text, "\n")
	if err := git.SetRef(t.Context(), "app", "refs/heads/main", raw(t, git, "commit", "tree "+tree+"\n"+rest)); err != nil {
		t.Fatal(err)
	}
	r.Set("app", model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}})
	return r.good(t, "app").Tree.(prefetcher)
}

func folder(name, id string) string {
	bytes, _ := hex.DecodeString(id)
	return "40000 " + name + "\x00" + string(bytes)
}

func raw(t *testing.T, git *gitserver.Server, kind, data string) string {
	t.Helper()
	id, err := git.Write(t.Context(), "app", kind, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func stored(t *testing.T, git *gitserver.Server, kind, id string) string {
	t.Helper()
	data, err := git.Object(t.Context(), "app", kind, id)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

type prefetcher interface{ Prefetch(dir string) error }

// monorepo is a repository with n folders of a file each, and a store in dir that serves it.
func monorepo(t *testing.T, dir string, n int, path func(i int) string) (*running, prefetcher) {
	t.Helper()
	git := server(t)
	r := store(t, Config{Dir: dir}).run(t)
	entries := make([]gitserver.Entry, n)
	for i := range n {
		entries[i] = file(path(i)+"/settings.yaml", fmt.Sprint("settings ", i))
	}
	return r, snapshotOf(t, r, git, entries...).Tree.(prefetcher)
}
