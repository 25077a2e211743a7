package source

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// put commits entries to main of a repository, which is made if there is none.
func put(t *testing.T, git *gitserver.Server, repo string, entries ...gitserver.Entry) string {
	t.Helper()
	if err := git.Create(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	id, err := git.CommitEntries(t.Context(), repo, "main", "entries", entries)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// module are the entries of a submodule. There is one .gitmodules for all.
func module(path, commit string) gitserver.Entry {
	return gitserver.Entry{Path: path, Mode: gitserver.ModeSubmodule, Data: commit}
}

// modules is a .gitmodules of path and URL by turns.
func modules(pairs ...string) gitserver.Entry {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "[submodule %q]\n\tpath = %s\n\turl = %s\n", pairs[i], pairs[i], pairs[i+1])
	}
	return file(".gitmodules", b.String())
}

func TestSubmodules(t *testing.T) {
	git := server(t)
	key := sshKey(t, "")
	if err := git.StartSSH(key.public); err != nil {
		t.Fatal(err)
	}
	deep := put(t, git, "deep", file("d", "deep"))
	old := put(t, git, "libs/lib", file("x/f", "1"), modules("deep", "../../deep.git"), module("deep", deep), link("up", "../a"))
	put(t, git, "libs/lib", file("x/f", "2"))
	put(t, git, "app", file("a", "a"), modules("vendor/lib", "../libs/lib.git", "other", "./../deep.git"),
		module("vendor/lib", old), module("other", deep), link("into", "vendor/lib/x"))
	dir := t.TempDir()
	with := model.Git{Submodules: true}
	auth := model.Auth{SSHKey: key.pem, KnownHosts: git.KnownHosts()}
	sources := map[model.SourceKey]model.Source{
		"http": {URL: git.URL("app"), Git: with},
		"ssh":  {URL: git.SSHURL("app"), Auth: auth, Git: with},
	}
	want := ".gitmodules a into other/d vendor/lib/.gitmodules vendor/lib/deep/d vendor/lib/up vendor/lib/x/f"
	check := func(snap *model.Snapshot) {
		t.Helper()
		if diff := cmp.Diff(want, all(t, snap)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		for name, data := range map[string]string{"vendor/lib/x/f": "1", "vendor/lib/deep/d": "deep", "other/d": "deep", "into/f": "1"} {
			if got := read(t, snap, name); got != data {
				t.Errorf("%s is %q, want %q", name, got, data)
			}
		}
		if st, err := snap.Tree.Stat("vendor/lib"); err != nil || st.Mode() != fs.ModeDir|0o555 {
			t.Errorf("mode of a submodule: %v, %v", st, err)
		}
	}
	r := store(t, Config{Dir: dir}).run(t)
	snaps := map[model.SourceKey]*model.Snapshot{}
	for key, src := range sources {
		r.Set(key, src)
		before := r.Stats()
		snaps[key] = r.good(t, key)
		if n := r.Stats().Fetches - before.Fetches; n != 1 {
			t.Errorf("%s: a look took %d fetches, although no submodule was read", key, n)
		}
		check(snaps[key])
	}
	r.Set("off", model.Source{URL: git.URL("app")})
	off := r.good(t, "off")
	if got := all(t, off); got != ".gitmodules a into" {
		t.Errorf("without submodules: %s", got)
	}
	hash := func(snap *model.Snapshot, name string) string {
		t.Helper()
		h, err := snap.Tree.Hash(name)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	before := map[string]string{}
	for _, name := range []string{".", "vendor", "vendor/lib", "vendor/lib/deep", "other", "a"} {
		before[name] = hash(snaps["http"], name)
	}
	if before["."] == hash(off, ".") || before["vendor"] == hash(off, "vendor") || before["a"] != hash(off, "a") {
		t.Error("the hash does not tell whether submodules are read")
	}
	// A submodule that is moved changes the hashes around it, and no others.
	newer := put(t, git, "deep", file("d", "deeper"))
	put(t, git, "app", module("other", newer))
	snap := r.good(t, "http")
	var changed []string
	for _, name := range []string{".", "a", "other", "vendor", "vendor/lib", "vendor/lib/deep"} {
		if hash(snap, name) != before[name] {
			changed = append(changed, name)
		}
	}
	// vendor/lib has a link to what is beside it.
	if diff := cmp.Diff([]string{".", "other"}, changed); diff != "" {
		t.Errorf("changed hashes (-want +got):\n%s", diff)
	}
	if got := read(t, snap, "other/d"); got != "deeper" {
		t.Errorf("other/d is %q", got)
	}
	// All of it is there after a restart without a server.
	put(t, git, "app", module("other", deep))
	check(r.good(t, "http"))
	r.stop()
	git.Close()
	again := store(t, Config{Dir: dir}).run(t)
	again.Set("http", sources["http"])
	check(again.bad(t, "http", model.ErrTransient).Snapshot)
}

// Protocols and places that a submodule must not lead to.
func TestSubmodulesThatAreRefused(t *testing.T) {
	git := server(t)
	lib := put(t, git, "lib", file("f", "1"))
	ca := newAuthority(t)
	secure := tlsServer(t, git, &tls.Config{Certificates: []tls.Certificate{ca.pair(t)}})
	cases := map[string]struct {
		url    string // of the submodule
		secure bool   // the repository is read over https
		kind   error
	}{
		"good":                 {url: git.URL("lib")},
		"relative":             {url: "../lib"},
		"in quotes":            {url: `"../lib" # comment`},
		"https in http":        {url: secure + "lib"},
		"ext":                  {url: `"ext::sh -c touch% /tmp/fixpoint-pwned"`, kind: model.ErrInvalid},
		"a helper":             {url: "fd::17", kind: model.ErrInvalid},
		"a file":               {url: "file://" + git.Path("lib"), kind: model.ErrInvalid},
		"a path":               {url: git.Path("lib"), kind: model.ErrInvalid},
		"a relative path":      {url: "lib", kind: model.ErrInvalid},
		"an option":            {url: "--upload-pack=touch /tmp/fixpoint-pwned", kind: model.ErrInvalid},
		"a host as an option":  {url: "ssh://-oProxyCommand=touch%20x/lib", kind: model.ErrInvalid},
		"git's own protocol":   {url: "git://127.0.0.1/lib", kind: model.ErrInvalid},
		"above the host":       {url: "../../../../etc", kind: model.ErrInvalid},
		"dots in the middle":   {url: git.BaseURL() + "x/../../lib", kind: model.ErrInvalid},
		"metadata":             {url: "http://169.254.169.254/lib", kind: model.ErrDenied},
		"http in https":        {url: git.URL("lib"), secure: true, kind: model.ErrDenied},
		"SSH without a key":    {url: "ssh://git@127.0.0.1:1/lib", kind: model.ErrDenied},
		"no URL":               {url: "", kind: model.ErrInvalid},
		"no such repository":   {url: "../none", kind: model.ErrNotFound},
		"a line break in it":   {url: `"http://127.0.0.1:1/a\nb"`, kind: model.ErrTransient},
		"relative over https":  {url: "./../lib", secure: true, kind: model.ErrTransient},
		"control character":    {url: "http://127.0.0.1:1/a\x01b", kind: model.ErrInvalid},
		"a password in an scp": {url: "u:hunter2@host:lib", kind: model.ErrInvalid},
	}
	i := 0
	for name, c := range cases {
		i++
		repo := fmt.Sprint("case", i)
		put(t, git, repo, file("a", "a"), modules("sub", c.url), module("sub", lib))
		src := model.Source{URL: git.URL(repo), Git: model.Git{Submodules: true}}
		if c.secure {
			src.URL, src.Auth.CA = secure+repo, ca.pem
		}
		r := store(t, Config{}).run(t)
		r.Set("app", src)
		snap := r.good(t, "app")
		if got := read(t, snap, "a"); got != "a" {
			t.Errorf("%s: the file beside it is %q", name, got)
		}
		data, err := snap.Tree.ReadFile("sub/f")
		switch {
		case name == "relative over https":
			// The CA is used at the same host.
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case name == "https in http":
			// But nobody has said that this one is to be trusted.
			if err == nil {
				t.Errorf("%s: an unknown certificate was accepted", name)
			}
		case c.kind == nil:
			if err != nil || string(data) != "1" {
				t.Errorf("%s: %q, %v", name, data, err)
			}
		case !errors.Is(err, c.kind) || !strings.Contains(err.Error(), "sub") || strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: error %v, want %q", name, err, c.kind)
		}
		r.stop()
	}
}

// The credentials of a repository are used for its submodules at the same host,
// and nowhere else.
func TestSubmoduleCredentials(t *testing.T) {
	git := gitserver.New(t.TempDir())
	protect(git, "ann:secret")
	t.Cleanup(git.Close)
	if err := git.Start(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("Authorization"))
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(other.Close)
	lib := put(t, git, "lib", file("f", "private"))
	put(t, git, "app", modules("same", "../lib", "other", other.URL+"/lib"), module("same", lib), module("other", lib))
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app"), Auth: model.Auth{Username: "ann", Password: "secret"}, Git: model.Git{Submodules: true}})
	snap := r.good(t, "app")
	if data := read(t, snap, "same/f"); data != "private" {
		t.Errorf("same/f is %q", data)
	}
	if _, err := snap.Tree.ReadFile("other/f"); !errors.Is(err, model.ErrDenied) {
		t.Errorf("at another host: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) == 0 {
		t.Error("the other host was not asked")
	}
	for _, header := range got {
		if header != "" {
			t.Errorf("the other host got %q", header)
		}
	}
}

// A commit that is on disk for somebody else is not read by naming it as a
// submodule.
func TestSubmoduleIsNoWayIntoAPrivateRepository(t *testing.T) {
	git := gitserver.New(t.TempDir())
	git.Allow = func(repo, user, password string) bool { return repo != "private" || user+":"+password == "ann:secret" }
	t.Cleanup(git.Close)
	if err := git.Start(); err != nil {
		t.Fatal(err)
	}
	id := put(t, git, "private", file("f", "private"))
	put(t, git, "app", modules("sub", "../private"), module("sub", id))
	r := store(t, Config{}).run(t)
	r.Set("ann", model.Source{URL: git.URL("private"), Auth: model.Auth{Username: "ann", Password: "secret"}})
	read(t, r.good(t, "ann"), "f")
	r.Set("bob", model.Source{URL: git.URL("app"), Git: model.Git{Submodules: true}})
	if data, err := r.good(t, "bob").Tree.ReadFile("sub/f"); !errors.Is(err, model.ErrDenied) {
		t.Errorf("bob reads %q, %v", data, err)
	}
}

func TestSubmodulesNestOnlySoDeep(t *testing.T) {
	git := server(t)
	id := put(t, git, "nest", file("f", "0"))
	for range maxNested + 2 {
		id = put(t, git, "nest", modules("n", "../nest"), module("n", id))
	}
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("nest"), Git: model.Git{Submodules: true}})
	tree := r.good(t, "app").Tree
	if _, err := tree.ReadDir(strings.Repeat("n/", maxNested-1) + "n"); err != nil {
		t.Errorf("%d deep: %v", maxNested, err)
	}
	if _, err := tree.ReadFile(strings.Repeat("n/", maxNested+1) + "f"); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("deeper: %v", err)
	}
}

