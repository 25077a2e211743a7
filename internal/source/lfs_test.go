package source

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// large stores a file for LFS and returns the entry of its pointer.
func large(t *testing.T, git *gitserver.Server, repo, path, data string) gitserver.Entry {
	t.Helper()
	if err := git.Create(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	pointer, err := git.PutLarge(t.Context(), repo, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return file(path, pointer)
}

var withLFS = model.Git{LFS: true}

func TestLFS(t *testing.T) {
	git := gitserver.New(t.TempDir())
	var mu sync.Mutex
	users, asked := map[string]bool{"ann": true}, false
	git.Allow = func(_, user, _ string) bool {
		mu.Lock()
		defer mu.Unlock()
		asked = asked || user == "bob" && !users["bob"]
		return users[user]
	}
	allowBob := func(yes bool) {
		mu.Lock()
		defer mu.Unlock()
		users["bob"] = yes
	}
	t.Cleanup(git.Close)
	key := sshKey(t, "")
	if err := errors.Join(git.Start(), git.StartSSH(key.public)); err != nil {
		t.Fatal(err)
	}
	big := large(t, git, "app", "d/big.yaml", strings.Repeat("big: data\n", 1000))
	put(t, git, "app", big, file("small.yaml", "small"))
	auth := model.Auth{Username: "ann", Password: "secret"}
	dir := t.TempDir()
	r := store(t, Config{Dir: dir}).run(t)
	sources := map[model.SourceKey]model.Source{
		"http": {URL: git.URL("app"), Auth: auth, Git: withLFS},
		"ssh":  {URL: git.SSHURL("app"), Auth: model.Auth{SSHKey: key.pem, KnownHosts: git.KnownHosts()}, Git: withLFS},
	}
	hashes := map[string]bool{}
	for key, src := range sources {
		r.Set(key, src)
		before := r.Stats().Large
		snap := r.good(t, key)
		for range 3 {
			if got := read(t, snap, "d/big.yaml"); got != strings.Repeat("big: data\n", 1000) {
				t.Errorf("%s: %d bytes", key, len(got))
			}
		}
		if n := r.Stats().Large - before; n != 1 {
			t.Errorf("%s: reading three times took %d downloads", key, n)
		}
		if got := read(t, snap, "small.yaml"); got != "small" {
			t.Errorf("%s: small.yaml is %q", key, got)
		}
		if st, err := snap.Tree.Stat("d/big.yaml"); err != nil || st.Size() != 10000 {
			t.Errorf("%s: %v, %v", key, st, err)
		}
		h, err := snap.Tree.Hash("d")
		if err != nil {
			t.Fatal(err)
		}
		hashes[h] = true
	}
	// Without LFS the pointer is what it is.
	r.Set("off", model.Source{URL: git.URL("app"), Auth: auth})
	off := r.good(t, "off")
	if got := read(t, off, "d/big.yaml"); got != big.Data {
		t.Errorf("without LFS: %q", got)
	}
	if h, err := off.Tree.Hash("d"); err != nil || hashes[h] || len(hashes) != 1 {
		t.Errorf("hashes with %v and without %s, %v", hashes, h, err)
	}
	// Others can't have it from our disk.
	allowBob(true)
	r.Set("bob", model.Source{URL: git.URL("app"), Auth: model.Auth{Username: "bob"}, Git: withLFS})
	snap := r.good(t, "bob")
	read(t, snap, "small.yaml")
	allowBob(false)
	if data, err := snap.Tree.ReadFile("d/big.yaml"); !errors.Is(err, model.ErrDenied) {
		t.Errorf("bob reads %d bytes, %v", len(data), err)
	}
	mu.Lock()
	if !asked {
		t.Error("nobody was asked about bob")
	}
	mu.Unlock()
	// What was read is there after a restart without a server; damage is seen.
	r.stop()
	git.Close()
	again := store(t, Config{Dir: dir}).run(t)
	again.Set("http", sources["http"])
	snap = again.bad(t, "http", model.ErrTransient).Snapshot
	if got := read(t, snap, "d/big.yaml"); len(got) != 10000 {
		t.Errorf("after a restart: %d bytes", len(got))
	}
	kept, err := filepath.Glob(filepath.Join(dir, "*.git/lfs/*/*"))
	if err != nil || len(kept) != 2 {
		t.Fatalf("files %v, %v", kept, err)
	}
	for _, path := range kept {
		if err := os.WriteFile(path, []byte(strings.Repeat("evil data\n", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := snap.Tree.ReadFile("d/big.yaml"); !errors.Is(err, model.ErrTransient) {
		t.Errorf("a damaged file reads %.20q, %v", data, err)
	}
}

func TestLFSLimits(t *testing.T) {
	git := server(t)
	put(t, git, "app", large(t, git, "app", "big", strings.Repeat("x", 5000)), file("missing", strings.Replace(large(t, git, "app", "", "y").Data, "sha256:", "sha256:0", 1)))
	gone := large(t, git, "app", "gone", "gone")
	put(t, git, "app", gone)
	if err := os.RemoveAll(filepath.Join(git.Path("app"), "lfs", hex.EncodeToString(sumOf("gone")))); err != nil {
		t.Fatal(err)
	}
	r := store(t, Config{MaxFile: 4000}).run(t)
	r.Set("app", model.Source{URL: git.URL("app"), Git: withLFS})
	snap := r.good(t, "app")
	if _, err := snap.Tree.ReadFile("big"); err == nil || !strings.Contains(err.Error(), "5000 bytes") {
		t.Errorf("too large: %v", err)
	}
	if n := r.Stats().Large; n != 0 {
		t.Errorf("%d downloads of a file that is too large", n)
	}
	if _, err := snap.Tree.ReadFile("gone"); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("an object that is gone: %v", err)
	}
}

func sumOf(data string) []byte {
	sum := sha256.Sum256([]byte(data))
	return sum[:]
}

// A server that answers what it wants: nothing that it says brings credentials
// elsewhere, or content that the repository does not name.
func TestLFSServersThatLie(t *testing.T) {
	const data = "the content"
	var mu sync.Mutex
	got := map[string][]string{} // authorization headers by place
	note := func(place string, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[place] = append(got[place], r.Header.Get("Authorization")+r.Header.Get("X-Token"))
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note("other", r)
		fmt.Fprint(w, data)
	}))
	t.Cleanup(other.Close)
	git := gitserver.New(t.TempDir())
	protect(git, "ann:secret")
	t.Cleanup(git.Close)
	if err := git.Start(); err != nil {
		t.Fatal(err)
	}
	entry := large(t, git, "app", "f", data)
	put(t, git, "app", entry)
	header := map[string]string{"X-Token": "t"}
	href, status := "", 0
	answer := func(h string, code int) {
		mu.Lock()
		defer mu.Unlock()
		clear(got)
		if href, status = h, code; code == 0 {
			status = http.StatusOK
		}
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		href, status := href, status
		mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/objects/batch"):
			note("batch", r)
			if status != http.StatusOK {
				w.Header().Set("Location", other.URL+r.URL.Path)
				w.WriteHeader(status)
				return
			}
			w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
			_ = json.NewEncoder(w).Encode(map[string]any{"objects": []any{map[string]any{
				"oid": hex.EncodeToString(sumOf(data)), "size": len(data),
				"actions": map[string]any{"download": map[string]any{"href": href, "header": header}},
			}}})
		case r.URL.Path == "/good":
			note("own", r)
			fmt.Fprint(w, data)
		case r.URL.Path == "/wrong":
			fmt.Fprint(w, strings.ToUpper(data))
		case r.URL.Path == "/long":
			fmt.Fprint(w, strings.Repeat(data, 1000))
		case r.URL.Path == "/moved":
			http.Redirect(w, r, other.URL+"/x", http.StatusFound)
		default:
			git.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	cases := map[string]struct {
		href   string
		status int
		kind   error
	}{
		"own host":       {href: front.URL + "/good"},
		"another host":   {href: other.URL + "/x"},
		"moved":          {href: front.URL + "/moved"},
		"other content":  {href: front.URL + "/wrong", kind: model.ErrTransient},
		"more content":   {href: front.URL + "/long", kind: model.ErrTransient},
		"a file":         {href: "file:///etc/passwd", kind: model.ErrDenied},
		"metadata":       {href: "http://169.254.169.254/x", kind: model.ErrDenied},
		"credentials":    {href: "http://u:p@127.0.0.1/x", kind: model.ErrDenied},
		"batch is moved": {status: http.StatusTemporaryRedirect, kind: model.ErrInvalid},
		"unauthorised":   {status: http.StatusUnauthorized, kind: model.ErrDenied},
		"broken":         {status: http.StatusBadGateway, kind: model.ErrTransient},
	}
	for name, c := range cases {
		answer(c.href, c.status)
		r := store(t, Config{}).run(t)
		r.Set("app", model.Source{URL: front.URL + "/app", Auth: model.Auth{Username: "ann", Password: "secret"}, Git: withLFS})
		text, err := r.good(t, "app").Tree.ReadFile("f")
		if c.kind == nil && (err != nil || string(text) != data) || c.kind != nil && !errors.Is(err, c.kind) {
			t.Errorf("%s: %q, %v, want %v", name, text, err, c.kind)
		}
		mu.Lock()
		for _, h := range got["other"] {
			if strings.Contains(h, "Basic") || name == "moved" && h != "" || name == "another host" && h != "t" {
				t.Errorf("%s: the other host got %q", name, h)
			}
		}
		if len(got["batch"]) == 0 || !strings.HasPrefix(got["batch"][0], "Basic ") {
			t.Errorf("%s: the server got %q", name, got["batch"])
		}
		mu.Unlock()
		r.stop()
	}
	// The repository itself must not choose the server.
	for config, ok := range map[string]bool{
		"[lfs]\n\turl = " + other.URL + "/lfs": false, "[lfs]\nurl = \"http://169.254.169.254/\"": false, "[lfs]\n\turl = file:///etc": false,
		"[lfs]\n\turl = " + front.URL + "/elsewhere/info/lfs # here": true, "[other]\n\turl = " + other.URL: true,
	} {
		put(t, git, "app", file(".lfsconfig", config))
		answer(front.URL+"/good", 0)
		r := store(t, Config{}).run(t)
		r.Set("app", model.Source{URL: front.URL + "/app", Auth: model.Auth{Username: "ann", Password: "secret"}, Git: withLFS})
		if _, err := r.good(t, "app").Tree.ReadFile("f"); (err == nil) != ok || err != nil && !errors.Is(err, model.ErrDenied) {
			t.Errorf("%q: %v", config, err)
		}
		r.stop()
	}
}

// The files of a submodule are its own server's.
func TestLFSInSubmodule(t *testing.T) {
	git := server(t)
	id := put(t, git, "lib", large(t, git, "lib", "f", "of the submodule"))
	put(t, git, "app", modules("sub", "../lib"), module("sub", id), large(t, git, "app", "g", "of the app"))
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app"), Git: model.Git{LFS: true, Submodules: true}, Ignore: fluxIgnore("")})
	snap := r.good(t, "app")
	if a, b := read(t, snap, "sub/f"), read(t, snap, "g"); a != "of the submodule" || b != "of the app" {
		t.Errorf("got %q and %q", a, b)
	}
}
