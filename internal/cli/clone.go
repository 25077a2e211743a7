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

// repository is the directory of a work tree's repository: its .git, or where
// that leads to from one that "git worktree" or a submodule has made.
func repository(top string) string {
	dir := filepath.Join(top, ".git")
	if link, err := os.ReadFile(dir); err == nil {
		dir = under(top, strings.TrimPrefix(string(link), "gitdir:"))
	}
	//nolint:gosec // the user's own work tree says where its repository is
	if common, err := os.ReadFile(filepath.Join(dir, "commondir")); err == nil {
		dir = under(dir, string(common))
	}
	return dir
}

// under is a path that may be relative to a directory.
func under(dir, name string) string {
	if name = strings.TrimSpace(name); filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// remotes are the URLs in the configuration of a work tree's repository.
func remotes(top string) []string {
	data, err := os.ReadFile(filepath.Join(repository(top), "config"))
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