func TestParseModules(t *testing.T) {
	got := parseModules(`# a comment
[core]
	path = x
	url = y
[submodule "a"]
	path = a/b
	url = "https://host/x y.git" ; comment
	branch = main
[Submodule "c"] # comment
	URL=../c
	PATH = "c\"d" 
[submodule "none"]
	path = none
[submodule "twice"]
	path = one
	path = two
	url = ./x#y
`)
	want := map[string]string{"a/b": "https://host/x y.git", `c"d`: "../c", "two": "./x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRelativeURL(t *testing.T) {
	for _, c := range [][3]string{
		{"https://host/org/app.git", "../lib.git", "https://host/org/lib.git"},
		{"https://host/org/app/", "../../other/lib", "https://host/other/lib"},
		{"https://host/org/app", "./lib", "https://host/org/app/lib"},
		{"https://host:8443/app", "../lib", "https://host:8443/lib"},
		{"git@host:org/app.git", "../lib.git", "git@host:org/lib.git"},
		{"git@host:app.git", "../lib.git", "git@host:lib.git"},
		{"ssh://git@host/~/app", "../lib", "ssh://git@host/~/lib"},
		{"https://host/app", "../../lib", ""},
		{"git@host:app", "../../lib", ""},
	} {
		r, _, err := parseURL(c[0], false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.relative(c[1])
		if got != c[2] || (err != nil) != (c[2] == "") {
			t.Errorf("%s of %s: %q, %v, want %q", c[1], c[0], got, err, c[2])
		}
	}
}

func FuzzModules(f *testing.F) {
	f.Add("[submodule \"a\"]\n\tpath = \"a\\\\\"b\n\turl = ../c # d\n", "../../x")
	f.Fuzz(func(t *testing.T, text, rel string) {
		for path, url := range parseModules(text) {
			if path == "" || url == "" {
				t.Errorf("%q: %q is at %q", text, url, path)
			}
		}
		r := remote{scheme: "https", host: "host", path: "/org/app"}
		to, err := r.relative(rel)
		if err == nil && !strings.HasPrefix(to, "https://host/") {
			t.Errorf("%q leads to %q", rel, to)
		}
	})
}
