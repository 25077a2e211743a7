package source

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestOnePollForAllSubscribers(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"f": text("1")})
	commit(t, git, "other", map[string]*string{"f": text("2")})
	r := store(t, Config{})
	for i := range 100 {
		ref := model.Ref{Branch: []string{"main", "other"}[i%2]}
		r.Set(model.SourceKey(fmt.Sprint(i)), model.Source{URL: git.URL("app"), Ref: ref})
	}
	r.run(t)
	until(t, "all subscriptions", func() bool {
		for i := range 100 {
			if st, _ := r.State(model.SourceKey(fmt.Sprint(i))); st.Snapshot == nil {
				return false
			}
		}
		return true
	})
	if st := r.Stats(); st.LsRemotes != 1 || st.Fetches != 1 || st.Subscriptions != 100 || st.Repositories != 1 {
		t.Errorf("100 subscriptions took %+v", st)
	}
	// Two requests to list (version and refs) and two to fetch.
	if n := git.Requests(); n > 4 {
		t.Errorf("100 subscriptions took %d requests", n)
	}
	if u, ok := r.Usage("0"); !ok || u != (Usage{Looks: 1}) {
		t.Errorf("the repository's use is %+v, %v: first contents are no news", u, ok)
	}
	a, _ := r.State("0")
	b, _ := r.State("2")
	if a.Snapshot != b.Snapshot {
		t.Error("two subscribers of one branch have two snapshots")
	}
	for i := range 100 { // who is told has the state at hand, and hears of it a moment later
		key := model.SourceKey(fmt.Sprint(i))
		until(t, "OnChange of "+string(key), func() bool { return r.changes.of(key) > 0 })
		if n := r.changes.of(key); n != 1 {
			t.Errorf("OnChange was called %d times for %d", n, i)
		}
	}
	r.good(t, "0")
	commit(t, git, "main", map[string]*string{"f": text("3")})
	r.good(t, "0")
	if u, _ := r.Usage("1"); u != (Usage{Looks: 3, Contents: 1}) {
		t.Errorf("after a look without news and one with, the repository's use is %+v", u)
	}
}

// TestFork: another revision is had with the same credentials, and costs the
// subscription that it comes from nothing.
func TestFork(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"f": text("1")})
	commit(t, git, "feature", map[string]*string{"f": text("2")})
	r := store(t, Config{}).run(t)
	if err := r.Fork("preview", "app", "feature"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("a fork of nothing: %v", err)
	}
	r.Set("app", model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}})
	before := r.good(t, "app")
	if err := r.Fork("preview", "app", "feature"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, r.good(t, "preview"), "f"); got != "2" {
		t.Errorf("the fork has %q", got)
	}
	r.Remove("preview")
	if after := r.good(t, "app"); after != before {
		t.Error("what was forked from has changed")
	}
}

func TestOutage(t *testing.T) {
	git := server(t)
	first := commit(t, git, "main", map[string]*string{"f": text("1")})
	r := store(t, Config{}).run(t)
	src := model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}}
	r.Set("app", src)
	read(t, r.good(t, "app"), "f")
	git.Stop()
	st := r.bad(t, "app", model.ErrTransient)
	if st.Snapshot == nil || st.Snapshot.Commit.ID != first {
		t.Fatalf("the last good snapshot is gone: %+v", st)
	}
	var since *Failure
	if !errors.As(st.Err, &since) || since.Since.IsZero() {
		t.Fatalf("error %v has no beginning", st.Err)
	}
	again := r.bad(t, "app", model.ErrTransient)
	var since2 *Failure
	if !errors.As(again.Err, &since2) || !since2.Since.Equal(since.Since) || again.Err.Error() != st.Err.Error() {
		t.Errorf("the error of one outage changes: %v (%v), then %v (%v)", st.Err, since.Since, again.Err, since2.Since)
	}
	second := commit(t, git, "main", map[string]*string{"f": text("2")})
	if err := git.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the recovery by itself", func() bool {
		st, _ := r.State("app")
		return st.Err == nil && st.Snapshot.Commit.ID == second
	})
}

