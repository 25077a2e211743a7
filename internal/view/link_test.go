package view_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// TestLinkSchemes: GHSA-h4w9-6x78-8vrj and GHSA-jwv5-8mqv-g387. Of what users write as
// links in annotations and Ingresses only http and https are links, and nothing that a
// browser would read as something else.
func TestLinkSchemes(t *testing.T) {
	for name, raw := range map[string]string{
		"script":                  "javascript:alert(1)",
		"script with a host":      "javascript://example.com/%0aalert(1)",
		"mixed case":              "jAvascript:alert(1)",
		"leading space":           " jAvascript:alert(1)",
		"space before http":       " https://example.com",
		"space after":             "https://example.com ",
		"tab in the scheme":       "java\tscript:alert(1)",
		"newline in the scheme":   "java\nscript:alert(1)",
		"carriage return":         "java\rscript:alert(1)",
		"tab in the host":         "https://exa\tmple.com",
		"newline at the end":      "https://example.com\n",
		"leading control":         "\x01javascript:alert(1)",
		"null":                    "https://example.com/\x00",
		"data":                    "data:text/html,<script>alert(1)</script>",
		"data, mixed case":        "DaTa:text/html;base64,PHNjcmlwdD4=",
		"vbscript":                "vbscript:msgbox(1)",
		"file":                    "file:///etc/passwd",
		"ftp":                     "ftp://example.com/",
		"blob":                    "blob:https://example.com/1",
		"of a titled link":        "Docs|javascript:alert(1)",
		"space in a titled link":  "Docs| javascript:alert(1)",
		"two titles":              "Docs|More|https://example.com",
		"user":                    "https://github.com@evil.example/",
		"user and password":       "https://user:password@example.com/",
		"backslashes":             `https:\\evil.example`,
		"backslash in the host":   `https://good.example\@evil.example/`,
		"no scheme":               "//evil.example/",
		"a path":                  "/etc",
		"one slash":               "https:/evil.example",
		"opaque":                  "https:evil.example",
		"no host":                 "https://",
		"only a port":             "https://:443/",
		"a pattern as host":       "https://*.example.com/",
		"zero width space":        "https://exam\u200bple.com",
		"text turned round":       "https://example.com/\u202egnp.exe",
		"line separator":          "https://example.com/\u2028",
		"no-break space":          "\u00a0https://example.com",
		"no UTF-8":                "https://example.com/\xff",
		"nothing":                 "",
		"only a title":            "Docs|",
		"entity":                  "java&#115;cript:alert(1)",
		"encoded scheme":          "javascript%3Aalert(1)",
		"far too long":            "https://example.com/" + strings.Repeat("a", 2048),
		"too long once escaped":   "https://example.com/" + strings.Repeat("{", 1000),
		"view-source":             "view-source:https://example.com",
		"host with an open quote": "https://example.com\"onclick=alert(1)",
	} {
		if l, ok := view.SafeLink(raw); ok {
			t.Errorf("%s: %q became %q", name, raw, l)
		}
	}
}

func TestSafeLink(t *testing.T) {
	for raw, want := range map[string]view.Link{
		"https://example.com":                      {Title: "example.com", URL: "https://example.com"},
		"http://example.com:8080/a?b=c#d":          {Title: "example.com:8080/a", URL: "http://example.com:8080/a?b=c#d"},
		"HTTPS://Example.com/":                     {Title: "Example.com", URL: "https://Example.com/"},
		"Docs|https://example.com":                 {Title: "Docs", URL: "https://example.com"},
		"Our docs |https://example.com":            {Title: "Our docs", URL: "https://example.com"},
		"|https://example.com":                     {Title: "example.com", URL: "https://example.com"},
		"a\u202eb\x00|https://example.com":         {Title: "ab", URL: "https://example.com"},
		"<b>|https://example.com/?q=<script>":      {Title: "<b>", URL: "https://example.com/?q=<script>"},
		"https://[::1]:8443/":                      {Title: "[::1]:8443", URL: "https://[::1]:8443/"},
		"https://example.com/a%0ab":                {Title: "example.com/a%0ab", URL: "https://example.com/a%0ab"},
		strings.Repeat("ä", 130) + "|https://a.b/": {Title: strings.Repeat("ä", 120) + "…", URL: "https://a.b/"},
	} {
		if got, ok := view.SafeLink(raw); !ok || got != want {
			t.Errorf("%q: %q, %t", raw, got, ok)
		}
	}
}

