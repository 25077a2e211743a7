package bucket

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/s3test"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

// servers are those that the tests share; building and starting one takes long.
var servers struct{ plain, tls *s3test.Server }

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Fprintln(os.Stderr, "the tests of buckets need an S3 server, which -short does not build")
		return
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "s3test-")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			err = start(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer servers.plain.Close()
		defer servers.tls.Close()
		return m.Run()
	}())
}

func start(dir string) (err error) {
	ctx := context.Background()
	for _, name := range []string{"plain", "tls"} {
		if err := os.Mkdir(dir+"/"+name, 0o700); err != nil {
			return err
		}
	}
	if servers.plain, err = s3test.Start(ctx, s3test.Options{Dir: dir + "/plain"}); err != nil {
		return err
	}
	servers.tls, err = s3test.Start(ctx, s3test.Options{Dir: dir + "/tls", TLS: true})
	return err
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// bucket makes one on the server without TLS.
func bucket(t *testing.T, name string, files map[string]string) *s3test.Server {
	t.Helper()
	s := servers.plain
	must[struct{}](t)(struct{}{}, s.Bucket(t.Context(), name, false))
	put(t, s, name, files)
	t.Cleanup(func() { s.Before(nil) })
	return s
}

func put(t *testing.T, s *s3test.Server, name string, files map[string]string) {
	t.Helper()
	for key, data := range files {
		must[struct{}](t)(struct{}{}, s.Put(t.Context(), name, key, []byte(data)))
	}
}

func source(s *s3test.Server, name string) model.Source {
	return model.Source{
		Kind: model.SourceBucket, URL: s.Host, Bucket: model.Bucket{Name: name, Insecure: s.CA == "", Region: "us-east-1"},
		Auth: model.Auth{AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey, CA: s.CA},
	}
}

type puller struct {
	*Puller
	requests atomic.Int64
}

func open(t *testing.T, src model.Source, limits archive.Limits) *puller {
	t.Helper()
	p := &puller{}
	room := must[*archive.Room](t)(archive.OpenRoom(t.TempDir(), limits))
	p.Puller = must[*Puller](t)(New(src, fetch.Settings{Auth: src.Auth, Proxy: src.Proxy, Requests: &p.requests}, room))
	return p
}

func (p *puller) pull(ctx context.Context, have *fetch.Got) (*fetch.Got, error) {
	out, err := p.Pull(ctx, map[fetch.Want]*fetch.Got{{}: have})
	if r, ok := out[fetch.Want{}]; ok {
		return r.Got, r.Err
	}
	return nil, err
}

func (p *puller) good(t *testing.T, have *fetch.Got) *fetch.Got {
	t.Helper()
	return must[*fetch.Got](t)(p.pull(t.Context(), have))
}

func (p *puller) bad(t *testing.T, kind error, text string) string {
	t.Helper()
	_, err := p.pull(t.Context(), nil)
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), text) {
		t.Fatalf("got %v, want an error of the kind %q with %q", err, kind, text)
	}
	return err.Error()
}

func check(t *testing.T, tree *archive.Tree, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := tree.ReadFile(name)
		got[name] = string(data)
		return err
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// TestBucket: what is there, what changes, and what that costs.
func TestBucket(t *testing.T) {
	files := map[string]string{"a.yaml": "a", "dir/b.yaml": "b", "dir/deep/c.yaml": "c", "empty": "", "größe & more+.yaml": "x"}
	s := bucket(t, "changes", files)
	must[struct{}](t)(struct{}{}, s.Put(t.Context(), "changes", "folder/", nil))
	p := open(t, source(s, "changes"), archive.Limits{})
	first := p.good(t, nil)
	check(t, first.Tree, files)
	if n := p.requests.Load(); n != 6 {
		t.Errorf("the first look took %d requests, want a list and one for each of 5 objects", n)
	}
	var lines []string
	for key, etag := range first.Marks {
		lines = append(lines, key+" "+etag+"\n")
	}
	slices.Sort(lines)
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(strings.Join(lines, "")))); first.Revision != want || first.Digest != want {
		t.Errorf("revision %s, digest %s, want %s", first.Revision, first.Digest, want)
	}

	look := func(have *fetch.Got, requests int64) *fetch.Got {
		t.Helper()
		before := p.requests.Load()
		got := p.good(t, have)
		if n := p.requests.Load() - before; n != requests {
			t.Errorf("%d requests, want %d", n, requests)
		}
		return got
	}
	if again := look(first, 1); again != first {
		t.Error("an unchanged bucket gave another result")
	}
	put(t, s, "changes", map[string]string{"dir/b.yaml": "B", "new": "n"})
	must[struct{}](t)(struct{}{}, s.Delete(t.Context(), "changes", "empty"))
	second := look(first, 3)
	files["dir/b.yaml"], files["new"] = "B", "n"
	delete(files, "empty")
	check(t, second.Tree, files)
	if first.Revision == second.Revision {
		t.Error("another content has the same revision")
	}
	// As after a restart: only the marks and the tree are known.
	kept := &fetch.Got{Revision: second.Revision, Marks: maps.Clone(second.Marks), Tree: must[*archive.Tree](t)(p.room.Open(second.Tree.ID()))}
	if again := look(kept, 1); again != kept {
		t.Error("an unchanged bucket gave another result after a restart")
	}
}

