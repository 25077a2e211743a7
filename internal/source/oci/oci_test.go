package oci

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/ocitest"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
)

func TestRefs(t *testing.T) {
	s := serve(t, ocitest.Options{})
	ctx := context.Background()
	digests := map[string]string{}
	for _, tag := range []string{"latest", "1.0.0", "1.2.0", "1.3.0-rc.1", "2.0.0", "v3.0.0", "main", "1.2.9-arm64", "4", "abc"} {
		digests[tag] = must[string](t)(s.PushFiles(ctx, "team/app", tag, map[string]string{"tag": tag}, map[string]string{"made": "by " + tag}))
	}
	p := open(t, source(s, "team/app"), archive.Limits{})
	for name, tt := range map[string]struct {
		ref      model.Ref
		tag      string
		requests int64 // of a look that finds nothing new
	}{
		"nothing":              {model.Ref{}, "latest", 1},
		"tag":                  {model.Ref{Tag: "main"}, "main", 1},
		"semver":               {model.Ref{SemVer: "1.x"}, "1.2.0", 2},
		"semver over tag":      {model.Ref{SemVer: "1.0.*", Tag: "main"}, "1.0.0", 2},
		"prerelease":           {model.Ref{SemVer: ">=1.2.0-0 <2.0.0"}, "1.3.0-rc.1", 2},
		"semver with filter":   {model.Ref{SemVer: ">=1.2.0-0 <1.3.0-0", SemVerFilter: `.*-arm64$`}, "1.2.9-arm64", 2},
		"any version":          {model.Ref{SemVer: "*"}, "4", 2},
		"any: tag":             {model.Ref{Any: "abc"}, "abc", 1},
		"any: HEAD":            {model.Ref{Any: "HEAD"}, "latest", 1},
		"any: range":           {model.Ref{Any: "^1.0"}, "1.2.0", 2},
		"any: like a tag":      {model.Ref{Any: "1.2"}, "1.2.0", 2},
		"digest":               {model.Ref{Digest: digests["1.0.0"], Tag: "main"}, "", 0},
		"any: digest":          {model.Ref{Any: digests["2.0.0"]}, "", 0},
		"v before the version": {model.Ref{SemVer: "~3.0"}, "v3.0.0", 2},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.good(t, tt.ref, nil)
			digest := digests[tt.tag]
			if tt.tag == "" {
				digest = tt.ref.Digest + tt.ref.Any
			}
			if got.Ref != tt.tag || got.Revision != digest || got.Digest != digest || got.Pinned != (tt.tag == "") {
				t.Fatalf("got %q %s", got.Ref, got.Revision)
			}
			if made := strings.TrimPrefix(got.Metadata["made"], "by "); files(t, got.Tree) != "tag="+made || digests[made] != digest {
				t.Fatalf("content %q of %q", files(t, got.Tree), made)
			}
			before := p.requests.Load()
			if again := p.good(t, tt.ref, got); again != got {
				t.Error("an unchanged artifact gave another result")
			}
			if n := p.requests.Load() - before; n != tt.requests {
				t.Errorf("looking at what has not changed took %d requests, want %d", n, tt.requests)
			}
		})
	}
	t.Run("moved", func(t *testing.T) {
		old := p.good(t, model.Ref{Tag: "main"}, nil)
		moved := must[string](t)(s.PushFiles(ctx, "team/app", "main", map[string]string{"tag": "moved"}, nil))
		if got := p.good(t, model.Ref{Tag: "main"}, old); got.Digest != moved || files(t, got.Tree) != "tag=moved" {
			t.Errorf("got %s", got.Digest)
		}
	})
	t.Run("several at once", func(t *testing.T) {
		before := p.requests.Load()
		have := wants(model.Ref{SemVer: "1.x"}, model.Ref{SemVer: "2.x"}, model.Ref{Tag: "nothing"}, model.Ref{Tag: "main"})
		out, err := p.Pull(ctx, have)
		if err != nil || len(out) != 4 {
			t.Fatalf("%d results, %v", len(out), err)
		}
		failed := 0
		for _, r := range out {
			if r.Err != nil {
				failed++
			}
		}
		// One list, four HEADs, and three times a manifest and a layer.
		if n := p.requests.Load() - before; failed != 1 || n != 11 {
			t.Errorf("%d failed, %d requests", failed, n)
		}
	})
}

