package signin

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	defaultSession = 24 * time.Hour
	defaultPattern = `^.{8,32}$`
	// minKey is the fewest bytes of server.secretkey that tokens are signed with.
	minKey = 16
	// trustEmails is the key of argocd-cm for TrustEmails. Argo CD has none: there any
	// address counts.
	trustEmails = "oidc.email.trusted"
)

// Settings decide who may sign in, and how. The zero Settings let nobody in. They are
// never changed once they are in use.
type Settings struct {
	// URL is where people reach the installation; "" if argocd-cm does not say.
	// MoreURLs are other addresses of it.
	URL      string
	MoreURLs []string
	// Accounts are the local ones by name; "admin" is one of them.
	Accounts map[string]Account
	// Anonymous lets readers in who show no token.
	Anonymous bool
	// Session is how long somebody stays signed in.
	Session time.Duration
	// Pattern is what new passwords have to match.
	Pattern *regexp.Regexp
	// Key signs tokens; without one nobody is let in.
	Key []byte
	// GroupClaims are the claims of an ID token that say somebody's groups.
	GroupClaims []string
	// TrustEmails: a mail address of which the provider does not say whether its owner
	// has confirmed it counts as confirmed.
	TrustEmails bool
	// OIDC is the identity provider; nil if there is none.
	OIDC *OIDC
	// ProjectTokens are those that AppProjects' roles list.
	ProjectTokens []ProjectToken
}

// ProjectToken is a token that a role of an AppProject lists.
type ProjectToken struct {
	Project, Role string
	Token
}

// Lookup returns the value of a key of a Secret in the installation's namespace.
type Lookup func(secret, key string) (string, bool)

// Read makes settings of the data of argocd-cm and argocd-secret, the key scopes of
// argocd-rbac-cm, the tokens of AppProjects' roles, and what "$secret:key" refers to
// (nil: nothing). What can't be used is left out, with an error that says what and why;
// no error holds a value of a Secret.
func Read(cm map[string]string, secret map[string][]byte, scopes string, tokens []ProjectToken, lookup Lookup) (Settings, []error) {
	p := &problems{}
	set := Settings{
		URL:           baseURL(p, "url", cm["url"]),
		MoreURLs:      moreURLs(p, cm["additionalUrls"]),
		Accounts:      readAccounts(p, cm, secret),
		Anonymous:     truth(p, "users.anonymous.enabled", cm["users.anonymous.enabled"], false),
		Session:       sessionLength(p, cm["users.session.duration"]),
		Pattern:       passwordPattern(p, cm["passwordPattern"]),
		Key:           slices.Clone(secret["server.secretkey"]),
		GroupClaims:   groupClaims(p, scopes),
		TrustEmails:   truth(p, trustEmails, cm[trustEmails], false),
		ProjectTokens: slices.Clone(tokens),
	}
	if len(set.Key) < minKey {
		p.addf("argocd-secret: server.secretkey has %d bytes, and at least %d are needed: nobody can sign in until it is longer", len(set.Key), minKey)
		set.Key = nil
	}
	if strings.TrimSpace(cm["dex.config"]) != "" {
		p.addf("argocd-cm: dex.config: Dex is not a part of Fixpoint: run Dex on its own and name it in oidc.config, or name the identity provider there")
	}
	set.OIDC = readOIDC(p, cm, secret, lookup)
	return set, p.list
}

// problems are what is wrong with settings.
type problems struct{ list []error }

func (p *problems) addf(format string, args ...any) {
	p.list = append(p.list, model.Invalidf(format, args...))
}

func truth(p *problems, key, value string, otherwise bool) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "":
		return otherwise
	case "true":
		return true
	case "false":
		return false
	}
	p.addf("argocd-cm: %s: %q is neither true nor false: taken for false", key, value)
	return false
}

func sessionLength(p *problems, value string) time.Duration {
	if value == "" {
		return defaultSession
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Minute {
		p.addf("argocd-cm: users.session.duration: %q is no duration of a minute or more, such as 12h: sessions last %s", value, defaultSession)
		return defaultSession
	}
	return d
}

func passwordPattern(p *problems, value string) *regexp.Regexp {
	if value == "" {
		value = defaultPattern
	}
	re, err := regexp.Compile(value)
	if err != nil {
		p.addf("argocd-cm: passwordPattern: %v: new passwords have to match %s", err, defaultPattern)
		return regexp.MustCompile(defaultPattern)
	}
	return re
}

func groupClaims(p *problems, scopes string) []string {
	var claims []string
	if err := yaml.Unmarshal([]byte(scopes), &claims); err != nil {
		p.addf("argocd-rbac-cm: scopes: %q is no list such as [groups, email]: groups are taken from the claim groups", scopes)
		claims = nil
	}
	if len(claims) == 0 {
		return []string{"groups"}
	}
	return claims
}
