package cli

import (
	"os"
	"path"
	"path/filepath"
	"strings"
)

// isClone reports whether the directory's work tree is a clone of a repository:
// one of its remotes has that URL, or its folder that name.
func (p place) isClone(url string) bool {
	want := plainURL(url)
	for _, remote := range remotes(p.top) {
		if plainURL(remote) == want {
			return true
		}
	}
	return path.Base(want) == strings.ToLower(filepath.Base(p.top))
}

// plainURL leaves out what ways of writing a repository's URL differ in.
func plainURL(url string) string {
	url = strings.ToLower(strings.TrimSuffix(strings.TrimRight(url, "/"), ".git"))
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	} else {
		url = strings.Replace(url, ":", "/", 1)
	}
	if i := strings.LastIndexByte(url, '@'); i >= 0 {
		url = url[i+1:]
	}
	return url
}

// remotes are the URLs in the configuration of a work tree's repository. Other
// work trees of a repository, whose .git is a file, have none here.
func remotes(top string) []string {
	data, err := os.ReadFile(filepath.Join(top, ".git", "config"))
	if err != nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.TrimSpace(name) == "url" {
			out = append(out, strings.TrimSpace(value))
		}
	}
	return out
}