func TestRefErrors(t *testing.T) {
	s := serve(t, ocitest.Options{})
	must[string](t)(s.PushFiles(context.Background(), "app", "1.0.0", map[string]string{"a": "b"}, nil))
	p := open(t, source(s, "app"), archive.Limits{})
	p.bad(t, model.Ref{}, model.ErrNotFound, `no tag "latest"`)
	p.bad(t, model.Ref{Tag: "2"}, model.ErrNotFound, `no tag "2"`)
	p.bad(t, model.Ref{Tag: "../../x"}, model.ErrInvalid, "is no tag")
	p.bad(t, model.Ref{Tag: "-x"}, model.ErrInvalid, "is no tag")
	p.bad(t, model.Ref{SemVer: ">=2"}, model.ErrNotFound, "satisfies")
	p.bad(t, model.Ref{SemVer: "main"}, model.ErrInvalid, "no range of versions")
	p.bad(t, model.Ref{SemVer: "*", SemVerFilter: "("}, model.ErrInvalid, "regular expression")
	p.bad(t, model.Ref{Any: "main"}, model.ErrNotFound, `no tag "main"`)
	p.bad(t, model.Ref{Digest: "sha256:12"}, model.ErrInvalid, "is no digest")
	p.bad(t, model.Ref{Digest: "sha256:" + strings.Repeat("0", 64)}, model.ErrNotFound, "no manifest")
	p.bad(t, model.Ref{Branch: "main"}, model.ErrInvalid, "no commits or branches")
	open(t, source(s, "nothing"), archive.Limits{}).bad(t, model.Ref{SemVer: "*"}, model.ErrNotFound, "no such thing")

	for url, text := range map[string]string{
		"https://" + s.Host + "/app":          "begins with oci://",
		s.URL("App"):                          "lower case",
		s.URL("app:1.0.0"):                    "must not have a tag",
		s.URL("app@sha256:00"):                "no repository",
		"oci://" + s.Host:                     "no repository",
		"oci://" + s.Host + "/a/../../secret": "no repository",
	} {
		src := source(s, "app")
		src.URL = url
		_, err := New(src, p.settings, p.room)
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want %q", url, err, text)
		}
	}
}

func TestCharts(t *testing.T) {
	s := serve(t, ocitest.Options{})
	ctx := context.Background()
	for _, v := range []string{"0.9.0", "1.0.0", "1.1.0+build.5", "2.0.0-beta.1"} {
		must[string](t)(s.PushChart(ctx, "charts/web", v, chartOf("web", v), nil))
	}
	must[string](t)(s.PushFiles(ctx, "charts/web", "no-chart", map[string]string{"a": "b"}, nil))
	src := source(s, "charts")
	src.Chart = "web"
	p := open(t, src, archive.Limits{})
	for name, tt := range map[string]struct {
		ref          model.Ref
		version, tag string
	}{
		"highest":          {model.Ref{}, "1.1.0+build.5", "1.1.0_build.5"},
		"any version":      {model.Ref{SemVer: "*"}, "1.1.0+build.5", "1.1.0_build.5"},
		"exact":            {model.Ref{Any: "1.0.0"}, "1.0.0", "1.0.0"},
		"exact with build": {model.Ref{Any: "1.1.0+build.5"}, "1.1.0+build.5", "1.1.0_build.5"},
		"range":            {model.Ref{Any: "<1.0"}, "0.9.0", "0.9.0"},
		"prerelease":       {model.Ref{SemVer: ">0.0.0-0"}, "2.0.0-beta.1", "2.0.0-beta.1"},
		"tag":              {model.Ref{Tag: "0.9.0"}, "0.9.0", "0.9.0"},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.good(t, tt.ref, nil)
			if got.Revision != tt.version || got.Ref != tt.tag || !strings.HasPrefix(got.Digest, "sha256:") {
				t.Fatalf("got version %s, tag %s", got.Revision, got.Ref)
			}
			want := "Chart.yaml=apiVersion: v2\nname: web\nversion: " + tt.version + "\n values.yaml=a: 1\n"
			if diff := cmp.Diff(want, files(t, got.Tree)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if again := p.good(t, tt.ref, got); again != got {
				t.Error("an unchanged chart gave another result")
			}
		})
	}
	p.bad(t, model.Ref{Tag: "no-chart"}, model.ErrInvalid, "is no Helm chart")
	p.bad(t, model.Ref{Any: "3.0.0"}, model.ErrNotFound, "satisfies")

	t.Run("by its whole URL and digest", func(t *testing.T) {
		src := source(s, "charts/web")
		src.Chart = "web"
		p := open(t, src, archive.Limits{})
		latest := p.good(t, model.Ref{}, nil)
		got := p.good(t, model.Ref{Digest: latest.Digest}, nil)
		if got.Revision != "1.1.0+build.5" || !got.Pinned {
			t.Errorf("got %s", got.Revision)
		}
	})
}

