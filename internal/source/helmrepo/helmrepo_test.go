package helmrepo

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"github.com/fixpoint-cd/fixpoint/internal/charttest"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/ocitest"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func serve(t *testing.T, o charttest.Options) *charttest.Server {
	t.Helper()
	s := charttest.Start(o)
	t.Cleanup(s.Close)
	return s
}

type puller struct {
	*Puller
	requests atomic.Int64
}

func source(s *charttest.Server) model.Source {
	return model.Source{Kind: model.SourceHelm, URL: s.URL, Auth: model.Auth{CA: s.CA}}
}

func open(t *testing.T, src model.Source, maxIndex int64) *puller {
	t.Helper()
	p := &puller{}
	room := must[*archive.Room](t)(archive.OpenRoom(t.TempDir(), archive.Limits{}))
	p.Puller = must[*Puller](t)(New(src, fetch.Settings{Auth: src.Auth, Proxy: src.Proxy, Requests: &p.requests}, room, maxIndex))
	return p
}

func (p *puller) pull(chart, version string, have *fetch.Got) (*fetch.Got, error) {
	want := fetch.Want{Chart: chart, Ref: model.Ref{Any: version}}
	out, err := p.Pull(context.Background(), map[fetch.Want]*fetch.Got{want: have})
	if r, ok := out[want]; ok {
		return r.Got, r.Err
	}
	return nil, err
}

func (p *puller) good(t *testing.T, chart, version string, have *fetch.Got) *fetch.Got {
	t.Helper()
	return must[*fetch.Got](t)(p.pull(chart, version, have))
}

func (p *puller) bad(t *testing.T, chart, version string, kind error, text string) string {
	t.Helper()
	_, err := p.pull(chart, version, nil)
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), text) {
		t.Fatalf("got %v, want an error of the kind %q with %q", err, kind, text)
	}
	return err.Error()
}

func read(t *testing.T, tree *archive.Tree, name string) string {
	t.Helper()
	return string(must[[]byte](t)(tree.ReadFile(name)))
}

const size = 50 << 20

func TestVersions(t *testing.T) {
	s := serve(t, charttest.Options{})
	for _, v := range []string{"0.9.0", "1.10.0", "1.9.0", "v1.11.0", "2.0.0-rc.1", "1.2.3+build", "not a version"} {
		s.Add("web", v, map[string]string{"values.yaml": "version: " + v})
	}
	s.Add("other", "5.0.0", nil)
	p := open(t, source(s), size)
	for version, want := range map[string]string{
		"": "v1.11.0", "*": "v1.11.0", "HEAD": "v1.11.0", "1.9.0": "1.9.0", "<1": "0.9.0", "^1.9, <1.10": "1.9.0", "1.x": "v1.11.0",
		"1.11.0": "v1.11.0", "1.2.3": "1.2.3+build", "1.2": "1.2.3+build", ">=2.0.0-0": "2.0.0-rc.1", "not a version": "not a version",
	} {
		got := p.good(t, "web", version, nil)
		if got.Revision != want || read(t, got.Tree, "values.yaml") != "version: "+want || !strings.HasPrefix(got.Digest, "sha256:") {
			t.Errorf("%q: got %s", version, got.Revision)
		}
	}
	p.bad(t, "web", "3.0.0", model.ErrNotFound, "none of 7 versions")
	p.bad(t, "web", "main", model.ErrInvalid, "no range of versions")
	p.bad(t, "nothing", "", model.ErrNotFound, `no chart "nothing"`)
	for _, ref := range []model.Ref{{Branch: "main"}, {Digest: "sha256:0"}, {Commit: "0"}} {
		want := fetch.Want{Chart: "web", Ref: ref}
		if out, _ := p.Pull(context.Background(), map[fetch.Want]*fetch.Got{want: nil}); !errors.Is(out[want].Err, model.ErrInvalid) {
			t.Errorf("%+v: %v", ref, out[want].Err)
		}
	}
}

