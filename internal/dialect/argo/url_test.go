package argo

import "testing"

func TestNormalURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://Git.Example/Org/Repo.git": "https://git.example/org/repo",
		"https://git.example/org/repo/":    "https://git.example/org/repo",
		"git@git.example:org/repo.git":     "ssh://git.example/org/repo",
		"ssh://git@git.example/org/repo":   "ssh://git.example/org/repo",
		"ssh://git.example:22/org/a@b":     "ssh://git.example:22/org/a@b",
		"/srv/git/repo":                    "/srv/git/repo",
	} {
		if got := normalURL(text); got != want {
			t.Errorf("normalURL(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestCoversURL(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, template, repository string
		want                         bool
	}{
		"org":          {"a prefix of the path", "https://github.com/org", "https://github.com/org/repo", true},
		"part of name": {"as Argo CD does", "https://github.com/my-", "https://github.com/my-org/repo", true},
		"host":         {"a whole host", "https://github.com/", "https://github.com/org/repo", true},
		"longer host":  {"credentials must not go to another host", "https://github.com", "https://github.com.evil.example/org/repo", false},
		"port":         {"another port is another host", "https://github.com", "https://github.com:8443/org", false},
		"scheme":       {"another protocol", "https://github.com", "ssh://github.com/org", false},
		"no host":      {"a template without a host is for nothing", "h", "https://github.com/org", false},
		"ssh":          {"the short form of ssh", "git@github.com:org", "git@github.com:org/repo.git", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := coversURL(normalURL(tc.template), normalURL(tc.repository)); got != tc.want {
				t.Errorf("%s: got %v", tc.reason, got)
			}
		})
	}
}