func TestLayers(t *testing.T) {
	s := serve(t, ocitest.Options{})
	ctx := context.Background()
	one, two := ocitest.TarGz(map[string]string{"a": "1"}), ocitest.TarGz(map[string]string{"b": "2"})
	must[string](t)(s.Push(ctx, "app", "two", "application/x", nil,
		ocitest.Layer{MediaType: "application/one", Data: one}, ocitest.Layer{MediaType: "application/two", Data: two}))
	must[string](t)(s.Push(ctx, "app", "file", "application/x", nil,
		ocitest.Layer{MediaType: "application/yaml", Data: []byte("kind: X"), Annotations: map[string]string{"org.opencontainers.image.title": "x.yaml"}}))
	must[string](t)(s.Push(ctx, "app", "hostile", "application/x", nil,
		ocitest.Layer{MediaType: "application/yaml", Data: []byte("x"), Annotations: map[string]string{"org.opencontainers.image.title": `../..\../etc/passwd`}}))
	must[string](t)(s.Push(ctx, "app", "none", "application/x", nil))
	must[string](t)(s.Push(ctx, "app", "traversal", "application/x", nil,
		ocitest.Layer{MediaType: ocitest.FluxContent, Data: ocitest.TarGz(map[string]string{"../evil": "x"})}))

	plain := open(t, source(s, "app"), archive.Limits{})
	check := func(p *puller, tag, want string) {
		t.Helper()
		if got := files(t, p.good(t, model.Ref{Tag: tag}, nil).Tree); got != want {
			t.Errorf("%s: got %q, want %q", tag, got, want)
		}
	}
	check(plain, "two", "a=1")
	check(plain, "file", "x.yaml=kind: X")
	check(plain, "hostile", "passwd=x")
	plain.bad(t, model.Ref{Tag: "none"}, model.ErrInvalid, "no layers")
	plain.bad(t, model.Ref{Tag: "traversal"}, model.ErrInvalid, "leads out")

	src := source(s, "app")
	src.OCI.MediaType = "application/two"
	check(open(t, src, archive.Limits{}), "two", "b=2")
	src.OCI.Copy = true
	check(open(t, src, archive.Limits{}), "two", "layer="+string(two))
	src.OCI.MediaType = "application/three"
	open(t, src, archive.Limits{}).bad(t, model.Ref{Tag: "two"}, model.ErrInvalid, "but application/one, application/two")

	open(t, source(s, "app"), archive.Limits{Compressed: 10}).bad(t, model.Ref{Tag: "two"}, model.ErrInvalid, "limit of 10")
	open(t, source(s, "app"), archive.Limits{Extracted: 5, File: 3}).bad(t, model.Ref{Tag: "file"}, model.ErrInvalid, "limit of 3")
}

