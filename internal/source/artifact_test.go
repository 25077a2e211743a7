package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/charttest"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/ocitest"
	"github.com/fixpoint-cd/fixpoint/internal/s3test"
)

// registry starts a registry with the artifact "team/app:latest".
func registry(t *testing.T, o ocitest.Options) *ocitest.Server {
	t.Helper()
	o.Dir = t.TempDir()
	s, err := ocitest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	push(t, s, "latest", map[string]string{"a.yaml": "one", "dir/b.yaml": "b"})
	return s
}

// push pushes files to "team/app" and returns the digest.
func push(t *testing.T, s *ocitest.Server, tag string, files map[string]string) string {
	t.Helper()
	digest, err := s.PushFiles(t.Context(), "team/app", tag, files, map[string]string{"made.by": "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func artifact(s *ocitest.Server) model.Source {
	return model.Source{Kind: model.SourceOCI, URL: s.URL("team/app"), OCI: model.OCI{Insecure: true}}
}

func TestFollowsTag(t *testing.T) {
	s := registry(t, ocitest.Options{})
	r := store(t, Config{}).run(t)
	src := artifact(s)
	src.Interval = 20 * time.Millisecond
	r.Set("app", src)
	first := r.good(t, "app")
	if !strings.HasPrefix(first.Revision, "sha256:") || first.Digest != first.Revision || first.Ref != "latest" ||
		first.URL != s.URL("team/app") || first.Metadata["made.by"] != "a test" || first.Commit.ID != "" {
		t.Fatalf("got %+v", first)
	}
	if err := fstest.TestFS(first.Tree, "a.yaml", "dir/b.yaml"); err != nil {
		t.Fatal(err)
	}
	second := push(t, s, "latest", map[string]string{"a.yaml": "two", "dir/b.yaml": "b"})
	until(t, "the second digest", func() bool {
		st, _ := r.State("app")
		return st.Snapshot.Revision == second
	})
	st, _ := r.State("app")
	if read(t, st.Snapshot, "a.yaml") != "two" || read(t, first, "a.yaml") != "one" {
		t.Error("the content of a snapshot changed, or is the old one")
	}
	one, _ := first.Tree.Hash("dir")
	two, _ := st.Snapshot.Tree.Hash("dir")
	if one == "" || one != two {
		t.Errorf("a folder that has not changed has the hashes %q and %q", one, two)
	}
	if got := r.Stats(); got.Artifacts != 2 {
		t.Errorf("%d contents were taken", got.Artifacts)
	}
	trees, err := os.ReadDir(filepath.Join(r.cfg.Dir, "artifacts", "trees"))
	if err != nil || len(trees) != 1 {
		t.Errorf("trees on disk: %v, %v; want the one in use", trees, err)
	}
}

func TestUnchangedArtifactCostsOneRequest(t *testing.T) {
	s := registry(t, ocitest.Options{Username: "me", Password: "secret", Token: true})
	r := store(t, Config{}).run(t)
	src := artifact(s)
	src.Auth = model.Auth{Username: "me", Password: "secret"}
	r.Set("app", src)
	first := r.good(t, "app")
	before := r.Stats()
	s.Requests()
	for range 5 {
		if again := r.good(t, "app"); again != first {
			t.Fatal("an unchanged artifact gave another snapshot")
		}
	}
	after := r.Stats()
	if after.Requests != before.Requests+5 || after.Artifacts != before.Artifacts || after.Failures != 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	for _, q := range s.Requests() {
		if q.Method != http.MethodHead {
			t.Errorf("%+v", q)
		}
	}
}

// TestOneLookForAll: 100 apps on one chart, and on other charts of the same
// repository, cost one look and one request.
func TestOneLookForAll(t *testing.T) {
	s := charttest.Start(charttest.Options{})
	defer s.Close()
	for i := range 5 {
		s.Add(fmt.Sprint("chart", i), "1.0.0", nil)
	}
	r := store(t, Config{}).run(t)
	for i := range 100 {
		r.Set(model.SourceKey(fmt.Sprint("app", i)), model.Source{
			Kind: model.SourceHelm, URL: s.URL, Chart: fmt.Sprint("chart", i%5), Ref: model.Ref{SemVer: "1.x"},
		})
	}
	snap := r.good(t, "app0")
	if snap.Revision != "1.0.0" || read(t, snap, "Chart.yaml") == "" {
		t.Fatalf("got %+v", snap)
	}
	for i := range 100 {
		r.good(t, model.SourceKey(fmt.Sprint("app", i)))
	}
	if got := r.Stats(); got.Repositories != 1 || got.Artifacts != 5 {
		t.Fatalf("%+v", got)
	}
	before := r.Stats()
	r.good(t, "app7")
	after := r.Stats()
	if after.Looks != before.Looks+1 || after.Requests != before.Requests+1 {
		t.Errorf("one look for all: before %+v, after %+v", before, after)
	}
	s.Add("chart3", "1.1.0", nil)
	r.good(t, "app7")
	for i := range 100 {
		want := "1.0.0"
		if i%5 == 3 {
			want = "1.1.0"
		}
		if st, _ := r.State(model.SourceKey(fmt.Sprint("app", i))); st.Snapshot.Revision != want {
			t.Errorf("app%d has version %s, want %s", i, st.Snapshot.Revision, want)
		}
	}
	if got := r.Stats(); got.Requests != after.Requests+2 || got.Looks != after.Looks+1 {
		t.Errorf("a new version of one chart: before %+v, after %+v", after, got)
	}
}

// TestArtifactSurvives: what was fetched serves while the registry is away, also
// after a restart; when it is back nothing is fetched again.
func TestArtifactSurvives(t *testing.T) {
	s := registry(t, ocitest.Options{Username: "me", Password: "secret-of-registry"})
	dir := t.TempDir()
	src := artifact(s)
	src.Auth = model.Auth{Username: "me", Password: "secret-of-registry"}
	r := store(t, Config{Dir: dir}).run(t)
	r.Set("app", src)
	digest := r.good(t, "app").Revision
	s.Down(true)
	st := r.bad(t, "app", model.ErrTransient)
	var f *Failure
	if !errors.As(st.Err, &f) || f.Restored || st.Snapshot.Revision != digest {
		t.Fatalf("%+v", st)
	}
	since := f.Since
	if st = r.bad(t, "app", model.ErrTransient); !errors.As(st.Err, &f) || !f.Since.Equal(since) {
		t.Errorf("the failure began at %v, then at %v", since, f.Since)
	}
	r.stop()

	r = store(t, Config{Dir: dir}).run(t)
	other := src
	other.Auth = model.Auth{Username: "you", Password: "x"}
	r.Set("app", src)
	r.Set("stranger", other)
	sleeping := src
	sleeping.Suspended = true
	r.Set("sleeping", sleeping)
	st = r.bad(t, "app", model.ErrTransient)
	if !errors.As(st.Err, &f) || !f.Restored || st.Snapshot == nil || !strings.Contains(st.Err.Error(), digest) {
		t.Fatalf("%+v", st)
	}
	if read(t, st.Snapshot, "a.yaml") != "one" || st.Snapshot.Ref != "latest" || st.Snapshot.Metadata["made.by"] != "a test" {
		t.Errorf("restored: %+v", st.Snapshot)
	}
	if st := r.bad(t, "stranger", model.ErrTransient); st.Snapshot != nil {
		t.Error("other credentials see what was fetched with the right ones")
	}
	until(t, "the suspended one", func() bool {
		st, _ := r.State("sleeping")
		return st.Snapshot != nil && st.Snapshot.Revision == digest
	})

	s.Down(false)
	s.Requests()
	until(t, "the end of the failure", func() bool {
		st, _ := r.State("app")
		return st.Err == nil
	})
	if got := r.Stats(); got.Artifacts != 0 {
		t.Errorf("%d contents were taken although nothing has changed", got.Artifacts)
	}
	r.bad(t, "stranger", model.ErrDenied)
	r.stop()
	planted(t, dir, "secret-of-registry")
}

// planted looks for a secret in all files of a folder, and for files that others
// can read.
func planted(t *testing.T, dir, secret string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := e.Info()
		if err != nil {
			return err
		}
		if path != dir && st.Mode().Perm()&0o077 != 0 && strings.HasPrefix(path, filepath.Join(dir, "artifacts")) {
			t.Errorf("%s has the mode %v", path, st.Mode())
		}
		if e.IsDir() {
			return nil
		}
		files++
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), secret) {
			t.Errorf("%s holds a secret", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}

// TestDamagedArtifact: a copy on disk that was changed is noticed and fetched
// again.
func TestDamagedArtifact(t *testing.T) {
	s := registry(t, ocitest.Options{})
	r := store(t, Config{}).run(t)
	r.Set("app", artifact(s))
	snap := r.good(t, "app")
	trees := filepath.Join(r.cfg.Dir, "artifacts", "trees")
	entries, err := os.ReadDir(trees)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	path := filepath.Join(trees, entries[0].Name())
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[0] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := snap.Tree.ReadFile("a.yaml"); !errors.Is(err, model.ErrTransient) {
		t.Fatalf("reading what is damaged: %v", err)
	}
	until(t, "the content to be fetched again", func() bool {
		st, _ := r.State("app")
		data, err := st.Snapshot.Tree.ReadFile("a.yaml")
		return err == nil && string(data) == "one"
	})
}

func TestArtifactIgnored(t *testing.T) {
	s := registry(t, ocitest.Options{})
	push(t, s, "latest", map[string]string{".sourceignore": "*.md\n", "a.yaml": "one", "README.md": "r", "b.tmp": "t"})
	r := store(t, Config{}).run(t)
	r.Set("all", artifact(s))
	src := artifact(s)
	src.Ignore = &model.Ignore{Files: ".sourceignore", Rules: "*.tmp\n"}
	r.Set("some", src)
	all, some := r.good(t, "all"), r.good(t, "some")
	for _, name := range []string{"README.md", "b.tmp"} {
		if _, err := some.Tree.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
		read(t, all, name)
	}
	read(t, some, "a.yaml")
	if got := r.Stats(); got.Artifacts != 1 || got.Repositories != 1 {
		t.Errorf("%+v", got)
	}
}

// TestVerificationChanged: content that was got without a demand for a signature
// serves no more when there is one.
func TestVerificationChanged(t *testing.T) {
	s := charttest.Start(charttest.Options{})
	defer s.Close()
	s.Add("web", "1.0.0", nil)
	r := store(t, Config{}).run(t)
	src := model.Source{Kind: model.SourceHelm, URL: s.URL, Chart: "web"}
	r.Set("app", src)
	r.good(t, "app")
	src.Verify = &model.Verify{Provenance: true, GPG: []string{"a key"}}
	r.Set("app", src)
	if st := r.bad(t, "app", model.ErrNotFound); st.Snapshot != nil {
		t.Error("content without a signature still serves")
	}
}

func TestArtifactRefresh(t *testing.T) {
	s := registry(t, ocitest.Options{})
	r := store(t, Config{}).run(t)
	r.Set("app", artifact(s))
	r.good(t, "app")
	for _, url := range []string{s.URL("team/app"), "https://" + s.Host + "/Team/App", "oci://" + s.Host + "/team/app/"} {
		digest := push(t, s, "latest", map[string]string{"a.yaml": url})
		if n := r.RefreshURL(url, ""); n != 1 {
			t.Fatalf("%s names %d subscriptions", url, n)
		}
		until(t, "the push of "+url, func() bool {
			st, _ := r.State("app")
			return st.Snapshot.Revision == digest
		})
	}
	if n := r.RefreshURL(s.URL("team/other"), ""); n != 0 {
		t.Errorf("another repository names %d subscriptions", n)
	}
}

// TestWrongArtifacts: what a source says wrongly is told at once, without a
// request and without a secret.
func TestWrongArtifacts(t *testing.T) {
	r := store(t, Config{}).run(t)
	for name, src := range map[string]model.Source{
		"kind":              {Kind: "ftp", URL: "ftp://example.com/x"},
		"oci scheme":        {Kind: model.SourceOCI, URL: "https://me:planted@example.com/app"},
		"oci query":         {Kind: model.SourceOCI, URL: "oci://example.com/app?token=planted"},
		"oci tag":           {Kind: model.SourceOCI, URL: "oci://example.com/app:1.0"},
		"helm host":         {Kind: model.SourceHelm, URL: "https:///charts"},
		"helm scheme":       {Kind: model.SourceHelm, URL: "file:///etc/passwd"},
		"helm not a URL":    {Kind: model.SourceHelm, URL: "http://me:planted@%zz"},
		"bucket name":       {Kind: model.SourceBucket, URL: "s3.example.com"},
		"bucket azure":      {Kind: model.SourceBucket, URL: "example.com", Bucket: model.Bucket{Name: "x", Provider: "azure"}},
		"certificate":       {Kind: model.SourceHelm, URL: "https://example.com", Auth: model.Auth{ClientCert: "x", ClientKey: "planted"}},
		"verify of OCI":     {Kind: model.SourceOCI, URL: "oci://example.com/app", Verify: &model.Verify{}},
		"docker config":     {Kind: model.SourceOCI, URL: "oci://example.com/app", Auth: model.Auth{DockerConfig: "planted"}},
		"login of a docker": {Kind: model.SourceOCI, URL: "oci://example.com/app", Auth: model.Auth{DockerConfig: `{"auths":{"example.com":{"auth":"planted"}}}`}},
	} {
		key := model.SourceKey(name)
		r.Set(key, src)
		if st := r.bad(t, key, model.ErrInvalid); strings.Contains(st.Err.Error(), "planted") {
			t.Errorf("%s: the error holds a planted: %v", name, st.Err)
		}
	}
	if got := r.Stats(); got.Requests != 0 {
		t.Errorf("%d requests", got.Requests)
	}
}

// TestQueryHidden has the class of CVE-2024-31216: tokens in a URL's query or
// user are in no error, no snapshot and no log.
func TestQueryHidden(t *testing.T) {
	s := charttest.Start(charttest.Options{Username: "me", Password: "planted-password"})
	defer s.Close()
	s.Add("web", "1.0.0", nil)
	s.Entry("gone", "1.0.0", "gone.tgz?sig=planted-signature", "")
	var log strings.Builder
	r := store(t, Config{Log: logger(&log)}).run(t)
	base := strings.Replace(s.URL, "http://", "http://me:planted-password@", 1) + "?sv=1&sig=planted-signature"
	r.Set("web", model.Source{Kind: model.SourceHelm, URL: base, Chart: "web"})
	r.Set("gone", model.Source{Kind: model.SourceHelm, URL: base, Chart: "gone"})
	r.Set("away", model.Source{Kind: model.SourceHelm, URL: strings.Replace(base, s.URL[7:], "127.0.0.1:1/charts", 1), Chart: "web"})
	snap := r.good(t, "web")
	texts := []string{snap.URL, snap.Ref, fmt.Sprint(snap.Metadata)}
	for _, key := range []model.SourceKey{"gone", "away"} {
		st := r.refresh(t, key)
		if st.Err == nil {
			t.Fatalf("%s has no error", key)
		}
		texts = append(texts, st.Err.Error())
	}
	r.stop()
	texts = append(texts, log.String())
	for _, text := range texts {
		if strings.Contains(text, "planted") {
			t.Errorf("a secret is shown: %s", text)
		}
	}
	planted(t, r.cfg.Dir, "planted")
}

// TestBucketSource follows a bucket on a real server.
func TestBucketSource(t *testing.T) {
	if testing.Short() {
		t.Skip("an S3 server has to be built")
	}
	s, err := s3test.Start(t.Context(), s3test.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	if err := errors.Join(s.Bucket(ctx, "config", false), s.Put(ctx, "config", "a.yaml", []byte("one")), s.Put(ctx, "config", "x.md", []byte("x"))); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	src := model.Source{
		Kind: model.SourceBucket, URL: s.Host, Bucket: model.Bucket{Name: "config", Insecure: true},
		Auth: model.Auth{AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey}, Ignore: &model.Ignore{Rules: "*.md"},
	}
	r := store(t, Config{Dir: dir}).run(t)
	r.Set("app", src)
	first := r.good(t, "app")
	if _, err := first.Tree.Stat("x.md"); read(t, first, "a.yaml") != "one" || !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(first.Revision, "sha256:") {
		t.Fatalf("%+v, %v", first, err)
	}
	r.stop()
	r = store(t, Config{Dir: dir}).run(t)
	r.Set("app", src)
	if again := r.good(t, "app"); again.Revision != first.Revision || r.Stats().Artifacts != 0 {
		t.Errorf("after a restart: %+v, %+v", again, r.Stats())
	}
	if err := s.Put(ctx, "config", "a.yaml", []byte("two")); err != nil {
		t.Fatal(err)
	}
	if next := r.good(t, "app"); read(t, next, "a.yaml") != "two" || next.Revision == first.Revision {
		t.Errorf("after a change: %+v", next)
	}
	r.stop()
	planted(t, dir, s3test.SecretKey)
}

func logger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