// TestOneIndex: all charts of a repository cost one request when nothing has
// changed, before and after a restart; a new version of one costs that one.
func TestOneIndex(t *testing.T) {
	s := serve(t, charttest.Options{})
	have := map[fetch.Want]*fetch.Got{{}: nil}
	for i := range 20 {
		name := fmt.Sprint("chart", i)
		s.Add(name, "1.0.0", nil)
		have[fetch.Want{Chart: name, Ref: model.Ref{SemVer: "1.x"}}] = nil
	}
	p := open(t, source(s), size)
	look := func(requests int64) (changed int) {
		t.Helper()
		before := p.requests.Load()
		out, err := p.Pull(context.Background(), have)
		if err != nil || len(out) != len(have) {
			t.Fatalf("%d results, %v", len(out), err)
		}
		if n := p.requests.Load() - before; n != requests {
			t.Errorf("%d requests, want %d", n, requests)
		}
		for want, r := range out {
			if have[want] != r.Got {
				changed++
			}
			have[want] = r.Got
		}
		return changed
	}
	check := func(changed, want int) {
		t.Helper()
		if changed != want {
			t.Errorf("%d changed, want %d", changed, want)
		}
	}
	check(look(21), 21)
	check(look(1), 0)
	if have[fetch.Want{}].Revision != fmt.Sprintf("sha256:%x", sha256.Sum256(s.File("index.yaml"))) {
		t.Errorf("the index has the revision %s", have[fetch.Want{}].Revision)
	}
	if _, err := have[fetch.Want{}].Tree.Stat("index.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the tree of an index holds it: %v", err)
	}

	p = open(t, source(s), size)
	check(look(1), 0)
	s.Requests()
	s.Add("chart7", "1.1.0", nil)
	check(look(2), 2) // the chart and the index
	check(look(1), 0)

	// A chart that nobody asked for before is in the index that is there.
	s.Requests()
	have[fetch.Want{Chart: "chart7", Ref: model.Ref{SemVer: "1.0.0"}}] = nil
	have[fetch.Want{Chart: "nothing"}] = nil
	before := p.requests.Load()
	out, err := p.Pull(context.Background(), have)
	if err != nil || out[fetch.Want{Chart: "nothing"}].Err == nil || out[fetch.Want{Chart: "chart7", Ref: model.Ref{SemVer: "1.0.0"}}].Got.Revision != "1.0.0" {
		t.Fatalf("%v", err)
	}
	if n := p.requests.Load() - before; n != 2 || s.Requests()[0].Status != http.StatusNotModified {
		t.Errorf("%d requests, want the index once and the chart", n)
	}
	if left := must[[]string](t)(filepath.Glob(filepath.Join(p.room.Dir, "tmp-*"))); len(left) > 0 {
		t.Errorf("temporary files stay: %v", left)
	}
}

// TestIndexWithoutETag: the digest tells that nothing has changed.
func TestIndexWithoutETag(t *testing.T) {
	s := serve(t, charttest.Options{})
	s.Add("web", "1.0.0", nil)
	s.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "index.yaml") {
			return false
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(s.File("index.yaml"))
		_ = z.Close()
		return true
	})
	p := open(t, source(s), size)
	got := p.good(t, "web", "", nil)
	if again := p.good(t, "web", "", got); again != got || p.requests.Load() != 3 {
		t.Errorf("%d requests; the same: %t", p.requests.Load(), again == got)
	}
}

// TestIndexTooLarge has the class of GHSA-jhwx-mhww-rgc3: an index without end.
func TestIndexTooLarge(t *testing.T) {
	const limit = 1 << 20
	for _, packed := range []bool{false, true} {
		s := serve(t, charttest.Options{})
		var sent atomic.Int64
		s.Before(func(w http.ResponseWriter, r *http.Request) bool {
			var out io.Writer = w
			if packed {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				defer func() { _ = z.Close() }()
				out = z
			}
			for r.Context().Err() == nil {
				n, err := out.Write(bytes.Repeat([]byte("#"), 64<<10))
				if sent.Add(int64(n)); err != nil || sent.Load() > 1<<30 {
					break
				}
			}
			return true
		})
		open(t, source(s), limit).bad(t, "web", "", model.ErrInvalid, "limit of 1048576")
		if sent.Load() > 512<<20 {
			t.Errorf("%d bytes were sent", sent.Load())
		}
	}
}

func TestLogin(t *testing.T) {
	const password = "correct horse/battery"
	s := serve(t, charttest.Options{Username: "me", Password: password, TLS: true})
	s.Add("web", "1.0.0", nil)
	src := source(s)
	src.Auth.Username, src.Auth.Password = "me", password
	p := open(t, src, size)
	p.good(t, "web", "", nil)
	src.Auth.Password = "my-wrong-password"
	if text := open(t, src, size).bad(t, "web", "", model.ErrDenied, "401"); strings.Contains(text, "wrong-password") {
		t.Errorf("the error shows a password: %s", text)
	}
	src.Auth = model.Auth{Username: "me", Password: password}
	open(t, src, size).bad(t, "web", "", model.ErrTransient, "add the CA")
	src.Auth.Insecure = true
	open(t, src, size).good(t, "web", "", nil)
}