func TestRestartWhileGitIsDown(t *testing.T) {
	git := server(t)
	dir := t.TempDir()
	id := commit(t, git, "main", map[string]*string{"d/f": text("1")})
	if err := git.Tag(t.Context(), "app", "v1.0.0", id, "release"); err != nil {
		t.Fatal(err)
	}
	sources := map[model.SourceKey]model.Source{
		"branch": {URL: git.URL("app"), Ref: model.Ref{Branch: "main"}},
		"head":   {URL: git.URL("app")},
		"semver": {URL: git.URL("app"), Ref: model.Ref{SemVer: "1.x"}},
	}
	r := store(t, Config{Dir: dir}).run(t)
	names := map[model.SourceKey]string{}
	for key, src := range sources {
		r.Set(key, src)
		snap := r.good(t, key)
		read(t, snap, "d/f")
		names[key] = snap.Ref
	}
	r.stop()
	git.Stop()

	r = store(t, Config{Dir: dir}).run(t)
	sources["unknown"] = model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "never seen"[:5]}}
	sources["suspended"] = model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}, Suspended: true}
	names["suspended"] = "main"
	for key, src := range sources {
		r.Set(key, src)
	}
	for key := range names {
		until(t, "the kept content of "+string(key), func() bool {
			st, _ := r.State(key)
			return st.Snapshot != nil
		})
		st, _ := r.State(key)
		if st.Snapshot.Commit.ID != id || st.Snapshot.Ref != names[key] || read(t, st.Snapshot, "d/f") != "1" {
			t.Errorf("%s: %+v", key, st.Snapshot)
		}
		var f *Failure
		if key != "suspended" && (!errors.As(st.Err, &f) || !f.Restored || !strings.Contains(st.Err.Error(), id)) {
			t.Errorf("%s: error %v does not say that old content is served", key, st.Err)
		}
	}
	if st := r.bad(t, "unknown", model.ErrTransient); st.Snapshot != nil {
		t.Errorf("a ref that was never fetched has content: %+v", st.Snapshot)
	}
	if err := git.Start(); err != nil {
		t.Fatal(err)
	}
	r.good(t, "branch")
	r.good(t, "head")
}

func TestSuspended(t *testing.T) {
	git := server(t)
	first := commit(t, git, "main", map[string]*string{"f": text("1")})
	r := store(t, Config{}).run(t)
	src := model.Source{URL: git.URL("app"), Interval: 1}
	r.Set("app", src)
	r.good(t, "app")
	src.Suspended = true
	r.Set("app", src)
	r.Set("witness", model.Source{URL: git.URL("app"), Interval: 1})
	second := commit(t, git, "main", map[string]*string{"f": text("2")})
	until(t, "the witness", func() bool {
		st, _ := r.State("witness")
		return st.Snapshot != nil && st.Snapshot.Commit.ID == second
	})
	if st, _ := r.State("app"); st.Snapshot == nil || st.Snapshot.Commit.ID != first {
		t.Errorf("a suspended source moved: %+v", st)
	}
	src.Suspended = false
	r.Set("app", src)
	if snap := r.good(t, "app"); snap.Commit.ID != second {
		t.Errorf("resumed at %s, want %s", snap.Commit.ID, second)
	}
}

// mirrorDir is the only mirror of a store.
func mirrorDir(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*.git"))
	if err != nil || len(found) != 1 {
		t.Fatalf("mirrors %v, %v", found, err)
	}
	return found[0]
}

