package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// fluxIgnore are the rules of a Flux source.
func fluxIgnore(rules string) *model.Ignore {
	return &model.Ignore{Rules: rules, Files: ".sourceignore", Defaults: "*.jpg\n.github/", Always: ".git/\n.gitignore"}
}

// all lists the files of a snapshot.
func all(t *testing.T, snap *model.Snapshot) string {
	t.Helper()
	var out []string
	err := fs.WalkDir(snap.Tree, ".", func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func rootHash(t *testing.T, snap *model.Snapshot) string {
	t.Helper()
	h, err := snap.Tree.Hash(".")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestIgnoredFilesChangeNothing(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"app/a.yaml": text("a"), "app/b.jpg": text("b"), ".github/ci.yaml": text("ci"), "doc/x.md": text("x")})
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app"), Ignore: fluxIgnore("")})
	r.Set("rules", model.Source{URL: git.URL("app"), Ignore: fluxIgnore("/doc/\n*.jpg")})
	r.Set("raw", model.Source{URL: git.URL("app")})
	snaps := map[model.SourceKey]*model.Snapshot{}
	for key, want := range map[model.SourceKey]string{
		"app": "app/a.yaml doc/x.md", "rules": ".github/ci.yaml app/a.yaml", "raw": ".github/ci.yaml app/a.yaml app/b.jpg doc/x.md",
	} {
		snaps[key] = r.good(t, key)
		if diff := cmp.Diff(want, all(t, snaps[key])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	if _, err := snaps["app"].Tree.ReadFile("app/b.jpg"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an ignored file: %v", err)
	}
	commit(t, git, "main", map[string]*string{"app/b.jpg": text("c"), "app/new.jpg": text("n"), ".github/more/x": text("x")})
	for key, changes := range map[model.SourceKey]bool{"app": false, "rules": true, "raw": true} {
		snap := r.good(t, key)
		if snap.Revision == snaps[key].Revision {
			t.Errorf("%s: the new commit is not seen", key)
		}
		if changed := rootHash(t, snap) != rootHash(t, snaps[key]); changed != changes {
			t.Errorf("%s: the hash changed: %v, want %v", key, changed, changes)
		}
	}
	commit(t, git, "main", map[string]*string{".sourceignore": text("/doc\n"), "app/.sourceignore": text("*.yaml\n!keep.yaml"), "app/keep.yaml": text("k")})
	if got, want := all(t, r.good(t, "app")), ".github/ci.yaml .github/more/x .sourceignore app/.sourceignore app/b.jpg app/keep.yaml app/new.jpg"; got != want {
		t.Errorf("with files of rules: %s, want %s", got, want)
	}
}

func TestInclude(t *testing.T) {
	git := server(t)
	if err := git.Create(t.Context(), "lib"); err != nil {
		t.Fatal(err)
	}
	lib := func(files map[string]*string) string {
		t.Helper()
		id, err := git.Commit(t.Context(), "lib", "main", "lib", files)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	commit(t, git, "main", map[string]*string{"a.yaml": text("a")})
	r := store(t, Config{}).run(t)
	src := model.Source{URL: git.URL("app"), Git: model.Git{Include: []model.Include{{Source: "lib", From: "base", To: "./shared/base"}}}}
	r.Set("app", src)
	if st := r.bad(t, "app", model.ErrIncludeUnavailable); st.Snapshot != nil || !strings.Contains(st.Err.Error(), "lib") {
		t.Errorf("without the other source: %+v", st)
	}
	r.Set("lib", model.Source{URL: git.URL("lib")})
	r.bad(t, "lib", model.ErrNotFound)
	if st := r.bad(t, "app", model.ErrIncludeUnavailable); !strings.Contains(st.Err.Error(), "empty") {
		t.Errorf("the cause is not named: %v", st.Err)
	}
	lib(map[string]*string{"base/b.yaml": text("1"), "other": text("o")})
	r.Refresh("lib", "now")
	until(t, "the included files", func() bool {
		st, _ := r.State("app")
		return st.Err == nil && st.Snapshot != nil
	})
	st, _ := r.State("app")
	first, hash := st.Snapshot, rootHash(t, st.Snapshot)
	if got := all(t, first); got != "a.yaml shared/base/b.yaml" || read(t, first, "shared/base/b.yaml") != "1" {
		t.Errorf("got %s", got)
	}
	// A change of the other one is a new snapshot of the same commit.
	lib(map[string]*string{"base/b.yaml": text("2")})
	calls := r.changes.of("app")
	r.Refresh("lib", "again")
	until(t, "the new included files", func() bool {
		st, _ := r.State("app")
		return st.Snapshot != first && st.Err == nil
	})
	st, _ = r.State("app")
	if st.Snapshot.Revision != first.Revision || read(t, st.Snapshot, "shared/base/b.yaml") != "2" || rootHash(t, st.Snapshot) == hash {
		t.Errorf("got %+v", st.Snapshot)
	}
	until(t, "the notice", func() bool { return r.changes.of("app") > calls })
	if read(t, first, "shared/base/b.yaml") != "1" {
		t.Error("the first snapshot changed")
	}
	// What is included has to be there, and has to have a place.
	for name, c := range map[string]struct {
		include model.Include
		kind    error
	}{
		"no folder": {model.Include{Source: "lib", From: "none", To: "x"}, model.ErrNotFound},
		"up":        {model.Include{Source: "lib", To: "../x"}, model.ErrInvalid},
		"taken":     {model.Include{Source: "lib", To: "a.yaml"}, model.ErrInvalid},
		"itself":    {model.Include{Source: "itself", To: "x"}, model.ErrInvalid},
	} {
		src.Git.Include = []model.Include{c.include}
		r.Set(model.SourceKey(name), src)
		r.bad(t, model.SourceKey(name), c.kind)
	}
	// It stays when the other one goes.
	r.Remove("lib")
	if st := r.bad(t, "app", model.ErrIncludeUnavailable); st.Snapshot == nil || read(t, st.Snapshot, "shared/base/b.yaml") != "2" {
		t.Errorf("the last good content is gone: %+v", st)
	}
}

func TestSparse(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"apps/a/f": text("a"), "apps/b/f": text("b"), "root": text("r")})
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app"), Git: model.Git{Sparse: []string{"./apps/a/"}}})
	first := r.good(t, "app")
	if got := all(t, first); got != "apps/a/f" {
		t.Errorf("got %s", got)
	}
	commit(t, git, "main", map[string]*string{"apps/b/f": text("c")})
	if next := r.good(t, "app"); next == first || rootHash(t, next) != rootHash(t, first) {
		t.Error("a file outside of the directories changes the hash")
	}
	r.Set("app", model.Source{URL: git.URL("app"), Git: model.Git{Sparse: []string{"apps/a", "apps/none"}}})
	if st := r.bad(t, "app", model.ErrNotFound); !strings.Contains(st.Err.Error(), `"apps/none"`) || st.Snapshot == nil {
		t.Errorf("a missing directory: %+v", st)
	}
	r.Set("up", model.Source{URL: git.URL("app"), Git: model.Git{Sparse: []string{"../../etc"}}})
	r.bad(t, "up", model.ErrInvalid)
}

// countObjects are the objects of a mirror by type.
func countObjects(t *testing.T, dir string) map[string]int {
	t.Helper()
	cmd := exec.Command("git", "--git-dir", dir, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(string(out)) {
		count[strings.TrimSpace(line)]++
	}
	return count
}

// A repository of 50,000 files costs what is read of it.
func TestMonorepoCostsWhatIsRead(t *testing.T) {
	git := server(t)
	var entries []gitserver.Entry
	for d := range 500 {
		for f := range 100 {
			entries = append(entries, file(fmt.Sprintf("apps/%03d/f%02d.yaml", d, f), fmt.Sprintf("%d %d\n%s", d, f, strings.Repeat("x", 200))))
		}
	}
	if _, err := git.CommitEntries(t.Context(), "app", "main", "many", entries); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := store(t, Config{Dir: dir}).run(t)
	sources := map[model.SourceKey]model.Source{
		"plain":  {URL: git.URL("app")},
		"flux":   {URL: git.URL("app"), Ignore: fluxIgnore("")},
		"sparse": {URL: git.URL("app"), Ignore: fluxIgnore(""), Git: model.Git{Sparse: []string{"apps/007"}}},
	}
	hashes := map[model.SourceKey]string{}
	look := func() {
		t.Helper()
		for key, src := range sources {
			r.Set(key, src)
			snap := r.good(t, key)
			if got := read(t, snap, "apps/007/f03.yaml"); !strings.HasPrefix(got, "7 3\n") {
				t.Errorf("%s: got %q", key, got)
			}
			h, err := snap.Tree.Hash("apps/007")
			if err != nil || hashes[key] != "" && h != hashes[key] {
				t.Errorf("%s: hash %s became %s, %v", key, hashes[key], h, err)
			}
			hashes[key] = h
		}
	}
	look()
	st, count := r.Stats(), countObjects(t, mirrorDir(t, dir))
	if st.Fetches != 1 || st.BlobFetches != 1 || count["commit"] != 1 || count["tree"] != 502 || count["blob"] != 100 {
		t.Errorf("one folder took %+v and has %v objects", st, count)
	}
	if hashes["plain"] != hashes["flux"] || hashes["plain"] != hashes["sparse"] {
		t.Errorf("nothing is hidden in the folder, but its hashes are %v", hashes)
	}
	commit(t, git, "main", map[string]*string{"apps/400/f00.yaml": text("new")})
	look()
	st, count = r.Stats(), countObjects(t, mirrorDir(t, dir))
	if st.Fetches != 2 || st.BlobFetches != 1 || count["commit"] != 2 || count["tree"] != 505 || count["blob"] != 100 {
		t.Errorf("a commit elsewhere took %+v and there are %v objects", st, count)
	}
	if n := r.Stats().Discards; n != 0 {
		t.Errorf("%d mirrors were discarded", n)
	}
}

// A failing source backs off, each with its own pauses, up to a bound.
func TestPauses(t *testing.T) {
	r := store(t, Config{Interval: time.Minute, Retry: 2 * time.Second})
	failed := model.As(model.ErrTransient, errors.New("down"))
	g := &group{subs: map[model.SourceKey]*subscription{"app": {src: model.Source{}}}}
	near := func(d, want time.Duration) bool { return d >= want*9/10 && d <= want*11/10 }
	for n, seconds := range []int{2, 4, 8, 16, 32, 60, 60, 60} {
		want := time.Duration(seconds) * time.Second
		if d := r.pause(g, failed); !near(d, want) {
			t.Errorf("pause %d is %v, want about %v", n, d, want)
		}
	}
	if d := r.pause(g, nil); !near(d, time.Minute) {
		t.Errorf("after a success the pause is %v", d)
	}
	if d := r.pause(g, failed); !near(d, 2*time.Second) {
		t.Errorf("the first pause of the next outage is %v", d)
	}
	// Wrong credentials are not tried often.
	if d := r.pause(g, model.As(model.ErrDenied, errors.New("no"))); !near(d, time.Minute) {
		t.Errorf("the pause after refused credentials is %v", d)
	}
	different := map[time.Duration]bool{}
	for range 50 {
		different[r.pause(g, nil)] = true
	}
	if len(different) < 10 {
		t.Errorf("50 pauses have only %d lengths", len(different))
	}
}
