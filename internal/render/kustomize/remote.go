package kustomize

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"sigs.k8s.io/kustomize/api/resource"
)

// repository is a directory of another repository at a revision.
type repository struct {
	// text is how the kustomization writes it.
	text           string
	url, ref, path string
	submodules     bool
}

// looksRemote matches what may be a repository or a URL. What Kustomize takes
// for one it matches too, in any spelling.
var looksRemote = regexp.MustCompile(`(?i)^(git::)?([a-z][a-z0-9+.-]*://|[a-z][a-z0-9-]*@|github\.com[/:])`)

// isFileURL reports whether a path is a URL that a single file could be at.
func isFileURL(p string) bool {
	u, err := url.Parse(p)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// remoteBase takes a path for a repository if Kustomize does. The library says
// so by what it makes the origin of objects.
func remoteBase(p string) (repository, bool) {
	if !looksRemote.MatchString(p) {
		return repository{}, false
	}
	clean := p
	if rest, ok := cutPrefixFold(p, "git::"); ok {
		clean = rest
	}
	at := new(resource.Origin).Append(clean)
	if at.Repo == "" {
		return repository{}, false
	}
	const unset = "notCloned" // the library's path of a repository's root
	r := repository{text: p, url: at.Repo, ref: at.Ref, path: at.Path, submodules: true}
	if r.path == unset && !strings.Contains(clean, unset) {
		r.path = "."
	}
	if _, query, ok := strings.Cut(clean, "?"); ok {
		if values, err := url.ParseQuery(query); err == nil {
			if on, err := strconv.ParseBool(values.Get("submodules")); err == nil {
				r.submodules = on
			}
		}
	}
	return r, true
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// remote is the loader of a directory in another repository.
func (l *loader) remote(at repository) (*loader, error) {
	src := model.Source{
		Kind: model.SourceGit, URL: at.url, Ref: model.Ref{Any: at.ref}, Git: model.Git{Submodules: at.submodules},
	}
	files, _, err := l.b.in.Remote(src)
	if err != nil {
		return nil, l.b.unreachable("remote base", at.text, err)
	}
	dir, err := input.Clean(at.path)
	if err != nil {
		return nil, faultf("%q: %w", at.text, err)
	}
	switch k, err := files.Kind(dir); {
	case err != nil:
		return nil, err
	case k == input.File:
		return nil, faultf("%q is a file of a repository, and has to be a directory with a kustomization; "+
			"name the file by the URL of its content", publicURL(at.text))
	case k != input.Dir:
		return nil, faultf("%q: the repository has no directory %q at this revision", publicURL(at.text), dir)
	}
	return l.enter(&loader{b: l.b, files: files, dir: dir, up: l, repo: at.url})
}

// download is a file by its URL.
func (b *build) download(p string) ([]byte, error) {
	data, err := b.in.Download(p)
	if err != nil {
		return nil, b.unreachable("remote file", p, err)
	}
	return data, nil
}

// unreachable says which remote thing can't be had. It is for whoever names it
// to fail.
func (b *build) unreachable(what, text string, err error) error {
	b.in.Heal()
	return fault{fmt.Errorf("%s %s: %w", what, publicURL(text), err)}
}

// publicURL is a URL without what may be a credential.
func publicURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	u.User = nil
	query := u.Query()
	for name := range query {
		if name != "ref" && name != "version" {
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// What a URL may be.
type urlKind byte

const (
	urlFile       urlKind = iota // the content of a file
	urlRepository                // a repository
	urlEither                    // Kustomize tries the file first
)

// kindOfURL tells what is meant by an http URL.
func kindOfURL(p string) urlKind {
	_, isRepository := remoteBase(p)
	u, err := url.Parse(p)
	if err != nil || !isRepository {
		return urlFile
	}
	query := u.Query()
	if query.Has("ref") || query.Has("version") || strings.Contains(u.Path, "//") ||
		strings.Contains(u.Path, ".git") || strings.Contains(u.Path, "_git/") {
		return urlRepository
	}
	switch path.Ext(u.Path) {
	case ".yaml", ".yml", ".json":
		return urlFile
	}
	if strings.EqualFold(u.Host, "github.com") {
		return urlRepository
	}
	return urlEither
}
