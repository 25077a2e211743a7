package webhook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what Nexus and old GitHub hooks sign with; used as a MAC
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Secrets are what calls have to prove that they know. Shared counts for every
// sender, the others for one, in the forms of Argo CD's argocd-secret.
type Secrets struct {
	Shared, GitHub, GitLab, Gogs, BitbucketServer string
	// BitbucketUUID is the identity of the hook at Bitbucket Cloud.
	BitbucketUUID                string
	AzureUsername, AzurePassword string
}

// maxAge is how old (or early) a signature with a time may be.
const maxAge = 5 * time.Minute

// Why a call is refused. errUnsigned is for one that proves nothing, errForged
// for one that proves the wrong thing.
var (
	errUnsigned = errors.New("the call proves nothing")
	errForged   = errors.New("the call is not from who it says")
)

func unsigned(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnsigned, fmt.Sprintf(format, args...))
}

func verdict(ok bool, header string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s does not fit; set the configured secret where the webhook is sent", errForged, header)
}

// proven is nil if the proof of a call is one of those that senders with its headers may
// give. Where several may, the body tells whose it has to be: verify checks that.
func (s Secrets) proven(h http.Header, body []byte, now time.Time) error {
	if from, ok := senderBy(h); ok {
		return s.verify(from, h, body, now)
	}
	denied := s.verify(anyone, h, body, now)
	if basic := s.verify(azure, h, body, now); denied != nil && (basic == nil || errors.Is(basic, errForged)) {
		return basic
	}
	return denied
}

// verify checks a call of a sender. A wrong proof is not saved by a right one of
// another form.
func (s Secrets) verify(from sender, h http.Header, body []byte, now time.Time) error {
	switch from {
	case azure:
		return s.basic(h)
	case bitbucket:
		if s.BitbucketUUID != "" {
			return verdict(same(strings.Trim(h.Get("X-Hook-Uuid"), "{}"), strings.Trim(s.BitbucketUUID, "{}")), "X-Hook-UUID")
		}
	}
	own := map[sender]string{gitHub: s.GitHub, gitLab: s.GitLab, gogs: s.Gogs, bitbucketServer: s.BitbucketServer}[from]
	if own == "" {
		own = s.Shared
	}
	if own == "" {
		return unsigned("no webhook secret is configured for %s; configure one here and where the webhook is sent", from)
	}
	return signed(h, body, own, now)
}

// signed accepts a body with a right signature, or the secret itself as a token.
func signed(h http.Header, body []byte, secret string, now time.Time) error {
	for _, f := range []struct{ header, prefix string }{
		{"X-Hub-Signature-256", "sha256="},
		{"X-Forgejo-Signature", ""},
		{"X-Gitea-Signature", ""},
		{"X-Gogs-Signature", ""},
		{"X-Signature", "sha256="},
		{"X-Hub-Signature", "sha256="},
	} {
		got := h.Get(f.header)
		if got == "" {
			continue
		}
		code, ok := strings.CutPrefix(got, f.prefix)
		return verdict(ok && fits(sha256.New, code, secret, body), f.header)
	}
	if h.Get("Webhook-Signature") != "" {
		return verdict(standard(h, body, secret, now), "webhook-signature")
	}
	if got := h.Get("X-Gitlab-Token"); got != "" {
		return verdict(same(got, secret), "X-Gitlab-Token")
	}
	if got := h.Get("Authorization"); got != "" {
		return verdict(same(strings.TrimPrefix(got, "Bearer "), secret), "Authorization")
	}
	return unsigned("it is not signed and a webhook secret is configured; set the same secret where the webhook is sent")
}

func (s Secrets) basic(h http.Header) error {
	if s.AzureUsername == "" && s.AzurePassword == "" {
		return unsigned("no user and password are configured for %s; configure them here and where the webhook is sent", azure)
	}
	user, password, ok := (&http.Request{Header: h}).BasicAuth()
	if !ok {
		return unsigned("it has no basic authentication")
	}
	// Both are compared, so that the time tells nothing.
	rightUser, rightPassword := same(user, s.AzureUsername), same(password, s.AzurePassword)
	return verdict(rightUser && rightPassword, "basic authentication")
}

// same compares in constant time.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func sign(algorithm func() hash.Hash, key, text []byte) []byte {
	mac := hmac.New(algorithm, key)
	mac.Write(text)
	return mac.Sum(nil)
}

func fits(algorithm func() hash.Hash, code, secret string, body []byte) bool {
	sum, err := hex.DecodeString(code)
	return err == nil && hmac.Equal(sum, sign(algorithm, []byte(secret), body))
}

// algorithms are those that a signature may name.
var algorithms = map[string]func() hash.Hash{
	"sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// named checks a signature of the form algorithm=hex.
func named(got, secret string, body []byte) bool {
	name, code, _ := strings.Cut(got, "=")
	algorithm := algorithms[name]
	return algorithm != nil && fits(algorithm, code, secret, body)
}

// standard checks a signature by https://www.standardwebhooks.com.
func standard(h http.Header, body []byte, secret string, now time.Time) bool {
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
	want := sign(sha256.New, key, []byte(h.Get("Webhook-Id")+"."+stamp+"."+string(body)))
	for one := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		code, ok := strings.CutPrefix(one, "v1,")
		sum, err := base64.StdEncoding.DecodeString(code)
		if ok && err == nil && hmac.Equal(sum, want) {
			return true
		}
	}
	return false
}
