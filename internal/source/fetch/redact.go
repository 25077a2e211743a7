package fetch

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var (
	userinfo = regexp.MustCompile(`(://)[^/\s"'?#@]*@`)
	// anyUserinfo is for what has an @ in a password.
	anyUserinfo = regexp.MustCompile(`(://)[^/\s"'?#]*@`)
	query       = regexp.MustCompile(`(://[^\s"'?]*)\?[^\s"']*`)
	scheme      = regexp.MustCompile(`(?i)\b(Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{6,}`)
	signature   = regexp.MustCompile(`(AWS4-HMAC-SHA256)\s.{0,400}?Signature=[0-9A-Fa-f]*|\b(sig|[Ss]ignature)=[A-Za-z0-9%+/=_-]+`)
	// ports are those of our own side, which differ each time.
	ports   = regexp.MustCompile(`((?:read|write|dial) (?:tcp|udp)[46]? )\S+->`)
	lookups = regexp.MustCompile(`(lookup \S+) on \S+: `)
)

// Redact takes out of a text what must not be read: the secrets of the settings,
// whatever is before an @ or after a ? in a URL, and authorization headers.
func (s Settings) Redact(text string) string {
	for _, secret := range s.secrets() {
		if len(secret) < 3 {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "[hidden]")
		}
	}
	text = userinfo.ReplaceAllString(text, "$1")
	text = anyUserinfo.ReplaceAllString(text, "$1")
	text = query.ReplaceAllString(text, "$1?[hidden]")
	text = signature.ReplaceAllString(text, "$1$2 [hidden]")
	return scheme.ReplaceAllString(text, "$1 [hidden]")
}

func (s Settings) secrets() []string {
	a := s.Auth
	out := []string{a.Password, a.BearerToken, a.SecretKey, a.SessionToken, a.ClientKey, a.DockerConfig, s.Proxy.Password}
	if a.Password != "" {
		out = append(out, base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Password)))
	}
	return append(out, dockerSecrets(a.DockerConfig)...)
}

// maxText is how much of somebody else's words an error has.
const maxText = 400

// clean makes a stranger's text one short line that reads the same each time.
func (s Settings) clean(text string) string {
	text = ports.ReplaceAllString(text, "$1")
	text = lookups.ReplaceAllString(text, "$1: ")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s.Redact(text))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + " …"
	}
	return text
}

// Error is err as users may see it: of one of the model's kinds, and without
// secrets. Nothing of the original is left to unwrap.
func (s Settings) Error(doing string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	var u *url.Error
	if errors.As(err, &u) {
		text = strings.Replace(text, u.Error(), u.Err.Error(), 1)
	}
	return model.As(kindOf(err), fmt.Errorf("%s: %s%s", s.clean(doing), s.clean(text), hint(err)))
}

func kindOf(err error) error {
	for _, kind := range []error{model.ErrInvalid, model.ErrDenied, model.ErrNotFound} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return model.ErrTransient
}

// hint says what to do where the cause is known.
func hint(err error) string {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		dns       *net.DNSError
	)
	switch {
	case errors.As(err, &authority):
		return "; add the CA of the server to the source's credentials"
	case errors.As(err, &host):
		return "; use the host name that the server's certificate is for"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "; check the host name"
	case errors.Is(err, context.DeadlineExceeded):
		return "; raise the source's timeout if the server is slow"
	}
	return ""
}

// Status is the error of an answer that is not a good one; what names what was
// asked for.
func Status(what string, code int) error {
	switch {
	case code == http.StatusUnauthorized:
		return model.As(model.ErrDenied, fmt.Errorf("%s: the server refused the credentials, or asks for some (401); check user name and password or token", what))
	case code == http.StatusForbidden:
		return model.As(model.ErrDenied, fmt.Errorf("%s: the credentials may not read it (403)", what))
	case code == http.StatusNotFound || code == http.StatusGone:
		return model.As(model.ErrNotFound, fmt.Errorf("%s: there is no such thing, or the credentials may not see it (%d)", what, code))
	case code == http.StatusTooManyRequests:
		return model.As(model.ErrTransient, fmt.Errorf("%s: the server wants fewer requests (429)", what))
	case code >= 300 && code < 400:
		return model.Invalidf("%s: the server redirects to nowhere (%d)", what, code)
	}
	return model.As(model.ErrTransient, fmt.Errorf("%s: the server answered %d %s", what, code, http.StatusText(code)))
}
