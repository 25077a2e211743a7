package webhook

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Receiver is what a Flux Receiver asks of the calls at its path.
type Receiver struct {
	// Type is the Receiver's spec.type.
	Type  string
	Token string
	// Events that count; empty is all.
	Events []string
}

// Unsupported are the types of Receivers whose calls can't be checked here:
// they are signed with tokens of an identity provider.
func Unsupported(kind string) bool { return kind == "gcr" || kind == "generic-oidc" }

// eventHeaders name the event, by type of Receiver.
var eventHeaders = map[string]string{
	"github": "X-Github-Event", "gitlab": "X-Gitlab-Event", "bitbucket": "X-Event-Key", "cdevents": "Ce-Type", "nexus": "X-Nexus-Webhook-Id",
}

// check checks a call. Types that sign nothing (generic, dockerhub, quay, acr,
// cdevents) are kept safe by their path, which nobody can guess.
func (r Receiver) check(h http.Header, body []byte, now time.Time) error {
	switch r.Type {
	case "github", "gitlab", "bitbucket":
		return r.forge(h, body, now)
	case "generic-hmac":
		if h.Get("X-Signature") == "" {
			return unsigned("it has no X-Signature")
		}
		return verdict(named(h.Get("X-Signature"), r.Token, body), "X-Signature")
	case "harbor":
		if h.Get("Authorization") == "" {
			return unsigned("it has no Authorization")
		}
		return verdict(same(h.Get("Authorization"), r.Token), "Authorization")
	case "nexus":
		if h.Get("X-Nexus-Webhook-Signature") == "" {
			return unsigned("it has no X-Nexus-Webhook-Signature")
		}
		return verdict(named("sha1="+h.Get("X-Nexus-Webhook-Signature"), r.Token, body), "X-Nexus-Webhook-Signature")
	case "generic", "dockerhub", "quay", "acr", "cdevents":
		return nil
	}
	return unsigned("calls of the type %q can't be checked", r.Type)
}

// forge checks the call of a Git host in the form that the host uses.
func (r Receiver) forge(h http.Header, body []byte, now time.Time) error {
	if r.Type == "bitbucket" || r.Type == "github" {
		// Old hooks have the weaker signature alone.
		if old := h.Get("X-Hub-Signature"); old != "" && h.Get("X-Hub-Signature-256") == "" {
			return verdict(named(old, r.Token, body), "X-Hub-Signature")
		}
		if h.Get("X-Hub-Signature-256") == "" {
			return unsigned("it has no X-Hub-Signature-256")
		}
	}
	if r.Type == "gitlab" && h.Get("X-Gitlab-Token") == "" && h.Get("Webhook-Signature") == "" {
		return unsigned("it has no X-Gitlab-Token")
	}
	return signed(h, body, r.Token, now)
}

// counts reports whether the event of a call is one that the Receiver wants.
func (r Receiver) counts(h http.Header) bool {
	header := eventHeaders[r.Type]
	if len(r.Events) == 0 || header == "" {
		return true
	}
	event := h.Get(header)
	return slices.ContainsFunc(r.Events, func(want string) bool { return strings.EqualFold(want, event) })
}
