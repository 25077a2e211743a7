package remote

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// DefaultAllow are the URLs that renders may use where the operator says
// nothing else: whatever is encrypted and authenticates its host.
func DefaultAllow() []string { return []string{"https://", "ssh://", "oci://"} }

// None, as the only entry, allows nothing.
const None = "none"

// Policy says what may be fetched.
type Policy struct{ allowed []location }

// location is a URL taken apart: the user does not count, and no path leads up.
type location struct{ scheme, host, path string }

// NewPolicy allows what begins with one of the URLs: a scheme alone
// ("https://"), a host, or a directory of it. A directory allows what is below
// it, not what begins with the same letters.
func NewPolicy(allow []string) (Policy, error) {
	var p Policy
	if len(allow) == 1 && allow[0] == None {
		return p, nil
	}
	for _, text := range allow {
		at, err := parse(text)
		if err != nil {
			return p, fmt.Errorf("%q is no URL that could be allowed (as https://git.example.com/team): %w", text, err)
		}
		p.allowed = append(p.allowed, at)
	}
	return p, nil
}

// Check is model.ErrDenied for a URL that is not allowed.
func (p Policy) Check(text string) error {
	at, err := parse(text)
	if err != nil {
		return model.Invalidf("%s is no URL: %w", Redact(text), err)
	}
	for _, a := range p.allowed {
		if a.holds(at) {
			return nil
		}
	}
	return model.As(model.ErrDenied, fmt.Errorf("%s may not be used: allow it with --allow-remote, or put its files into the repository", Redact(text)))
}

// CheckRemote is Check for a URL that a repository names, and model.ErrDenied for
// a host of the machine itself or of its link, unless the operator has named it.
func (p Policy) CheckRemote(ctx context.Context, text string) error {
	if err := p.Check(text); err != nil || p.Names(text) {
		return err
	}
	at, err := parse(text)
	if err != nil {
		return err
	}
	host := at.host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", strings.Trim(host, "[]"))
	if err != nil {
		return nil // who connects will say so
	}
	if slices.ContainsFunc(addrs, IsLocal) {
		return &deniedError{host}
	}
	return nil
}

func (l location) holds(o location) bool {
	if l.scheme != o.scheme || l.host != "" && l.host != o.host {
		return false
	}
	return l.path == "/" || o.path == l.path || strings.HasPrefix(o.path, l.path+"/")
}

// Names reports whether the operator has named the host of a URL, and not its
// scheme alone: then it may be anywhere.
func (p Policy) Names(text string) bool {
	at, err := parse(text)
	if err != nil {
		return false
	}
	for _, a := range p.allowed {
		if a.host != "" && a.holds(at) {
			return true
		}
	}
	return false
}

// parse reads a URL, or user@host:path as SSH users write it.
func parse(text string) (location, error) {
	if !strings.Contains(text, "://") {
		host, rest, ok := strings.Cut(text, ":")
		if !ok || strings.Contains(host, "/") || strings.HasPrefix(rest, ":") || strings.HasPrefix(host, "-") {
			return location{}, fmt.Errorf("it has no scheme")
		}
		text = "ssh://" + host + "/" + strings.TrimPrefix(rest, "/")
	}
	u, err := url.Parse(text)
	if err != nil {
		return location{}, fmt.Errorf("it can't be parsed") // the parser's error prints the text
	}
	if u.Opaque != "" || strings.Contains(strings.ToLower(u.EscapedPath()), "%2f") {
		return location{}, fmt.Errorf("its path is hidden")
	}
	return location{
		scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Host),
		path: path.Clean("/" + u.Path),
	}, nil
}

// Redact is a URL without user and query, which may be secret.
func Redact(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		before, _, _ := strings.Cut(text, "?")
		if i := strings.LastIndexByte(before, '@'); i >= 0 {
			before = before[i+1:]
		}
		return before
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
