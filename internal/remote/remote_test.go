package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestPolicy(t *testing.T) {
	for _, c := range []struct {
		allow []string
		url   string
		want  bool
	}{
		{DefaultAllow(), "https://git.example.com/a", true},
		{DefaultAllow(), "HTTPS://git.example.com/a", true},
		{DefaultAllow(), "http://git.example.com/a", false},
		{DefaultAllow(), "git@git.example.com:team/a.git", true},
		{DefaultAllow(), "file:///etc/passwd", false},
		{DefaultAllow(), "ext::sh -c id", false},
		{DefaultAllow(), "/etc/passwd", false},
		{[]string{None}, "https://git.example.com/a", false},
		{[]string{"https://git.example.com/team"}, "https://git.example.com/team/a?ref=v1", true},
		{[]string{"https://git.example.com/team"}, "https://git.example.com/team", true},
		{[]string{"https://git.example.com/team"}, "https://git.example.com/teams/a", false},
		{[]string{"https://git.example.com/team"}, "https://git.example.com/team/../other", false},
		{[]string{"https://git.example.com/team"}, "https://git.example.com/team/%2e%2e/other", false},
		{[]string{"https://git.example.com/team"}, "https://git.example.com/team/..%2fother", false},
		{[]string{"https://git.example.com/team"}, "https://git.example.com@evil.example.com/team/a", false},
		{[]string{"https://git.example.com"}, "https://git.example.com.evil.example.com/a", false},
		{[]string{"https://git.example.com"}, "https://git.example.com:8443/a", false},
		{[]string{"ssh://git@git.example.com/team"}, "git@git.example.com:team/a", true},
	} {
		p, err := NewPolicy(c.allow)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Check(c.url)
		if (err == nil) != c.want {
			t.Errorf("%q with %q: %v", c.url, c.allow, err)
		}
		if err != nil && !errors.Is(err, model.ErrDenied) && !errors.Is(err, model.ErrInvalid) {
			t.Errorf("%q: the error has no kind: %v", c.url, err)
		}
	}
	if _, err := NewPolicy([]string{"team"}); err == nil {
		t.Error("a policy of no URL is taken")
	}
}

