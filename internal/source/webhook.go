package source

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxWebhook = 5 << 20
	// maxAge is how old (or early) a signature with a time may be.
	maxAge = 5 * time.Minute
)

// Webhook answers the push notifications of GitHub, GitLab, Gitea and Forgejo:
// the repositories that they name are looked at now. Nothing else is taken from
// them, so a forged one costs a look and cannot bring in content.
//
// secret is called for each request; with "" every call is accepted. Otherwise a
// call must be signed with it (401 if it isn't, 403 if it is wrongly), as
// X-Hub-Signature-256, X-Gitea-Signature, X-Forgejo-Signature, as
// webhook-signature of Standard Webhooks, or hold it as X-Gitlab-Token. The answer
// is 202 and says how many subscriptions are looked at.
func (s *Store) Webhook(secret func() string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, status, err := s.webhook(w, r, secret())
		if err != nil {
			s.stats.refused.Add(1)
			if status == http.StatusMethodNotAllowed {
				w.Header().Set("Allow", http.MethodPost)
			}
			http.Error(w, err.Error(), status)
			return
		}
		s.stats.webhooks.Add(1)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, strconv.Itoa(n)+" subscriptions are looked at\n")
	})
}

func (s *Store) webhook(w http.ResponseWriter, r *http.Request, secret string) (int, int, error) {
	if r.Method != http.MethodPost {
		return 0, http.StatusMethodNotAllowed, errors.New("a webhook is a POST")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return 0, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d MiB", maxWebhook>>20)
	case err != nil:
		return 0, http.StatusBadRequest, errors.New("the body could not be read")
	}
	if secret != "" {
		if status, err := checkSignature(r.Header, body, secret, time.Now()); err != nil {
			return 0, status, err
		}
	}
	p, err := parsePush(r.Header.Get("Content-Type"), body)
	if err != nil {
		return 0, http.StatusBadRequest, err
	}
	return s.refreshIndex(p.index, p.ref), http.StatusAccepted, nil
}

// checkSignature accepts a body with a right signature; a wrong one is not saved
// by a right one of another form.
func checkSignature(h http.Header, body []byte, secret string, now time.Time) (int, error) {
	for _, f := range []struct{ header, prefix string }{
		{"X-Hub-Signature-256", "sha256="},
		{"X-Forgejo-Signature", ""},
		{"X-Gitea-Signature", ""},
		{"X-Gogs-Signature", ""},
	} {
		if got := h.Get(f.header); got != "" {
			code, ok := strings.CutPrefix(got, f.prefix)
			sum, err := hex.DecodeString(code)
			return verdict(ok && err == nil && hmac.Equal(sum, sign([]byte(secret), body)), f.header)
		}
	}
	if h.Get("Webhook-Signature") != "" {
		return verdict(checkStandard(h, body, secret, now), "webhook-signature")
	}
	if got := h.Get("X-Gitlab-Token"); got != "" {
		return verdict(subtle.ConstantTimeCompare([]byte(got), []byte(secret)) == 1, "X-Gitlab-Token")
	}
	return http.StatusUnauthorized, errors.New("the call is not signed and a webhook secret is configured; set the same secret where the webhook is sent")
}

func verdict(ok bool, header string) (int, error) {
	if ok {
		return http.StatusOK, nil
	}
	return http.StatusForbidden, fmt.Errorf("%s does not fit; set the configured webhook secret where the webhook is sent", header)
}

func sign(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}

// checkStandard checks a signature by https://www.standardwebhooks.com.
func checkStandard(h http.Header, body []byte, secret string, now time.Time) bool {
	stamp := h.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > maxAge {
		return false
	}
	key := []byte(secret)
	if code, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if key, err = base64.StdEncoding.DecodeString(code); err != nil {
			return false
		}
	}
	want := sign(key, []byte(h.Get("Webhook-Id")+"."+stamp+"."+string(body)))
	for one := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		code, ok := strings.CutPrefix(one, "v1,")
		sum, err := base64.StdEncoding.DecodeString(code)
		if ok && err == nil && hmac.Equal(sum, want) {
			return true
		}
	}
	return false
}

// push is what a notification says: the repository in all the ways that it is
// written, and the full name of the ref; "" if it names none.
type push struct {
	index map[string]bool
	ref   string
}

// parsePush reads a notification; events without a repository name none.
func parsePush(contentType string, body []byte) (push, error) {
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return push{}, errors.New("the body is not a form")
		}
		body = []byte(form.Get("payload"))
	}
	var raw struct {
		Ref        string
		Repository map[string]any
		Project    map[string]any
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return push{}, errors.New("the body is not the JSON of a push: a repository or project, and a ref, are expected")
	}
	p := push{index: map[string]bool{}}
	if strings.HasPrefix(raw.Ref, "refs/") {
		p.ref = raw.Ref
	}
	for _, from := range []map[string]any{raw.Repository, raw.Project} {
		for _, field := range []string{
			"clone_url", "ssh_url", "git_url", "html_url", "url",
			"git_http_url", "git_ssh_url", "http_url", "web_url", "homepage",
		} {
			text, _ := from[field].(string)
			if r, _, err := parseURL(text, false); err == nil {
				p.index[r.index()] = true
			}
		}
	}
	return p, nil
}
