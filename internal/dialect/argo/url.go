package argo

import (
	"net"
	"net/url"
	"strings"
)

// normalURL is the form in which two URLs of one repository are equal: without
// case, user of an ssh URL, final slash and ".git"; user@host:path is an ssh URL.
func normalURL(text string) string {
	s := strings.ToLower(strings.TrimSpace(text))
	if !strings.Contains(s, "://") {
		if host, path, ok := strings.Cut(s, ":"); ok && !strings.Contains(host, "/") {
			s = "ssh://" + host + "/" + strings.TrimPrefix(path, "/")
		}
	}
	if rest, ok := strings.CutPrefix(s, "ssh://"); ok {
		if at := strings.IndexByte(rest, '@'); at >= 0 && at < len(rest)-len(afterSlash(rest)) {
			rest = rest[at+1:]
		}
		s = "ssh://" + rest
	}
	return strings.TrimSuffix(strings.TrimRight(s, "/"), ".git")
}

// afterSlash is the text from its first slash on.
func afterSlash(s string) string {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[i:]
	}
	return ""
}

// coversURL reports whether a template of credentials is for a repository, both
// normalised. Argo CD compares the beginning of the text; here it must not end
// inside the host, so that no credentials go to github.com.evil.example.
func coversURL(template, repository string) bool {
	rest, ok := strings.CutPrefix(repository, template)
	if !ok {
		return false
	}
	_, address, ok := strings.Cut(template, "://")
	if !ok {
		return false
	}
	return rest == "" || strings.Contains(address, "/") || strings.HasPrefix(rest, "/")
}

// ociScheme is how registries are named.
const ociScheme = "oci://"

func isOCI(text string) bool { return strings.HasPrefix(text, ociScheme) }

// ociURL is the normal form of a registry's URL, which may be written without
// scheme.
func ociURL(text string) string { return normalURL(ociScheme + withoutScheme(text)) }

func withoutScheme(text string) string {
	text = strings.TrimSpace(text)
	if _, rest, ok := strings.Cut(text, "://"); ok {
		return rest
	}
	return text
}

func isSSH(normalised string) bool { return strings.HasPrefix(normalised, "ssh://") }

// hostOf is the host name of a URL without its port; "" if it has none.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	if host, _, err := net.SplitHostPort(u.Host); err == nil {
		return host
	}
	return u.Host
}
