package source

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestPushCallsNobody: a call names hosts, and none of them is asked for anything
// that no subscription wants.
func TestPushCallsNobody(t *testing.T) {
	var asked atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(host.Close)
	git := server(t)
	commit(t, git, "main", map[string]*string{"f": text("1")})
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app")})
	r.good(t, "app")
	for _, url := range []string{host.URL + "/app", host.URL, "oci://" + host.Listener.Addr().String() + "/app", "http://169.254.169.254/latest", "file:///etc/passwd"} {
		if n := r.RefreshPush([]string{url}, nil); n != 0 {
			t.Errorf("%s names %d subscriptions", url, n)
		}
	}
	if n := r.RefreshPush([]string{host.URL + "/app", git.URL("app")}, nil); n != 1 {
		t.Errorf("%d subscriptions", n)
	}
	r.good(t, "app")
	if n := asked.Load(); n != 0 {
		t.Errorf("the host was asked %d times", n)
	}
}

// TestRefreshPush has subscriptions to one repository and others like it.
func TestRefreshPush(t *testing.T) {
	s := store(t, Config{Rewrites: []Rewrite{{Prefix: "https://github.com/mirrored/", Base: "https://git.example/m/"}}})
	defer func() { _ = s.Close() }()
	s.Set("https", model.Source{URL: "https://user:password@github.com:443/myorg/app"})
	s.Set("ssh", model.Source{URL: "ssh://git@github.com/myorg/app.git", Ref: model.Ref{Branch: "main"}})
	s.Set("scp", model.Source{URL: "git@github.com:myorg/app", Ref: model.Ref{Branch: "other"}})
	s.Set("else", model.Source{URL: "https://github.com/myorg/app2"})
	s.Set("mirrored", model.Source{URL: "https://github.com/mirrored/app"})
	s.Set("suspended", model.Source{URL: "https://github.com/myorg/app", Suspended: true})
	s.Set("artifact", model.Source{Kind: model.SourceOCI, URL: "oci://hub.example/team/app", Ref: model.Ref{Tag: "v1"}})
	s.Set("chart", model.Source{Kind: model.SourceOCI, URL: "oci://hub.example/charts", Chart: "web"})
	s.Set("gone", model.Source{URL: "https://github.com/myorg/app"})
	s.Remove("gone")

	for name, c := range map[string]struct {
		urls, refs []string
		want       int
	}{
		"both forms at once":    {[]string{"https://GitHub.com/MyOrg/App.git", "git@github.com:MyOrg/App.git"}, []string{"refs/heads/main"}, 2},
		"another branch":        {[]string{"https://github.com/myorg/app"}, []string{"refs/heads/other"}, 2},
		"several refs":          {[]string{"https://github.com/myorg/app"}, []string{"refs/heads/other", "refs/heads/main"}, 3},
		"any ref":               {[]string{"https://github.com/myorg/app"}, nil, 3},
		"a tag":                 {[]string{"https://github.com/myorg/app"}, []string{"refs/tags/v1"}, 1},
		"the mirror":            {[]string{"https://git.example/m/app.git"}, nil, 1},
		"unknown":               {[]string{"https://github.com/myorg/none"}, nil, 0},
		"no URL":                {[]string{"::", "", "javascript:x"}, nil, 0},
		"an artifact":           {[]string{"oci://hub.example/team/app"}, []string{"v1"}, 1},
		"a chart's new version": {[]string{"oci://hub.example/charts/web"}, []string{"1.2.3"}, 1},
	} {
		if got := s.RefreshPush(c.urls, c.refs); got != c.want {
			t.Errorf("%s: %d subscriptions, want %d", name, got, c.want)
		}
	}
	for key := range map[model.SourceKey]bool{"https": true, "ssh": true, "scp": true, "else": true, "mirrored": true, "suspended": true, "artifact": true, "chart": true} {
		s.Remove(key)
	}
	if len(s.byName) != 0 {
		t.Errorf("the index keeps %v", s.byName)
	}
}