func TestPrefix(t *testing.T) {
	s := bucket(t, "prefixes", map[string]string{"one/a": "1", "one/b": "2", "two/a": "3", "onemore": "4"})
	src := source(s, "prefixes")
	src.Bucket.Prefix = "one/"
	check(t, open(t, src, archive.Limits{}).good(t, nil).Tree, map[string]string{"one/a": "1", "one/b": "2"})
	src.Bucket.Prefix = "none/"
	check(t, open(t, src, archive.Limits{}).good(t, nil).Tree, map[string]string{})
}

func TestIgnored(t *testing.T) {
	s := bucket(t, "ignored", map[string]string{
		".sourceignore": "*.md\n/big/\n", "a.yaml": "a", "README.md": "r", "big/one": "1", "dir/x.tmp": "t", "dir/y.yaml": "y",
	})
	src := source(s, "ignored")
	all := open(t, src, archive.Limits{}).good(t, nil)
	src.Ignore = &model.Ignore{Files: ".sourceignore", Rules: "*.tmp\n"}
	p := open(t, src, archive.Limits{})
	got := p.good(t, nil)
	check(t, got.Tree, map[string]string{".sourceignore": "*.md\n/big/\n", "a.yaml": "a", "dir/y.yaml": "y"})
	if n := p.requests.Load(); n != 5 || got.Revision == all.Revision {
		t.Errorf("%d requests, want a list, the rules twice, and two objects", n)
	}
	if again := p.good(t, got); again != got || p.requests.Load() != 6 {
		t.Errorf("%d requests for what has not changed", p.requests.Load()-5)
	}
	put(t, s, "ignored", map[string]string{"README.md": "changed", "big/two": "2"})
	if again := p.good(t, got); again != got {
		t.Error("what is ignored made another result")
	}
	put(t, s, "ignored", map[string]string{".sourceignore": "*.md\n# a comment\n/big/\n"})
	if again := p.good(t, got); again == got || again.Revision != got.Revision {
		t.Error("other rules that leave out the same: another content, and the same revision")
	}

	src.Bucket.Prefix = "dir/"
	put(t, s, "ignored", map[string]string{".sourceignore": "y.yaml\n"})
	p = open(t, src, archive.Limits{})
	got = p.good(t, nil)
	check(t, got.Tree, map[string]string{".sourceignore": "y.yaml\n"})
	if again := p.good(t, got); again != got {
		t.Error("an unchanged bucket gave another result")
	}
}