// FuzzSafeLink: whatever comes out is an http or https address without credentials, and
// safe as it stands.
func FuzzSafeLink(f *testing.F) {
	for _, raw := range []string{"Docs|https://example.com/a?b#c", " jAvascript:alert(1)", "https://u:p@h/", "http://[::1%25en0]/", "http://h/{" + strings.Repeat(")", 1000)} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		l, ok := view.SafeLink(raw)
		if !ok {
			return
		}
		u, err := url.Parse(l.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Host == "" || strings.ContainsAny(l.URL, " \t\r\n\\\x00") || l.Title == "" {
			t.Errorf("%q became %q: %v", raw, l, err)
		}
		if again, ok := view.SafeLink("t|" + l.URL); !ok || again.URL != l.URL {
			t.Errorf("%q became %q, and that %q, %t", raw, l, again, ok)
		}
	})
}

// TestRepositoryLinks: GHSA-2hj5-g64g-fp6p. The page of a repository is http or https,
// whatever its URL is.
func TestRepositoryLinks(t *testing.T) {
	for repo, want := range map[string]string{
		"https://github.com/example/shop":                    "https://github.com/example/shop",
		"https://github.com/example/shop.git":                "https://github.com/example/shop",
		"https://github.com/example/shop.git/":               "https://github.com/example/shop",
		"https://user:token@github.com/example/shop.git?a#b": "https://github.com/example/shop",
		"HTTPS://git.example:8443/a/b.git":                   "https://git.example:8443/a/b",
		"http://git.example/a/b":                             "http://git.example/a/b",
		"git@github.com:example/shop.git":                    "https://github.com/example/shop",
		"git@git.example:/srv/shop.git":                      "https://git.example/srv/shop",
		"ssh://git@git.example:2222/example/shop.git":        "https://git.example/example/shop",
		"git://git.example/shop":                             "https://git.example/shop",
		"https://dev.azure.com/org/p/_git/shop":              "https://dev.azure.com/org/p/_git/shop",
		"git@ssh.dev.azure.com:v3/org/p/shop":                "",
		"https://bitbucket.org/team/shop.git":                "https://bitbucket.org/team/shop",
		"https://bitbucket.example/scm/p/shop.git":           "https://bitbucket.example/projects/p/repos/shop",
		"ssh://git@bitbucket.example:7999/p/shop.git":        "https://bitbucket.example/projects/p/repos/shop",
		"https://charts.example/stable":                      "https://charts.example/stable",
		"oci://registry.example/a":                           "",
		"/srv/git/shop":                                      "",
		"../shop":                                            "",
		"file:///srv/git/shop":                               "",
		"C:/git/shop":                                        "",
		"minio.example:9000":                                 "",
		"javascript:alert(1)":                                "",
		"javascript://github.com/%0aalert(1)":                "",
		"x@javascript:alert(1)":                              "https://javascript/alert%281%29",
		"git@-x\n:y":                                         "",
		"https://git.example/a\nb":                           "",
		"https://git.example/a\\b":                           "https://git.example/a%5Cb",
		"https://*.example/a":                                "",
		"data:text/html,x":                                   "",
		"":                                                   "",
	} {
		if got := view.WebURL(repo); got != want {
			t.Errorf("%q: %q, want %q", repo, got, want)
		}
	}
}

func TestCommitURL(t *testing.T) {
	const id = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	for _, c := range []struct{ web, revision, want string }{
		{"https://github.com/example/shop", id, "https://github.com/example/shop/commit/" + id},
		{"https://gitlab.com/a/b/c", id, "https://gitlab.com/a/b/c/-/commit/" + id},
		{"https://gitlab.example/a/b", id, "https://gitlab.example/a/b/-/commit/" + id},
		{"https://gitlab-2.example/a/b", id, "https://gitlab-2.example/a/b/-/commit/" + id},
		{"https://notgitlab.example/a/b", id, "https://notgitlab.example/a/b/commit/" + id},
		{"https://bitbucket.org/a/b", id, "https://bitbucket.org/a/b/commits/" + id},
		{"https://bitbucket.example/projects/p/repos/b", id, "https://bitbucket.example/projects/p/repos/b/commits/" + id},
		{"https://codeberg.org/a/b/", id, "https://codeberg.org/a/b/commit/" + id},
		{"https://dev.azure.com/org/p/_git/b", id, "https://dev.azure.com/org/p/_git/b/commit/" + id},
		{"https://github.com/example/shop", "main@sha1:" + id, "https://github.com/example/shop/commit/" + id},
		{"https://github.com/example/shop", id[:7], "https://github.com/example/shop/commit/" + id[:7]},
		{"https://github.com/example/shop", "v1.2.3", ""},
		{"https://github.com/example/shop", "sha256:" + id, ""},
		{"https://github.com/example/shop", "../../evil", ""},
		{"https://github.com/example/shop", "", ""},
		{"https://github.com/", id, ""},
		{"javascript:alert(1)", id, ""},
		{"", id, ""},
	} {
		if got := view.CommitURL(c.web, c.revision); got != c.want {
			t.Errorf("%q at %q: %q, want %q", c.web, c.revision, got, c.want)
		}
	}
}
