package signin

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"time"
	"unicode"

	"github.com/fixpoint-cd/fixpoint/internal/access"
)

// kind is what a token is good for.
type kind string

const (
	kindLogin   kind = "login"   // the session of a local account
	kindAPIKey  kind = "apiKey"  // a token of a local account
	kindProject kind = "project" // a token of a project's role
	kindSSO     kind = "sso"     // the session of somebody whom the provider knows
	kindIDToken kind = "idtoken" // the provider's own token
)

// session reports whether signing out ends it.
func (k kind) session() bool { return k == kindLogin || k == kindSSO || k == kindIDToken }

// ticket is what a good token says, but for title and groups.
type ticket struct {
	kind kind
	// name is an account, "proj:project:role", or what the provider calls somebody.
	name string
	id   string
	// print is the fingerprint of what the session was opened with; "" of sessions that
	// Argo CD opened, and of API tokens.
	print           string
	issued, expires time.Time
}

// tokenID names the token in an Identity, and where revoked ones are kept.
func (t ticket) tokenID() string { return string(t.kind) + ":" + t.print + ":" + t.id }

func (t ticket) identity(title string, groups []string) access.Identity {
	if title == "" {
		title = t.name
	}
	return access.Identity{
		Subject: t.name, Title: title, Groups: groups, Local: t.kind != kindSSO && t.kind != kindIDToken,
		TokenID: t.tokenID(), Issued: t.issued, Expires: t.expires,
	}
}

// ticketOf is the ticket that identity was made of.
func ticketOf(id access.Identity) (ticket, bool) {
	k, rest, ok := strings.Cut(id.TokenID, ":")
	print, jti, ok2 := strings.Cut(rest, ":")
	t := ticket{kind: kind(k), name: id.Subject, id: jti, print: print, issued: id.Issued, expires: id.Expires}
	return t, ok && ok2 && !id.Anonymous
}

// admit says whether the settings let the ticket in.
func (set *Settings) admit(t ticket, now time.Time) error {
	if !t.expires.IsZero() && !now.Before(t.expires) {
		return ErrExpired
	}
	switch t.kind {
	case kindLogin:
		return set.admitLogin(t)
	case kindAPIKey:
		return set.admitAPIKey(t, now)
	case kindProject:
		return set.admitProject(t, now)
	case kindSSO, kindIDToken:
		return set.admitSSO(t)
	}
	return refused("the token is of no known kind")
}

func (set *Settings) admitLogin(t ticket) error {
	account, ok := set.Accounts[t.name]
	switch {
	case !ok || !account.Enabled || !account.Login:
		return refused("the account does not exist, is disabled, or may not sign in")
	case t.expires.IsZero() || t.id == "":
		return refused("a session needs an end and an id")
	case t.print == "" && t.issued.Before(account.Changed),
		t.print != "" && !equal(t.print, set.passwordPrint(account)):
		return refused("the password has changed since")
	}
	return nil
}

// admitAPIKey compares whole seconds: a token of the second in which the password was
// changed is good, as with Argo CD. Sessions of ours have a fingerprint instead.
func (set *Settings) admitAPIKey(t ticket, now time.Time) error {
	account, ok := set.Accounts[t.name]
	switch {
	case !ok || !account.Enabled || !account.APIKey:
		return refused("the account does not exist, is disabled, or may not have tokens")
	case t.issued.Before(account.Changed):
		return refused("the password has changed since")
	case !listed(account.Tokens, t, now):
		return refused("the account has no such token")
	}
	return nil
}

// admitProject finds the token among those of its role: by id, and the old ones that
// have none by when they were issued, as Argo CD does.
func (set *Settings) admitProject(t ticket, now time.Time) error {
	for _, p := range set.ProjectTokens {
		if "proj:"+p.Project+":"+p.Role != t.name {
			continue
		}
		same := p.is(t)
		if t.id == "" {
			same = p.IssuedAt != 0 && p.IssuedAt == t.issued.Unix()
		}
		if same && p.lasts(now) {
			return nil
		}
	}
	return refused("the project's role has no such token")
}

func (set *Settings) admitSSO(t ticket) error {
	switch {
	case set.OIDC == nil:
		return refused("there is no identity provider any more")
	case !equal(t.print, set.OIDC.print(set.Key)):
		return refused("the identity provider has changed since")
	case t.expires.IsZero() || t.id == "":
		return refused("a session needs an end and an id")
	}
	return set.foreign(t.name)
}

// foreign refuses names of the provider that policies would take for something of ours:
// a local account, a role, a project's role.
// One that looks like such a name, for what can't be seen in it, is taken for it.
func (set *Settings) foreign(name string) error {
	name = seen(name)
	_, local := set.Accounts[name]
	if name == "" || local || strings.HasPrefix(name, "role:") || strings.HasPrefix(name, "proj:") {
		return refused("the identity provider's subject is the name of an account or a role here")
	}
	return nil
}

// seen is what people see of a name.
func seen(name string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, name))
}

func (set *Settings) passwordPrint(a Account) string {
	return fingerprint(set.Key, "password", []byte(a.Changed.Format(time.RFC3339)+"\x00"+string(a.Hash)))
}

func (o *OIDC) print(key []byte) string {
	return fingerprint(key, "provider", []byte(o.Issuer+"\x00"+o.ClientID))
}

// fingerprint tells values apart and says nothing of them.
func fingerprint(key []byte, what string, value []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("fixpoint fingerprint " + what + "\x00"))
	mac.Write(value)
	return hex.EncodeToString(mac.Sum(nil)[:12])
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