func TestLogin(t *testing.T) {
	s := servers.tls
	must[struct{}](t)(struct{}{}, s.Bucket(t.Context(), "private", false))
	must[struct{}](t)(struct{}{}, s.Bucket(t.Context(), "public", true))
	put(t, s, "private", map[string]string{"a": "1"})
	put(t, s, "public", map[string]string{"a": "1"})
	open(t, source(s, "private"), archive.Limits{}).good(t, nil)

	src := source(s, "public")
	src.Auth = model.Auth{CA: s.CA}
	s.Requests()
	open(t, src, archive.Limits{}).good(t, nil)
	for _, r := range s.Requests() {
		if r.Signed {
			t.Errorf("an anonymous request was signed: %+v", r)
		}
	}
	src.Bucket.Name = "private"
	open(t, src, archive.Limits{}).bad(t, model.ErrDenied, "no access key is configured")

	src = source(s, "private")
	src.Auth.SecretKey = "my-wrong-secret"
	if text := open(t, src, archive.Limits{}).bad(t, model.ErrDenied, "403"); strings.Contains(text, "my-wrong-secret") {
		t.Errorf("the error shows a key: %s", text)
	}
	src = source(s, "nothing-here")
	open(t, src, archive.Limits{}).bad(t, model.ErrNotFound, "404")
	src = source(s, "private")
	src.Auth.CA = ""
	open(t, src, archive.Limits{}).bad(t, model.ErrTransient, "add the CA")
	src.Auth.Insecure = true
	open(t, src, archive.Limits{}).good(t, nil)
	src.Bucket.Region = ""
	open(t, src, archive.Limits{}).good(t, nil)
}

func TestSettings(t *testing.T) {
	room := must[*archive.Room](t)(archive.OpenRoom(t.TempDir(), archive.Limits{}))
	for name, tt := range map[string]struct {
		change func(*model.Source)
		want   string
	}{
		"azure":         {func(s *model.Source) { s.Bucket.Provider = "azure" }, "Azure"},
		"other":         {func(s *model.Source) { s.Bucket.Provider = "x" }, "not known"},
		"no name":       {func(s *model.Source) { s.Bucket.Name = "" }, "name of the bucket"},
		"path":          {func(s *model.Source) { s.URL = "https://s3.example.com/bucket" }, "no path"},
		"not insecure":  {func(s *model.Source) { s.URL = "http://s3.example.com" }, "no TLS"},
		"other scheme":  {func(s *model.Source) { s.URL = "ftp://s3.example.com" }, "endpoint"},
		"no host":       {func(s *model.Source) { s.URL = "https://" }, "endpoint"},
		"verification":  {func(s *model.Source) { s.Verify = &model.Verify{Provenance: true} }, "signatures"},
		"bad CA":        {func(s *model.Source) { s.Auth.CA = "x" }, "no certificate"},
		"bad proxy":     {func(s *model.Source) { s.Proxy.URL = "ftp://x" }, "proxy"},
		"fine":          {func(*model.Source) {}, ""},
		"aws":           {func(s *model.Source) { s.Bucket.Provider, s.URL = "aws", "s3.amazonaws.com" }, ""},
		"gcp":           {func(s *model.Source) { s.Bucket.Provider, s.URL = "gcp", "storage.googleapis.com" }, ""},
		"with a scheme": {func(s *model.Source) { s.URL = "https://s3.example.com:9000" }, ""},
	} {
		src := model.Source{URL: "s3.example.com", Bucket: model.Bucket{Name: "bucket"}}
		tt.change(&src)
		_, err := New(src, fetch.Settings{Auth: src.Auth, Proxy: src.Proxy}, room)
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	want := fetch.Want{Ref: model.Ref{Branch: "main"}}
	out, _ := open(t, source(servers.plain, "none"), archive.Limits{}).Pull(t.Context(), map[fetch.Want]*fetch.Got{want: nil})
	if !errors.Is(out[want].Err, model.ErrInvalid) {
		t.Errorf("a branch of a bucket: %v", out[want].Err)
	}
}

// list answers a list of objects as a server might that means harm.
func list(keys []string, more bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !r.URL.Query().Has("list-type") {
			_, _ = w.Write([]byte("content"))
			return true
		}
		fmt.Fprintf(w, `<ListBucketResult><IsTruncated>%t</IsTruncated>`, more)
		if more {
			fmt.Fprint(w, `<NextContinuationToken>x</NextContinuationToken>`)
		}
		for _, key := range keys {
			fmt.Fprintf(w, `<Contents><Key>%s</Key><ETag>e</ETag><Size>7</Size></Contents>`, key)
		}
		fmt.Fprint(w, `</ListBucketResult>`)
		return true
	}
}