func TestWrongRepositories(t *testing.T) {
	s := serve(t, charttest.Options{})
	src := source(s)
	src.URL += "/nothing"
	open(t, src, size).bad(t, "web", "", model.ErrNotFound, "404")
	s.Put("index.yaml", []byte("<html>\n<body>"))
	open(t, source(s), size).bad(t, "web", "", model.ErrInvalid, "is it the URL of a Helm repository?")
	for _, url := range []string{"ftp://example.com", "oci://example.com/x", "example.com", ""} {
		src.URL = url
		if _, err := New(src, fetch.Settings{}, nil, size); !errors.Is(err, model.ErrInvalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
	s.Close()
	open(t, source(s), size).bad(t, "web", "", model.ErrTransient, "refused")
}

// TestCredentialsStayHome: credentials go to the host of the repository, to
// others that the index names only with PassCredentials, and never by a redirect.
func TestCredentialsStayHome(t *testing.T) {
	var seen []string
	data := charttest.Archive("web", "1.0.0", nil)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		_, _ = w.Write(data)
	}))
	defer other.Close()
	s := serve(t, charttest.Options{Username: "me", Password: "secret"})
	s.Entry("elsewhere", "1.0.0", other.URL+"/web.tgz", "")
	s.Entry("redirected", "1.0.0", "away.tgz", "")
	s.Entry("absolute", "1.0.0", s.URL+"/web.tgz", "")
	s.Entry("userinfo", "1.0.0", strings.Replace(other.URL, "http://", "http://you:"+"stolen@", 1)+"/web.tgz", "")
	s.Put("web.tgz", data)
	s.Before(func(w http.ResponseWriter, r *http.Request) bool {
		away := strings.HasSuffix(r.URL.Path, "away.tgz")
		if away {
			http.Redirect(w, r, other.URL+"/web.tgz", http.StatusFound)
		}
		return away
	})
	for _, pass := range []bool{false, true} {
		src := source(s)
		src.Auth = model.Auth{Username: "me", Password: "secret", PassCredentials: pass}
		p := open(t, src, size)
		for chart, leaves := range map[string]bool{"elsewhere": pass, "redirected": false, "absolute": false, "userinfo": pass} {
			seen = nil
			p.good(t, chart, "", nil)
			if got := strings.Join(seen, ""); (got != "") != leaves {
				t.Errorf("%s, passing credentials %t: the other host got %q", chart, pass, got)
			}
		}
	}
}

func TestChartURLs(t *testing.T) {
	s := serve(t, charttest.Options{})
	data := charttest.Archive("web", "1.0.0", nil)
	s.Put("deep/er/web 1.tgz", data)
	s.Put("web.tgz", data)
	for chart, url := range map[string]string{
		"relative": "deep/er/web%201.tgz", "dots": "deep/../web.tgz", "rooted": "/charts/web.tgz", "whole": s.URL + "/web.tgz?sig=abc",
	} {
		s.Entry(chart, "1.0.0", url, "")
	}
	s.Entry("file", "1.0.0", "file:///etc/passwd", "")
	s.Entry("nothing", "1.0.0", "nothing.tgz?sig=secret", "")
	s.Entry("unparsable", "1.0.0", "http://%zz", "")
	s.Entry("local", "1.0.0", "http://169.254.169.254/latest/meta-data", "")
	p := open(t, source(s), size)
	for _, chart := range []string{"relative", "dots", "rooted", "whole"} {
		p.good(t, chart, "", nil)
	}
	p.bad(t, "file", "", model.ErrInvalid, "scheme")
	p.bad(t, "unparsable", "", model.ErrInvalid, "can't be parsed")
	p.bad(t, "local", "", model.ErrDenied, "not allowed")
	if text := p.bad(t, "nothing", "", model.ErrNotFound, "nothing.tgz"); strings.Contains(text, "secret") {
		t.Errorf("the error has a query: %s", text)
	}
}

func TestRefusedCharts(t *testing.T) {
	s := serve(t, charttest.Options{})
	s.Put("web.tgz", charttest.Archive("web", "1.0.0", nil))
	s.Entry("tampered", "1.0.0", "web.tgz", strings.Repeat("0", 64))
	s.Put("text.tgz", []byte("no archive"))
	s.Entry("text", "1.0.0", "text.tgz", "")
	s.Put("none.tgz", ocitest.TarGz(map[string]string{"x/values.yaml": ""}))
	s.Entry("none", "1.0.0", "none.tgz", "")
	s.Put("evil.tgz", charttest.Archive("web", "1.0.0", map[string]string{"../../../evil": "x"}))
	s.Entry("evil", "1.0.0", "evil.tgz", "")
	s.Put("bomb.tgz", charttest.Archive("web", "1.0.0", map[string]string{"zeros": strings.Repeat("\x00", 40<<20)}))
	s.Entry("bomb", "1.0.0", "bomb.tgz", "")
	p := open(t, source(s), size)
	p.bad(t, "tampered", "", model.ErrInvalid, "its digest is")
	p.bad(t, "text", "", model.ErrInvalid, "no tar")
	p.bad(t, "none", "", model.ErrInvalid, "no Chart.yaml")
	p.bad(t, "evil", "", model.ErrInvalid, "leads out")
	p.bad(t, "bomb", "", model.ErrInvalid, "limit of")
	p.room.Limits.Compressed = 100
	s.Add("large", "1.0.0", nil)
	p.bad(t, "large", "", model.ErrInvalid, "limit of 100")
}