func TestDamagedMirror(t *testing.T) {
	packs := func(t *testing.T, dir string) []string {
		found, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
		if err != nil || len(found) == 0 {
			t.Fatalf("packs %v, %v", found, err)
		}
		return found
	}
	cases := map[string]func(t *testing.T, dir string){
		"locks and half files of a kill": func(t *testing.T, dir string) {
			for _, name := range []string{"shallow.lock", "config.lock", "HEAD.lock", "packed-refs.lock", "objects/pack/tmp_pack_x"} {
				write(t, filepath.Join(dir, name), "half")
			}
			refs, err := filepath.Glob(filepath.Join(dir, "refs/fixpoint/public/*"))
			if err != nil || len(refs) == 0 {
				t.Fatalf("refs %v, %v", refs, err)
			}
			for _, ref := range refs {
				write(t, ref+"/n-6d61696e.lock", "")
			}
		},
		"no HEAD":      func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "HEAD")) },
		"empty config": func(t *testing.T, dir string) { write(t, filepath.Join(dir, "config"), "") },
		"bad shallow":  func(t *testing.T, dir string) { write(t, filepath.Join(dir, "shallow"), "nonsense\n") },
		"bad ref":      func(t *testing.T, dir string) { write(t, filepath.Join(dir, "refs/fixpoint/public/x"), "nonsense\n") },
		"packs are gone": func(t *testing.T, dir string) {
			for _, p := range packs(t, dir) {
				remove(t, p)
			}
		},
		"all is gone": func(t *testing.T, dir string) { remove(t, dir) },
		"packs are cut": func(t *testing.T, dir string) {
			for _, p := range packs(t, dir) {
				if err := errors.Join(os.Chmod(p, 0o600), os.Truncate(p, 20)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"packs are garbage": func(t *testing.T, dir string) {
			for _, p := range packs(t, dir) {
				if err := os.Chmod(p, 0o600); err != nil {
					t.Fatal(err)
				}
				write(t, p, strings.Repeat("garbage", 100))
			}
		},
	}
	for name, harm := range cases {
		for _, when := range []string{"before a start", "while running"} {
			t.Run(name+" "+when, func(t *testing.T) {
				git := server(t)
				commit(t, git, "main", map[string]*string{"d/f": text("1"), "d/unread": text("1")})
				dir := t.TempDir()
				src := model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}}
				r := store(t, Config{Dir: dir}).run(t)
				r.Set("app", src)
				read(t, r.good(t, "app"), "d/f")
				if when == "before a start" {
					r.stop()
					harm(t, mirrorDir(t, dir))
					r = store(t, Config{Dir: dir}).run(t)
					r.Set("app", src)
				} else {
					r.closeReaders()
					if strings.HasPrefix(name, "locks") {
						return // no other process leaves any
					}
					harm(t, mirrorDir(t, dir))
				}
				until(t, "the old content", func() bool {
					st := r.refresh(t, "app")
					if st.Err != nil {
						return false
					}
					data, err := st.Snapshot.Tree.ReadFile("d/f")
					return err == nil && string(data) == "1"
				})
				id := commit(t, git, "main", map[string]*string{"d/f": text("2")})
				until(t, "new content", func() bool {
					st := r.refresh(t, "app")
					if st.Err != nil || st.Snapshot.Commit.ID != id {
						return false
					}
					data, err := st.Snapshot.Tree.ReadFile("d/f")
					return err == nil && string(data) == "2"
				})
			})
		}
	}
}

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestOneStorePerFolder(t *testing.T) {
	dir := t.TempDir()
	first := store(t, Config{Dir: dir})
	if _, err := New(Config{Dir: dir}); err == nil {
		t.Fatal("a second store opened the folder")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := store(t, Config{Dir: dir})
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMirrorsServeWhatIsDown(t *testing.T) {
	git := server(t)
	id := commit(t, git, "main", map[string]*string{"f": text("1")})
	r := store(t, Config{Rewrites: []Rewrite{
		{"https://git.invalid/myorg/", "http://127.0.0.1:1/"}, // nobody listens
		{"https://git.invalid/myorg/", git.BaseURL()},
	}}).run(t)
	r.Set("app", model.Source{URL: "https://git.invalid/myorg/app"})
	snap := r.good(t, "app")
	if snap.Commit.ID != id || snap.URL != "https://git.invalid/myorg/app" || read(t, snap, "f") != "1" {
		t.Fatalf("got %+v", snap)
	}
	// The base that is down was asked once, not for each command.
	if n := r.Stats().Failures; n != 1 {
		t.Errorf("%d commands failed, want 1", n)
	}
	git.Stop()
	st := r.bad(t, "app", model.ErrTransient)
	if st.Snapshot == nil || !strings.Contains(st.Err.Error(), "git.invalid") || !strings.Contains(st.Err.Error(), "127.0.0.1:1/") {
		t.Errorf("the error has to name all bases: %v", st.Err)
	}
}

// A mirror that lags behind does not take an app back to an older commit.
func TestLaggingMirrorIsNotFollowed(t *testing.T) {
	main, lagging := server(t), server(t)
	old := commit(t, main, "main", map[string]*string{"f": text("1")})
	copyRepo(t, main, lagging)
	r := store(t, Config{Rewrites: []Rewrite{{main.BaseURL(), main.BaseURL()}, {main.BaseURL(), lagging.BaseURL()}}}).run(t)
	r.Set("app", model.Source{URL: main.URL("app")})
	if snap := r.good(t, "app"); snap.Commit.ID != old {
		t.Fatalf("got %s", snap.Commit.ID)
	}
	newer := commit(t, main, "main", map[string]*string{"f": text("2")})
	r.good(t, "app")
	main.Stop()
	if snap := r.good(t, "app"); snap.Commit.ID != newer {
		t.Errorf("went back to %s, want %s", snap.Commit.ID, newer)
	}
	newest := commit(t, lagging, "main", map[string]*string{"f": text("3")})
	if snap := r.good(t, "app"); snap.Commit.ID != newest {
		t.Errorf("got %s, want the new commit of the mirror %s", snap.Commit.ID, newest)
	}
}

// copyRepo copies all of "app" to another server.
func copyRepo(t *testing.T, from, to *gitserver.Server) {
	t.Helper()
	g := &git{program: "git", tmp: t.TempDir(), home: from.Path("app"), allowLocal: true}
	r, _, err := parseURL(to.URL("app"), false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.run(t.Context(), call{doing: "pushing to", gitDir: from.Path("app"), at: r, args: []string{"push", "--quiet", "origin", "refs/heads/*:refs/heads/*"}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLocalPath(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"f": text("1")})
	r := store(t, Config{AllowLocal: true}).run(t)
	r.Set("path", model.Source{URL: git.Path("app")})
	r.Set("url", model.Source{URL: "file://" + git.Path("app")})
	r.Set("none", model.Source{URL: "/nowhere/at/all"})
	if got := read(t, r.good(t, "path"), "f"); got != "1" {
		t.Errorf("f is %q", got)
	}
	if got := read(t, r.good(t, "url"), "f"); got != "1" {
		t.Errorf("f is %q", got)
	}
	r.bad(t, "none", model.ErrNotFound)
	strict := store(t, Config{}).run(t)
	strict.Set("path", model.Source{URL: git.Path("app")})
	strict.bad(t, "path", model.ErrInvalid)
}

// Servers that do not serve single commits, with and without filters.
func TestSimpleServer(t *testing.T) {
	for _, filter := range []string{"false", "true"} {
		t.Run("filter "+filter, func(t *testing.T) {
			git := server(t)
			id := commit(t, git, "main", map[string]*string{"f": text("1")})
			commit(t, git, "main", map[string]*string{"f": text("2")})
			old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("Git-Protocol") // so it speaks version 0
				git.ServeHTTP(w, r)
			}))
			t.Cleanup(old.Close)
			config := filepath.Join(git.Path("app"), "config")
			data, err := os.ReadFile(config)
			if err != nil {
				t.Fatal(err)
			}
			write(t, config, strings.NewReplacer("allowFilter = true", "allowFilter = "+filter, "allowAnySHA1InWant = true", "allowAnySHA1InWant = false").Replace(string(data)))
			r := store(t, Config{}).run(t)
			r.Set("head", model.Source{URL: old.URL + "/app"})
			if got := read(t, r.good(t, "head"), "f"); got != "2" {
				t.Errorf("f is %q", got)
			}
			r.Set("commit", model.Source{URL: old.URL + "/app", Ref: model.Ref{Commit: id}})
			if got := read(t, r.good(t, "commit"), "f"); got != "1" {
				t.Errorf("f at the first commit is %q", got)
			}
			third := commit(t, git, "main", map[string]*string{"f": text("3")})
			if snap := r.good(t, "head"); snap.Commit.ID != third || read(t, snap, "f") != "3" {
				t.Errorf("got %s", snap.Commit.ID)
			}
		})
	}
}

func TestSetAndRemove(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"f": text("1")})
	commit(t, git, "other", map[string]*string{"f": text("2")})
	r := store(t, Config{}).run(t)
	if _, ok := r.State("app"); ok {
		t.Fatal("a state without a subscription")
	}
	src := model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}}
	r.Set("app", src)
	snap := r.good(t, "app")
	looks := r.Stats().Looks
	r.Set("app", src)
	r.good(t, "app")
	if n := r.Stats().Looks - looks; n != 1 {
		t.Errorf("an equal source and a refresh took %d looks, want 1", n)
	}
	src.Ref.Branch = "other"
	r.Set("app", src)
	if st, _ := r.State("app"); st.Snapshot == snap {
		t.Error("the content of another branch is served")
	}
	until(t, "the other branch", func() bool {
		st, _ := r.State("app")
		return st.Snapshot != nil && st.Snapshot.Ref == "other"
	})
	r.Set("app", model.Source{URL: "-x"})
	if st, _ := r.State("app"); !errors.Is(st.Err, model.ErrInvalid) {
		t.Errorf("an invalid URL: %+v", st)
	}
	r.Remove("app")
	r.Remove("app")
	r.Refresh("app", "x")
	if _, ok := r.State("app"); ok {
		t.Error("a state after Remove")
	}
	if st := r.Stats(); st.Subscriptions != 0 || st.Repositories != 0 {
		t.Errorf("left over: %+v", st)
	}
	if got := read(t, snap, "f"); got != "1" {
		t.Errorf("a snapshot that was handed out reads %q", got)
	}
}