// TestHostileKeys has the class of CVE-2026-47680: keys that lead out of the
// folder that they are put in.
func TestHostileKeys(t *testing.T) {
	s := servers.plain
	defer s.Before(nil)
	dir := t.TempDir()
	for key, want := range map[string]string{
		"../evil": "leads out", "a/../../evil": "leads out", "/etc/passwd": "absolute", `..\evil`: "backslash", "C:evil": "drive",
		strings.Repeat("x", 600): "longer than", strings.Repeat("d/", 100) + "x": "limit of 64",
	} {
		answer := list([]string{"good", key}, false)
		s.Before(func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("ETag", `"e"`)
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			return answer(w, r)
		})
		room := must[*archive.Room](t)(archive.OpenRoom(dir+"/room", archive.Limits{Path: 500}))
		src := source(s, "hostile")
		p := must[*Puller](t)(New(src, fetch.Settings{Auth: src.Auth}, room))
		_, err := (&puller{Puller: p}).pull(t.Context(), nil)
		if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", key, err, want)
		}
		var left []string
		_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, _ error) error {
			if !e.IsDir() {
				left = append(left, name)
			}
			return nil
		})
		if len(left) > 0 {
			t.Errorf("%.40q: files were left: %v", key, left)
		}
	}
}

func TestLimits(t *testing.T) {
	s := bucket(t, "limits", map[string]string{"a": "12345", "b": "12345", "c": "1"})
	src := source(s, "limits")
	open(t, src, archive.Limits{Entries: 2}).bad(t, model.ErrInvalid, "more than 2 objects")
	open(t, src, archive.Limits{File: 4}).bad(t, model.ErrInvalid, "limit of 4")
	open(t, src, archive.Limits{Extracted: 10}).bad(t, model.ErrInvalid, "limit of 10")
	open(t, src, archive.Limits{Entries: 3, File: 5, Extracted: 11}).good(t, nil)

	s.Before(list(nil, true))
	s.Requests()
	open(t, src, archive.Limits{Entries: 100}).bad(t, model.ErrInvalid, "more than 20 pages")
	if n := len(s.Requests()); n > 20 {
		t.Errorf("%d pages of an endless list were asked for", n)
	}
	s.Before(func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write([]byte(`<ListBucketResult>`))
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat(" ", 64<<10))); err != nil {
				break
			}
		}
		return true
	})
	open(t, src, archive.Limits{}).bad(t, model.ErrTransient, "")
}

// TestChangedMeanwhile: an object that is another one than the list says.
func TestChangedMeanwhile(t *testing.T) {
	s := bucket(t, "meanwhile", map[string]string{"a": "1"})
	once := true
	s.Before(func(_ http.ResponseWriter, r *http.Request) bool {
		if once && strings.HasSuffix(r.URL.Path, "/a") {
			once = false
			put(t, s, "meanwhile", map[string]string{"a": "2"})
		}
		return false
	})
	p := open(t, source(s, "meanwhile"), archive.Limits{})
	p.bad(t, model.ErrTransient, "changed since")
	check(t, p.good(t, nil).Tree, map[string]string{"a": "2"})
}

// TestOutOfTime: what a look has got before its time was over is not fetched
// again by the next.
func TestOutOfTime(t *testing.T) {
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("%03d", i)] = fmt.Sprint(i)
	}
	s := bucket(t, "slow", files)
	p := open(t, source(s, "slow"), archive.Limits{})
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	s.Before(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/slow/") && len(r.URL.Path) > 6 && asked.Add(1) == 150 {
			cancel()
		}
		return false
	})
	if _, err := p.pull(ctx, nil); err == nil || !strings.Contains(err.Error(), "of 200 objects were fetched") {
		t.Fatalf("got %v", err)
	}
	asked.Store(1000)
	check(t, p.good(t, nil).Tree, files)
	if n := asked.Load() - 1000; n > 100 {
		t.Errorf("the second look fetched %d objects", n)
	}
	if left := must[[]string](t)(p.room.IDs()); len(left) != 1 {
		t.Errorf("trees: %v", left)
	}
}

// TestRedirect: a server that sends us, and our signature, elsewhere.
func TestRedirect(t *testing.T) {
	s := servers.plain
	defer s.Before(nil)
	s.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/stolen" {
			t.Errorf("the redirect was followed, with the header %q", r.Header.Get("Authorization"))
		}
		http.Redirect(w, r, "http://"+s.Host+"/stolen", http.StatusTemporaryRedirect)
		return true
	})
	open(t, source(s, "redirected"), archive.Limits{}).bad(t, model.ErrInvalid, "redirects")
}