// TestOneBadChart: what can't be read of one chart hinders no other.
func TestOneBadChart(t *testing.T) {
	s := serve(t, charttest.Options{})
	s.Add("web", "1.0.0", nil)
	index := strings.Replace(string(s.File("index.yaml")), "entries:\n", "entries:\n  broken:\n  - version: [\n", 1)
	s.Put("index.yaml", []byte(index))
	p := open(t, source(s), size)
	good, bad := fetch.Want{Chart: "web"}, fetch.Want{Chart: "broken"}
	out, err := p.Pull(context.Background(), map[fetch.Want]*fetch.Got{good: nil, bad: nil})
	if err != nil || out[good].Err != nil || !errors.Is(out[bad].Err, model.ErrInvalid) {
		t.Errorf("%v; %v; %v", err, out[good].Err, out[bad].Err)
	}
}

// TestChartInRegistry: an index may name charts in a registry.
func TestChartInRegistry(t *testing.T) {
	reg := must[*ocitest.Server](t)(ocitest.Start(ocitest.Options{TLS: true}))
	defer reg.Close()
	must[string](t)(reg.PushChart(context.Background(), "charts/web", "1.0.0+x", charttest.Archive("web", "1.0.0+x", nil), nil))
	s := serve(t, charttest.Options{Username: "me", Password: "secret"})
	s.Entry("web", "1.0.0+x", reg.URL("charts/web")+":1.0.0+x", "")
	src := source(s)
	src.Auth = model.Auth{Username: "me", Password: "secret", CA: reg.CA}
	got := open(t, src, size).good(t, "web", "", nil)
	if got.Revision != "1.0.0+x" {
		t.Errorf("got %s", got.Revision)
	}
	for _, r := range reg.Requests() {
		if r.Authorization != "" {
			t.Errorf("credentials went to the registry: %+v", r)
		}
	}
}

func TestProvenance(t *testing.T) {
	s := serve(t, charttest.Options{})
	e := must[*openpgp.Entity](t)(openpgp.NewEntity("Tester", "", "tester@example.com", nil))
	var key bytes.Buffer
	w := must[io.WriteCloser](t)(armor.Encode(&key, openpgp.PublicKeyType, nil))
	if err := errors.Join(e.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	sign := func(file string, data []byte) []byte {
		var out bytes.Buffer
		w := must[io.WriteCloser](t)(clearsign.Encode(&out, e.PrivateKey, nil))
		_, err := fmt.Fprintf(w, "name: web\n\n...\nfiles:\n  %s: sha256:%x\n", file, sha256.Sum256(data))
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	src := source(s)
	src.Verify = &model.Verify{Provenance: true, GPG: []string{key.String()}}
	p := open(t, src, size)
	data := s.Add("web", "1.0.0", nil)
	p.bad(t, "web", "1.0.0", model.ErrNotFound, "web-1.0.0.tgz.prov")
	s.Put("web-1.0.0.tgz.prov", sign("other-1.0.0.tgz", data))
	p.bad(t, "web", "1.0.0", model.ErrDenied, "was signed")
	s.Put("web-1.0.0.tgz.prov", sign("web-1.0.0.tgz", []byte("something else")))
	p.bad(t, "web", "1.0.0", model.ErrDenied, "was signed")
	changed := bytes.Replace(sign("web-1.0.0.tgz", data), []byte("name: web"), []byte("name: wob"), 1)
	s.Put("web-1.0.0.tgz.prov", changed)
	p.bad(t, "web", "1.0.0", model.ErrDenied, "no key of the configured ones")
	s.Put("web-1.0.0.tgz.prov", sign("web-1.0.0.tgz", data))
	if got := p.good(t, "web", "1.0.0", nil); !strings.HasPrefix(got.Verified, "Tester") {
		t.Errorf("signed by %q", got.Verified)
	}
}