func TestErrorsHideCredentials(t *testing.T) {
	p, _ := NewPolicy([]string{"https://git.example.com"})
	for _, url := range []string{
		"https://user:planted@other.example.com/a?sig=planted", "http://other.example.com/a#planted", "https://%zz:planted@other/?planted",
	} {
		if err := p.Check(url); err == nil || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// server serves /file and counts; it can be made to fail.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	etag    string
	status  int
	asked   []string
	another string
}

func serve(t *testing.T) *server {
	s := &server{etag: `"1"`}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, r.URL.Path+" "+r.Header.Get("If-None-Match"))
		switch {
		case s.status != 0:
			w.WriteHeader(s.status)
		case r.URL.Path == "/moved":
			http.Redirect(w, r, s.another, http.StatusFound)
		case r.URL.Path == "/big":
			_, _ = w.Write(make([]byte, maxDownload+1))
		case r.Header.Get("If-None-Match") == s.etag:
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("ETag", s.etag)
			fmt.Fprint(w, "content "+s.etag)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func downloads(t *testing.T, allow ...string) *Downloads {
	p, err := NewPolicy(allow)
	if err != nil {
		t.Fatal(err)
	}
	return NewDownloads(p)
}

func TestDownload(t *testing.T) {
	s := serve(t)
	d := downloads(t, s.URL)
	now := time.Now()
	d.now = func() time.Time { return now }
	expect := func(when, want string, kind error) {
		t.Helper()
		got, err := d.Get(t.Context(), s.URL+"/file")
		if string(got) != want || !errors.Is(err, kind) {
			t.Errorf("%s: %q, %v", when, got, err)
		}
	}
	expect("first", `content "1"`, nil)
	expect("again", `content "1"`, nil)
	if len(s.asked) != 1 {
		t.Errorf("requests %q", s.asked)
	}
	now = now.Add(2 * fresh)
	expect("later", `content "1"`, nil)
	if len(s.asked) != 2 || s.asked[1] != `/file "1"` {
		t.Errorf("requests %q", s.asked)
	}
	now = now.Add(2 * fresh)
	s.status = 500
	expect("while the server is down", `content "1"`, nil)
	asked := len(s.asked)
	expect("while it is left alone", `content "1"`, nil)
	if len(s.asked) != asked {
		t.Errorf("requests %q", s.asked)
	}
	now = now.Add(rest)
	s.status = 404
	expect("when it is gone", "", model.ErrNotFound)
	s.status, s.etag = 0, `"2"`
	expect("changed", `content "2"`, nil)
	if _, err := d.Get(t.Context(), s.URL+"/big"); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a big file: %v", err)
	}
}

// TestNoRequestForgery: neither a name nor a redirect leads to what only this
// machine can reach, unless the operator has named it.
func TestNoRequestForgery(t *testing.T) {
	s, inner := serve(t), serve(t)
	if _, err := downloads(t, "http://").Get(t.Context(), s.URL+"/file"); !errors.Is(err, model.ErrDenied) || len(s.asked) != 0 {
		t.Errorf("a local address: %v, requests %q", err, s.asked)
	}
	s.another = inner.URL + "/file"
	d := downloads(t, s.URL)
	if _, err := d.Get(t.Context(), s.URL+"/moved"); !errors.Is(err, model.ErrDenied) || len(inner.asked) != 0 {
		t.Errorf("a redirect: %v, requests %q", err, inner.asked)
	}
	proxied := downloads(t, "http://", inner.URL)
	at, _ := url.Parse(inner.URL)
	proxied.client.Transport.(*http.Transport).Proxy = http.ProxyURL(at)
	for _, url := range []string{"http://169.254.169.254/latest", "http://localhost:1/x", "http://[::1]/x"} {
		if _, err := proxied.Get(t.Context(), url); !errors.Is(err, model.ErrDenied) || len(inner.asked) != 0 {
			t.Errorf("%s through a proxy: %v, requests %q", url, err, inner.asked)
		}
	}
	if _, err := proxied.Get(t.Context(), "http://192.0.2.1/file"); err != nil || len(inner.asked) != 1 {
		t.Errorf("through a proxy: %v, requests %q", err, inner.asked)
	}
	p, _ := NewPolicy(DefaultAllow())
	named, _ := NewPolicy([]string{"https://127.0.0.1:8443"})
	for _, url := range []string{"https://127.0.0.1/a", "https://127.0.0.1:8443/a", "https://[::1]:443/a", "git@127.0.0.1:a", "https://localhost/a", "https://169.254.169.254/latest"} {
		if err := p.CheckRemote(t.Context(), url); !errors.Is(err, model.ErrDenied) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := named.CheckRemote(t.Context(), "https://127.0.0.1:8443/a"); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]bool{
		"127.0.0.1": true, "::1": true, "169.254.169.254": true, "::ffff:169.254.169.254": true, "fe80::1": true, "0.0.0.0": true,
		"10.0.0.1": false, "192.0.2.1": false, "2001:db8::1": false,
	} {
		if got := IsLocal(netip.MustParseAddr(text)); got != want {
			t.Errorf("IsLocal(%s) is %v", text, got)
		}
	}
}

// sources are subscriptions in memory.
type sources struct {
	mu    sync.Mutex
	state map[model.SourceKey]model.SourceState
}

func (s *sources) Set(k model.SourceKey, _ model.Source) { s.put(k, model.SourceState{}) }

func (s *sources) put(k model.SourceKey, state model.SourceState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state[k] = state
}

func (s *sources) Remove(k model.SourceKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.state, k)
}

func (s *sources) States(keys []model.SourceKey) ([]model.SourceState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, ok := s.state[keys[0]]
	return []model.SourceState{state}, ok
}

func TestUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &sources{state: map[model.SourceKey]model.SourceState{}}
		woken := make(chan model.AppKey, 10)
		u := NewUses(store, func(a model.AppKey) { woken <- a })
		one, two := model.AppKey{Name: "one"}, model.AppKey{Name: "two"}
		src := model.Source{URL: "https://git.example.com/a"}
		key, _ := keyOf(src)

		got := make(chan string)
		go func() {
			snap, err := u.Fetch(t.Context(), one, src)
			if err != nil {
				got <- err.Error()
				return
			}
			got <- snap.Revision
		}()
		synctest.Wait() // the first use has subscribed
		store.put(key, model.SourceState{Snapshot: &model.Snapshot{Revision: "1"}})
		u.Changed(key)
		if revision := <-got; revision != "1" {
			t.Errorf("fetched %q", revision)
		}
		if app := <-woken; app != one {
			t.Errorf("woke %v", app)
		}
		if _, err := u.Fetch(t.Context(), two, src); err != nil {
			t.Error(err)
		}
		// A render that asks no more for a source gives it up.
		old := model.Source{URL: "https://git.example.com/old"}
		oldKey, _ := keyOf(old)
		store.put(oldKey, model.SourceState{})
		u.Begin(one)
		for _, used := range []model.Source{src, old} {
			store.put(key, model.SourceState{Snapshot: &model.Snapshot{Revision: "1"}, Err: errors.New("it is down")})
			u.note(mustKey(t, used), one, used)
		}
		if got := u.End(one); len(got) != 1 || !strings.Contains(got[0], "git.example.com/a") || !strings.Contains(got[0], "it is down") {
			t.Errorf("troubles %q", got)
		}
		u.Begin(one)
		u.note(key, one, src)
		u.End(one)
		if _, kept := store.state[oldKey]; kept {
			t.Error("a source that the render has given up is kept")
		}
		u.Forget(one)
		if len(store.state) != 1 {
			t.Error("a source that is still used was given up")
		}
		u.Forget(two)
		if len(store.state) != 0 {
			t.Error("an unused source was kept")
		}
		u.Changed(key)
		failing := model.Source{URL: "https://git.example.com/b"}
		badKey, _ := keyOf(failing)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := u.Fetch(ctx, one, failing); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		store.put(badKey, model.SourceState{Err: model.ErrDenied})
		if _, err := u.Fetch(t.Context(), one, failing); !errors.Is(err, model.ErrDenied) {
			t.Errorf("failing: %v", err)
		}
	})
}

// slow are sources that others come before.
type slow struct{ *sources }

func (s slow) Set(k model.SourceKey, src model.Source) {
	runtime.Gosched()
	s.sources.Set(k, src)
}

func (s slow) Remove(k model.SourceKey) {
	runtime.Gosched()
	s.sources.Remove(k)
}

// TestUsesComeAndGo: apps that come while others go never lose the source that
// they have just asked for, and leave none behind.
func TestUsesComeAndGo(t *testing.T) {
	store := &sources{state: map[model.SourceKey]model.SourceState{}}
	u := NewUses(slow{store}, func(model.AppKey) {})
	src := model.Source{URL: "https://git.example.com/a"}
	key, _ := keyOf(src)
	var apps sync.WaitGroup
	for n := range 8 {
		app := model.AppKey{Name: fmt.Sprint(n)}
		apps.Go(func() {
			for range 500 {
				u.note(key, app, src)
				if _, ok := store.States([]model.SourceKey{key}); !ok {
					t.Errorf("app %s has asked for a source that is not there", app.Name)
				}
				u.Forget(app)
			}
		})
	}
	apps.Wait()
	if len(store.state) != 0 || len(u.uses) != 0 {
		t.Errorf("left behind: %d sources, %d uses", len(store.state), len(u.uses))
	}
}

func mustKey(t *testing.T, src model.Source) model.SourceKey {
	t.Helper()
	key, err := keyOf(src)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
