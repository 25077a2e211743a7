package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/fixpoint-cd/fixpoint/internal/access"
)

// person is somebody whom the identity provider knows.
type person struct {
	subject, nonce  string
	issued, expires time.Time
	claims          map[string]any
	// more are the claims of the provider's page about the person.
	more map[string]any
	// raw is the ID token, said the claims in it as they were signed.
	raw  string
	said json.RawMessage
}

// verify checks an ID token: signature, issuer, audience, expiry.
func (p *provider) verify(ctx context.Context, found *discovered, raw string) (person, error) {
	verifier := found.oidc.Verifier(&oidc.Config{SkipClientIDCheck: true}) // checked below, against several
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		if expired := new(oidc.TokenExpiredError); errors.As(err, &expired) {
			return person{}, fmt.Errorf("%w: %w: the ID token has expired", ErrSSO, ErrExpired)
		}
		return person{}, fmt.Errorf("%w: the ID token is no good: %.300q", ErrSSO, err.Error())
	}
	if !p.conf.takes(token.Audience) {
		return person{}, fmt.Errorf("%w: the ID token is for somebody else: none of allowedAudiences", ErrSSO)
	}
	who := person{
		subject: token.Subject, nonce: token.Nonce, issued: token.IssuedAt, expires: token.Expiry, raw: raw,
	}
	if err := errors.Join(token.Claims(&who.said), token.Claims(&who.claims)); err != nil || who.subject == "" {
		return person{}, fmt.Errorf("%w: the ID token says of nobody", ErrSSO)
	}
	return who, nil
}

// id names the ID token by what it says. Its text has several spellings that are the same
// token: one that was signed out would come back as another.
func (who person) id() string {
	sum := sha256.Sum256(who.said)
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// takes reports whether an ID token for that audience is for us.
func (o *OIDC) takes(audience []string) bool {
	if len(audience) == 0 {
		return o.NoAudience
	}
	return slices.ContainsFunc(audience, func(a string) bool { return a != "" && slices.Contains(o.Audiences, a) })
}

// ask4Groups reads the provider's page about the person.
func (p *provider) ask4Groups(ctx context.Context, found *discovered, token oauth2.TokenSource, who *person) error {
	at := found.oidc
	if p.conf.UserInfoPath != "" {
		at = (&oidc.ProviderConfig{
			IssuerURL: p.conf.Issuer, JWKSURL: found.jwks,
			UserInfoURL: strings.TrimRight(p.conf.Issuer, "/") + "/" + strings.TrimLeft(p.conf.UserInfoPath, "/"),
		}).NewProvider(ctx)
	}
	info, err := at.UserInfo(ctx, token)
	if err != nil {
		return fmt.Errorf("%w: asking it for groups: %.300q", ErrSSO, err.Error())
	}
	if info.Subject != who.subject {
		return fmt.Errorf("%w: what it says of groups is about somebody else", ErrSSO)
	}
	if err := info.Claims(&who.more); err != nil {
		return fmt.Errorf("%w: what it says of groups is no list of claims", ErrSSO)
	}
	return nil
}

// welcome opens a session for somebody.
func (set *Settings) welcome(who person) (Session, error) {
	if err := set.foreign(who.subject); err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrSSO, err)
	}
	now := time.Now().Truncate(time.Second)
	t := ticket{
		kind: kindSSO, name: who.subject, id: newID(), print: set.OIDC.print(set.Key),
		issued: now, expires: earlier(now.Add(set.Session), who.expires),
	}
	token, err := set.sign(t, set.titleOf(who), who.groups(set))
	if err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrSSO, err)
	}
	return Session{Token: token, Expires: t.expires, idToken: who.raw}, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// titleOf is how to call the person, as the provider says. People choose their names:
// one that is an account's or a role's here would make their deeds look like its own.
func (set *Settings) titleOf(who person) string {
	for _, claim := range []string{"email", "name", "preferred_username"} {
		text, _ := who.claims[claim].(string)
		name := seen(text)
		if set.foreign(name) == nil && set.foreign(strings.ToLower(name)) == nil && (claim != "email" || !who.refutes()) {
			return name
		}
	}
	return who.subject
}

// verifies reports whether claims say that of the mail address which is among them; said
// is false if they say neither.
func verifies(claims map[string]any) (verified, said bool) {
	v, said := claims["email_verified"]
	return v == true || v == "true", said
}

// refutes reports whether any of the claims says that the mail address is not confirmed.
func (who person) refutes() bool {
	for _, claims := range []map[string]any{who.claims, who.more} {
		if verified, said := verifies(claims); said && !verified {
			return true
		}
	}
	return false
}

// counts reports whether rights may go by a claim. A mail address counts if the same
// answer says that its owner has confirmed it, or an admin vouches for the provider:
// elsewhere anybody could have typed it.
func (set *Settings) counts(claim string, among map[string]any) bool {
	verified, _ := verifies(among)
	return claim != "email" || verified || set.TrustEmails
}

// groups are the values of the claims that say groups, sorted. Names of roles are left
// out: a provider's groups get roles by policies.
func (who person) groups(set *Settings) []string {
	found := map[string]bool{}
	for _, claim := range set.GroupClaims {
		if claim == "email" && who.refutes() {
			continue
		}
		for _, claims := range []map[string]any{who.claims, who.more} {
			if !set.counts(claim, claims) {
				continue
			}
			for _, group := range texts(claims[claim]) {
				if group != "" && !strings.HasPrefix(group, "role:") && !strings.HasPrefix(group, "proj:") {
					found[group] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// unsaid reports whether a mail address does not count that would if the provider said
// that it is confirmed.
func (who person) unsaid(set *Settings) bool {
	return slices.Contains(set.GroupClaims, "email") && !who.refutes() &&
		len(texts(who.claims["email"])) > 0 && !set.counts("email", who.claims) && !set.counts("email", who.more)
}

func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, item := range v {
			if text, ok := item.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}

// identifyForeign says whose token of the identity provider it is.
func (s *Service) identifyForeign(ctx context.Context, set *Settings, token, issuer string) (access.Identity, error) {
	p := s.provider.Load()
	if set.OIDC == nil || p == nil || issuer != set.OIDC.Issuer {
		return access.Identity{}, refused("the token is of nobody who is known here")
	}
	found, err := p.discover(ctx)
	if err != nil {
		return access.Identity{}, err
	}
	who, err := p.verify(oidc.ClientContext(ctx, p.client), found, token)
	if err != nil {
		if errors.Is(err, ErrExpired) {
			return access.Identity{}, ErrExpired
		}
		return access.Identity{}, refused("the identity provider's token is no good")
	}
	t := ticket{
		kind: kindIDToken, name: who.subject, id: who.id(),
		print: set.OIDC.print(set.Key), issued: who.issued, expires: who.expires,
	}
	if err := s.admit(ctx, set, t); err != nil {
		return access.Identity{}, err
	}
	return t.identity(set.titleOf(who), who.groups(set)), nil
}
