package view

import (
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// The lengths of what is shown of a link: of its address in bytes, of its title in
// characters.
const (
	maxLink  = 2048
	maxTitle = 120
)

// SafeLink reads what a user wrote as a link, as "title|url" or as a url alone, whose
// title is its host and path. It is refused unless the url is http or https as it
// stands, with a host that is no pattern and without credentials. No characters are
// taken out of it first, so there are none in it that a browser would read otherwise:
// white space, control characters, backslashes.
func SafeLink(raw string) (Link, bool) {
	title, address, both := strings.Cut(raw, "|")
	if !both {
		title, address = "", raw
	}
	u, ok := webAddress(address)
	if !ok {
		return Link{}, false
	}
	title = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, title))
	if title == "" {
		title = strings.TrimSuffix(u.Host+u.EscapedPath(), "/")
	}
	return Link{Title: firstRunes(title, maxTitle), URL: u.String()}, true
}

// webAddress parses an http or https address that every browser reads alike, of at most
// maxLink bytes also when it is written with all its escapes.
func webAddress(s string) (*url.URL, bool) {
	if len(s) > maxLink || strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.IsSpace(r) || r == '\\' || r == unicode.ReplacementChar
	}) {
		return nil, false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || !isHost(u.Hostname()) || len(u.String()) > maxLink {
		return nil, false
	}
	return u, len(u.String()) <= maxLink // escaping makes it longer
}

// isHost reports whether a name is an address or made of what names are made of.
func isHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return !strings.Contains(name, "%")
	}
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r)
	})
}

// firstRunes are the first n characters, with an ellipsis in place of the others.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}

// scp is the form user@host:path of a Git repository on an SSH server.
var scp = regexp.MustCompile(`^[^@/:\s]+@([A-Za-z0-9.-]+):([^:\s]+)$`)

// WebURL is the page of a repository that a browser shows: https for SSH, without
// credentials and ".git". It is "" where none is known: for a local path, an OCI
// registry, and what is no address.
func WebURL(repoURL string) string {
	if m := scp.FindStringSubmatch(repoURL); m != nil {
		return page("https", m[1], m[2])
	}
	u, err := url.Parse(repoURL)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "http", "https":
		return page(u.Scheme, u.Host, u.Path)
	case "ssh", "git":
		return page("https", u.Hostname(), u.Path)
	}
	return ""
}

// page is the address of a repository's path on a host; "" if it is none.
func page(scheme, host, file string) string {
	if host == "ssh.dev.azure.com" {
		return "" // its pages have other paths
	}
	if file = strings.Trim(file, "/"); file != "" {
		file = strings.TrimSuffix(path.Clean("/"+file), ".git")
	}
	if dirs := strings.Split(file, "/"); isBitbucketServer(host) && len(dirs) > 2 && !strings.HasPrefix(file, "/projects/") {
		file = "/projects/" + dirs[len(dirs)-2] + "/repos/" + dirs[len(dirs)-1]
	}
	u, ok := webAddress((&url.URL{Scheme: scheme, Host: host, Path: file}).String())
	if !ok {
		return ""
	}
	return u.String()
}

func isBitbucketServer(host string) bool {
	return hasLabel(host, "bitbucket") && host != "bitbucket.org"
}

var commitID = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// CommitURL is the page of a commit in a repository whose page is web; "" where
// revision is no commit or web no such page. GitLab and Bitbucket are known by their
// hosts' names; all others have it where GitHub, Gitea and Azure DevOps do.
func CommitURL(web, revision string) string {
	u, ok := webAddress(web)
	id := commitOf(revision)
	if !ok || !commitID.MatchString(id) || strings.Trim(u.Path, "/") == "" {
		return ""
	}
	host, part := strings.ToLower(u.Hostname()), "/commit/"
	switch {
	case hasLabel(host, "gitlab"):
		part = "/-/commit/"
	case hasLabel(host, "bitbucket"):
		part = "/commits/"
	}
	u.Path, u.RawQuery, u.Fragment = strings.TrimSuffix(u.Path, "/")+part+id, "", ""
	return u.String()
}

// hasLabel reports whether a part of the host's name is, or begins with, word.
func hasLabel(host, word string) bool {
	for part := range strings.SplitSeq(host, ".") {
		if part == word || strings.HasPrefix(part, word+"-") {
			return true
		}
	}
	return false
}

// commitOf is the commit of a revision as Flux writes it, such as main@sha1:…, or
// the revision itself.
func commitOf(revision string) string {
	if _, id, ok := strings.Cut(revision, "sha1:"); ok {
		return id
	}
	return revision
}
