package source

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Failure is the error of a subscription that cannot be looked at. Its text does
// not change while the cause stays.
type Failure struct {
	// Since is when it first failed.
	Since time.Time
	// Restored: the snapshot is the one that an earlier process fetched.
	Restored bool
	err      error
}

func (f *Failure) Error() string { return f.err.Error() }
func (f *Failure) Unwrap() error { return f.err }

// errDamaged: the mirror on disk is unusable, whatever the remote says.
var errDamaged = errors.New("the local mirror is damaged")

// errRedirected: the server wants to be asked elsewhere.
var errRedirected = model.As(model.ErrInvalid, errors.New("redirected"))

// symptom maps what git prints to a kind of error and to what can be done.
type symptom struct {
	text string
	kind error
	hint string
}

// symptoms are in the order in which they are looked for. git runs with LC_ALL=C.
var symptoms = []symptom{
	{"host key verification failed", model.ErrDenied, "the SSH host key is not among the known hosts; add the server's key to the credentials' known hosts"},
	{"permission denied (", model.ErrDenied, "the server refused the SSH key; check the key and its access to the repository"},
	{"could not read username", model.ErrDenied, "the server asks for credentials and none are configured for this repository, or they are wrong"},
	{"could not read password", model.ErrDenied, "the server asks for a password and none is configured for this repository"},
	{"authentication failed", model.ErrDenied, "the server refused the credentials; check user name and password or token"},
	{"received http code 407", model.ErrDenied, "the proxy refused the credentials"},
	{"connect tunnel failed, response 407", model.ErrDenied, "the proxy refused the credentials"},
	{"unable to complete socks5", model.ErrTransient, "the proxy could not connect, or refused the credentials"},
	{"user was rejected by the socks5 server", model.ErrDenied, "the proxy refused the credentials"},
	{"returned error: 401", model.ErrDenied, "the server refused the credentials; check user name and password or token"},
	{"returned error: 403", model.ErrDenied, "the credentials may not read this repository"},
	{"returned error: 30", errRedirected, "the server redirects; use the URL that it redirects to"},
	{"returned error: 404", model.ErrNotFound, "there is no such repository, or the credentials may not see it"},
	{"repository not found", model.ErrNotFound, "there is no such repository, or the credentials may not see it"},
	{"' not found", model.ErrNotFound, "there is no such repository, or the credentials may not see it"},
	{"does not appear to be a git repository", model.ErrNotFound, "there is no such repository, or the credentials may not see it"},
	{"does not exist", model.ErrNotFound, "there is no such repository, or the credentials may not see it"},
	{"not our ref", model.ErrNotFound, "the repository does not have this commit"},
	{"couldn't find remote ref", model.ErrNotFound, "the repository does not have this ref"},
	{"not allowed", model.ErrInvalid, "this kind of URL is not allowed"},
	{"certificate", model.ErrTransient, "the server's TLS certificate was not accepted; configure its CA for this repository"},
	{"could not resolve host", model.ErrTransient, "the host name cannot be resolved; check the URL and the name server"},
}

// damage is what git prints when the repository on disk is at fault.
var damage = []string{
	"bad shallow", "corrupt", "bad object", "loose object", "bad tree", "bad ref", "broken ref",
	"unable to read tree", "unable to read sha1", "could not read", "unable to unpack", "inflate",
	"did not send all necessary objects", "unresolved deltas",
	"not a git repository", "bad config", "error: packfile", "missing object", "is missing", "invalid sha1 pointer",
}

// commandError is the error of a git command: its kind, what to do, and the
// useful end of what it printed, with no secret in it.
func commandError(c call, stderr string, err error) error {
	if c.way.proxy != nil {
		password, _ := c.way.proxy.User.Password()
		stderr = redact(stderr, model.Auth{Username: c.way.proxy.User.Username(), Password: password})
	}
	text := usefulLines(changing.ReplaceAllString(redact(stderr, c.auth), ""))
	lower := strings.ToLower(stderr)
	doing, where := c.doing, withoutUserinfo(c.at.String())
	for _, s := range symptoms {
		if strings.Contains(lower, s.text) {
			return model.As(s.kind, fmt.Errorf("%s %s: %s (git: %s)", doing, where, s.hint, text))
		}
	}
	if text == "" {
		text = err.Error()
	}
	out := model.As(model.ErrTransient, fmt.Errorf("%s %s: %s", doing, where, text))
	for _, d := range damage {
		if strings.Contains(lower, d) {
			return model.As(errDamaged, out)
		}
	}
	return out
}

// usefulLines are the last lines that say something, joined and bounded.
func usefulLines(stderr string) string {
	var lines []string
	for line := range strings.Lines(stderr) {
		line = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || r == unicode.ReplacementChar {
				return -1
			}
			return r
		}, line)
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "fatal: "))
		if line == "" || strings.HasPrefix(strings.ToLower(line), "warning: ") || strings.HasPrefix(line, "Please make sure") ||
			strings.HasPrefix(line, "and the repository exists") {
			continue
		}
		if len(lines) == 0 || lines[len(lines)-1] != line {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines[max(0, len(lines)-3):], "; ")
	if len(text) > 400 {
		text = strings.ToValidUTF8(text[:400], "") + " …"
	}
	return text
}

// changing is what differs between two errors of one cause.
var changing = regexp.MustCompile(` after \d+ (?:ms|milliseconds)\b`)

// redact takes the secrets of auth and the userinfo of URLs out of a text.
func redact(text string, auth model.Auth) string {
	secrets := []string{auth.Password, auth.BearerToken, auth.SSHPassword, auth.SSHKey, auth.ClientKey}
	if auth.Password != "" {
		secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(auth.Username+":"+auth.Password)))
	}
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "[hidden]")
		}
	}
	return withoutUserinfo(text)
}
