package source

import (
	"fmt"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
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