func TestIndex(t *testing.T) {
	s := serve(t, ocitest.Options{})
	ctx := context.Background()
	var digests []string
	for _, name := range []string{"x", "y", "z"} {
		digests = append(digests, must[string](t)(s.PushFiles(ctx, "app", name, map[string]string{"name": name}, nil)))
	}
	p := open(t, source(s, "app"), archive.Limits{})
	for want, platforms := range map[string][]string{
		"name=y": {"linux/arm64", "linux/amd64", "windows/amd64"},
		"name=z": {"linux/amd64", "linux/arm64", ""},
		"":       {"linux/arm64", "linux/arm64", "windows/amd64"},
	} {
		index := must[string](t)(s.PushIndex(ctx, "app", "index", digests, platforms))
		if want == "" {
			p.bad(t, model.Ref{Tag: "index"}, model.ErrInvalid, "index of 3 manifests")
			continue
		}
		got := p.good(t, model.Ref{Tag: "index"}, nil)
		if files(t, got.Tree) != want || got.Digest != index {
			t.Errorf("%v: got %q", platforms, files(t, got.Tree))
		}
	}
}

// TestManyTags has more tags than a page of the registry.
func TestManyTags(t *testing.T) {
	s := serve(t, ocitest.Options{})
	ctx := context.Background()
	must[string](t)(s.PushFiles(ctx, "app", "0.0.0", map[string]string{"a": "b"}, nil))
	const last, page = 35, 10
	s.Before(func(_ http.ResponseWriter, r *http.Request) bool {
		if q := r.URL.Query(); q.Has("n") {
			q.Set("n", strconv.Itoa(page))
			r.URL.RawQuery = q.Encode()
		}
		return false
	})
	g := errgroup.Group{}
	g.SetLimit(8)
	for i := 1; i <= last; i++ {
		g.Go(func() error { return s.Tag(ctx, "app", "0.0.0", fmt.Sprintf("1.%d.0", i)) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s.Requests()
	p := open(t, source(s, "app"), archive.Limits{})
	got := p.good(t, model.Ref{SemVer: "*"}, nil)
	if got.Ref != fmt.Sprintf("1.%d.0", last) {
		t.Errorf("the highest version is %s", got.Ref)
	}
	var lists int
	for _, r := range s.Requests() {
		if strings.HasSuffix(r.Path, "/tags/list") {
			lists++
		}
	}
	if lists != 4 {
		t.Errorf("%d pages were asked for, want 4", lists)
	}
}

func TestProvenance(t *testing.T) {
	s := serve(t, ocitest.Options{})
	ctx := context.Background()
	archived := chartOf("web", "1.0.0")
	key, sign := signer(t)
	other, _ := signer(t)
	must[string](t)(s.PushChart(ctx, "web", "1.0.0", archived, sign("web-1.0.0.tgz", archived)))
	must[string](t)(s.PushChart(ctx, "web", "1.1.0", chartOf("web", "1.1.0"), sign("web-1.0.0.tgz", archived)))
	must[string](t)(s.PushChart(ctx, "web", "1.2.0", archived, nil))
	must[string](t)(s.PushChart(ctx, "web", "1.3.0", archived, []byte("files:\n  web-1.0.0.tgz: sha256:0\n")))
	with := func(keys ...string) *puller {
		src := source(s, "web")
		src.Chart, src.Verify = "web", &model.Verify{Provenance: true, GPG: keys}
		return open(t, src, archive.Limits{})
	}
	for _, keys := range [][]string{{key}, {other, key}, {"no key", key}} {
		if got := with(keys...).good(t, model.Ref{Any: "1.0.0"}, nil); !strings.HasPrefix(got.Verified, "Tester") {
			t.Errorf("signed by %q", got.Verified)
		}
	}
	with(other).bad(t, model.Ref{Any: "1.0.0"}, model.ErrDenied, "no key of the configured ones")
	with("no key").bad(t, model.Ref{Any: "1.0.0"}, model.ErrDenied, "no armoured")
	with().bad(t, model.Ref{Any: "1.0.0"}, model.ErrDenied, "no key is configured")
	with(key).bad(t, model.Ref{Any: "1.1.0"}, model.ErrDenied, "was not signed")
	with(key).bad(t, model.Ref{Any: "1.2.0"}, model.ErrDenied, "without a provenance file")
	with(key).bad(t, model.Ref{Any: "1.3.0"}, model.ErrDenied, "no text with an OpenPGP signature")

	src := source(s, "web")
	src.Verify = &model.Verify{Provenance: true, GPG: []string{key}}
	if _, err := New(src, with(key).settings, nil); err == nil {
		t.Error("the provenance of an artifact that is no chart is said to be verified")
	}
}