func TestMovedBackIsFollowed(t *testing.T) {
	git := server(t)
	first := commit(t, git, "main", map[string]*string{"f": text("1")})
	commit(t, git, "main", map[string]*string{"f": text("2")})
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app")})
	r.good(t, "app")
	if err := git.SetRef(t.Context(), "app", "refs/heads/main", first); err != nil {
		t.Fatal(err)
	}
	if snap := r.good(t, "app"); snap.Commit.ID != first || read(t, snap, "f") != "1" {
		t.Errorf("got %s, want %s", snap.Commit.ID, first)
	}
	if err := git.SetRef(t.Context(), "app", "refs/heads/main", ""); err != nil {
		t.Fatal(err)
	}
	if st := r.bad(t, "app", model.ErrNotFound); st.Snapshot == nil {
		t.Error("a deleted branch took the content away")
	}
}

func TestPacksAreJoined(t *testing.T) {
	git := server(t)
	dir := t.TempDir()
	r := store(t, Config{Dir: dir}).run(t)
	commit(t, git, "main", map[string]*string{"d/f": text("first"), "d/unread": text("u"), "e/unread": text("never fetched")})
	r.Set("app", model.Source{URL: git.URL("app")})
	first := r.good(t, "app")
	read(t, first, "d/f")
	for i := range maxPacks / 2 {
		commit(t, git, "main", map[string]*string{"d/f": text(fmt.Sprint(i))})
		if got := read(t, r.good(t, "app"), "d/f"); got != fmt.Sprint(i) {
			t.Fatalf("commit %d reads %q", i, got)
		}
	}
	packs, err := filepath.Glob(filepath.Join(mirrorDir(t, dir), "objects/pack/*.pack"))
	if err != nil || len(packs) > 10 {
		t.Errorf("%d packs, %v", len(packs), err)
	}
	r.closeReaders()
	if got := read(t, first, "d/f"); got != "first" {
		t.Errorf("the first snapshot reads %q", got)
	}
	if got := read(t, first, "e/unread"); got != "never fetched" {
		t.Errorf("a file that was not fetched before reads %q", got)
	}
	if n := r.Stats().Discards; n != 0 {
		t.Errorf("%d mirrors were discarded", n)
	}
}
