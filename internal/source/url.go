package source

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// remote is a repository URL taken apart. It holds no secret.
type remote struct {
	scheme string // http, https, ssh or file
	user   string // only for ssh
	host   string // lower case; with the port if it isn't the default one
	path   string // begins with a slash, except in scp form
	scp    bool   // user@host:path
}

var (
	scpForm      = regexp.MustCompile(`^(?:([A-Za-z0-9._~+-]+)@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):([^:].*)$`)
	defaultPorts = map[string]string{"http": ":80", "https": ":443", "ssh": ":22"}
)

// parseURL checks a repository URL. Credentials in an http URL are returned
// apart. Every error is ErrInvalid.
func parseURL(raw string, allowLocal bool) (remote, *url.Userinfo, error) {
	r, user, err := splitURL(raw)
	if err == nil && r.scheme == "file" && !allowLocal {
		err = fmt.Errorf("local repositories are not allowed here; use an https:// or ssh:// URL")
	}
	if err == nil && r.scheme != "file" && r.leadsBack() {
		err = fmt.Errorf("it must not contain a .. part")
	}
	if err != nil {
		return remote{}, nil, model.As(model.ErrInvalid, fmt.Errorf("repository URL %q: %w", hideUserinfo(raw), err))
	}
	return r, user, nil
}

// leadsBack reports whether there is a .. in the path, escaped or not: servers take the one
// for the other.
func (r remote) leadsBack() bool {
	plain, err := url.PathUnescape(r.path)
	if err != nil || r.scp {
		plain = r.path
	}
	return strings.Contains("/"+plain+"/", "/../")
}

func splitURL(raw string) (remote, *url.Userinfo, error) {
	switch {
	case raw == "":
		return remote{}, nil, fmt.Errorf("it is empty")
	case strings.HasPrefix(raw, "-"):
		return remote{}, nil, fmt.Errorf("it must not begin with a dash")
	case strings.ContainsFunc(raw, unicode.IsControl):
		return remote{}, nil, fmt.Errorf("it holds a control character")
	case strings.HasPrefix(raw, "/"):
		return remote{scheme: "file", path: filepath.Clean(raw)}, nil, nil
	case strings.Contains(raw, "::") && !strings.Contains(raw, "["):
		return remote{}, nil, fmt.Errorf("transport helpers (such as ext::) are never run; use an https:// or ssh:// URL")
	}
	if !strings.Contains(raw, "://") {
		m := scpForm.FindStringSubmatch(raw)
		if m == nil || strings.HasPrefix(m[2], "-") || strings.HasPrefix(m[3], "-") {
			return remote{}, nil, fmt.Errorf("it is neither a URL nor user@host:path")
		}
		if strings.Contains(m[3], "@") {
			return remote{}, nil, fmt.Errorf("a password has no place in it; put credentials into a Secret")
		}
		return remote{scheme: "ssh", user: m[1], host: strings.ToLower(m[2]), path: m[3], scp: true}, nil, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The error of net/url repeats its input, and with it a password.
		return remote{}, nil, fmt.Errorf("it cannot be parsed; write special characters as %%XX")
	}
	return fromURL(u)
}

func fromURL(u *url.URL) (remote, *url.Userinfo, error) {
	r := remote{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Host), path: u.EscapedPath()}
	switch r.scheme {
	case "file":
		if r.host != "" || !filepath.IsAbs(u.Path) {
			return remote{}, nil, fmt.Errorf("a file URL needs an absolute path: file:///path")
		}
		return remote{scheme: "file", path: filepath.Clean(u.Path)}, nil, nil
	case "http", "https":
	case "ssh":
		r.user = u.User.Username()
		if strings.HasPrefix(r.user, "-") {
			return remote{}, nil, fmt.Errorf("the user must not begin with a dash")
		}
	default:
		return remote{}, nil, fmt.Errorf("the scheme %q is not supported; use https, http or ssh", u.Scheme)
	}
	if u.Hostname() == "" || strings.HasPrefix(r.host, "-") {
		return remote{}, nil, fmt.Errorf("it names no host")
	}
	if strings.Trim(r.path, "/") == "" {
		return remote{}, nil, fmt.Errorf("it names no repository")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return remote{}, nil, fmt.Errorf("it must not have a query or a fragment")
	}
	r.host = strings.TrimSuffix(r.host, defaultPorts[r.scheme])
	if r.scheme == "ssh" {
		return r, nil, nil
	}
	return r, u.User, nil
}

// String is the URL as git gets it.
func (r remote) String() string {
	user := r.user
	if user != "" {
		user += "@"
	}
	switch {
	case r.scheme == "file":
		return "file://" + r.path
	case r.scp:
		return user + r.host + ":" + r.path
	default:
		return r.scheme + "://" + user + r.host + r.path
	}
}

// origin is the beginning of the URL up to the host, for http.
func (r remote) origin() string { return r.scheme + "://" + r.host }

// key is the same for URLs that certainly are one repository.
func (r remote) key() string {
	r.path = strings.TrimRight(r.path, "/")
	return r.String()
}

// index is the same for all the ways to write one repository: whatever the
// scheme, the user, the .git at the end, or the case. Two repositories may
// share it; it only serves to look sooner.
func (r remote) index() string {
	path := strings.TrimSuffix(strings.Trim(r.path, "/"), ".git")
	return strings.ToLower(r.host + "/" + path)
}

var userinfo = regexp.MustCompile(`://[^/\s]*@`)

// withoutUserinfo takes credentials out of a text that holds URLs. The user of
// an ssh URL goes too.
func withoutUserinfo(text string) string { return userinfo.ReplaceAllString(text, "://") }

// hideUserinfo is withoutUserinfo for a text that may be no URL at all: whatever
// stands before the last @ could be a password.
func hideUserinfo(raw string) string {
	i := strings.LastIndexByte(raw, '@')
	if i < 0 {
		return raw
	}
	scheme, _, ok := strings.Cut(raw[:i], "://")
	if !ok {
		return raw[i+1:]
	}
	return scheme + "://" + raw[i+1:]
}

// hashName is a file name for a key.
func hashName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}
