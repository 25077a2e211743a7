package source

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestParseURL(t *testing.T) {
	cases := map[string]struct {
		want  string
		index string
	}{
		"https://GitHub.com:443/Org/App.git": {"https://github.com/Org/App.git", "github.com/org/app"},
		"https://u:p@host/app/":              {"https://host/app/", "host/app"},
		"http://host:80/app":                 {"http://host/app", "host/app"},
		"http://host:8080/app":               {"http://host:8080/app", "host:8080/app"},
		"ssh://git@host:22/app.git":          {"ssh://git@host/app.git", "host/app"},
		"git@Host:org/app.git":               {"git@host:org/app.git", "host/org/app"},
		"host:app":                           {"host:app", "host/app"},
		"/srv/git/app":                       {"file:///srv/git/app", "/srv/git/app"},
		"file:///srv/git/../app":             {"file:///srv/app", "/srv/app"},
	}
	for in, c := range cases {
		r, _, err := parseURL(in, true)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if r.String() != c.want || r.index() != c.index {
			t.Errorf("%s: %q with index %q, want %q and %q", in, r.String(), r.index(), c.want, c.index)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, in := range []string{
		"", "-oProxyCommand=x", "--upload-pack=x", "ext::sh -c touch% /tmp/x", "fd::17", "http::https://host/app",
		"https://host/a\nb", "https://host/app\x00", "ftp://host/app", "git://host/app", "https:///app", "https://host/",
		"https://host/../../etc", "https://host/a/../b", "https://host/a/%2e%2E/b", "ssh://host/a/.%2e%2fb", "ssh://-oProxyCommand=x/app", "ssh://-x@host/app", "-x:app",
		"host:-app", "file://relative", "app", "./app", "https://host/app?x=y", "https://user:pa/ss-hidden@host/app",
		"user:hidden@host:app", "https://host/app#frag",
	} {
		_, _, err := parseURL(in, true)
		if !errors.Is(err, model.ErrInvalid) {
			t.Errorf("%q: error %v, want ErrInvalid", in, err)
			continue
		}
		if strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: the error holds the password: %v", in, err)
		}
	}
	if _, _, err := parseURL("/srv/app", false); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a local path that is not allowed: %v", err)
	}
}

func TestBases(t *testing.T) {
	rewrites := []Rewrite{
		{"https://github.com/myorg/", "http://127.0.0.1:1/git/"},
		{"https://github.com/myorg", "ssh://git@mirror/x"},
		{"https://github.com/", "/srv/mirror"},
	}
	cases := map[string][]string{
		"https://github.com/myorg/app":      {"http://127.0.0.1:1/git/app", "ssh://git@mirror/x/app", "file:///srv/mirror/myorg/app", "https://github.com/myorg/app"},
		"https://u:p@GitHub.com/other/app":  {"file:///srv/mirror/other/app", "https://github.com/other/app"},
		"https://github.com/myorg-evil/app": {"file:///srv/mirror/myorg-evil/app", "https://github.com/myorg-evil/app"},
		"https://gitlab.com/myorg/app":      {"https://gitlab.com/myorg/app"},
	}
	for in, want := range cases {
		r, _, err := parseURL(in, true)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range bases(r, rewrites, true) {
			got = append(got, b.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
	r, _, _ := parseURL("https://github.com/a/b", true)
	got := bases(r, []Rewrite{{"https://github.com/", "https://github.com/"}, {"https://github.com/", "https://mirror/"}}, true)
	if len(got) != 2 || got[0].host != "github.com" {
		t.Errorf("the original as an explicit base has to be at its place: %v", got)
	}
}

func TestCheckRewrites(t *testing.T) {
	for _, w := range []Rewrite{
		{"", "https://a/"}, {"https://a/", ""}, {"https://a/", "https://user:hidden@b/"}, {"https://a/", "ext::x"}, {"https://a/", "/srv"},
	} {
		err := checkRewrites([]Rewrite{w}, false)
		if !errors.Is(err, model.ErrInvalid) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: error %v, want ErrInvalid without the password", w, err)
		}
	}
}
