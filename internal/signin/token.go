package signin

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The issuers and the audience of tokens of ours.
const (
	issuerLocal = "argocd"
	issuerSSO   = "fixpoint"
	audience    = "fixpoint"
)

// skew is how much the clocks of two replicas may differ. It does not prolong tokens.
const skew = 30 * time.Second

type claims struct {
	jwt.RegisteredClaims

	Title  string   `json:"name,omitempty"`
	Groups []string `json:"groups,omitempty"`
	Print  string   `json:"pwd,omitempty"`
}

// sign makes the token of a ticket.
func (set *Settings) sign(t ticket, title string, groups []string) (string, error) {
	if len(set.Key) < minKey {
		return "", errors.New("argocd-secret has no server.secretkey to sign tokens with")
	}
	c := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuerLocal, Subject: t.name, ID: t.id,
			IssuedAt: jwt.NewNumericDate(t.issued), NotBefore: jwt.NewNumericDate(t.issued),
		},
		Title: title, Groups: groups, Print: t.print,
	}
	if !t.expires.IsZero() {
		c.ExpiresAt = jwt.NewNumericDate(t.expires)
	}
	switch t.kind {
	case kindLogin, kindAPIKey:
		c.Subject += ":" + string(t.kind)
	case kindSSO:
		c.Issuer = issuerSSO
	}
	if t.kind.session() {
		c.Audience = jwt.ClaimStrings{audience}
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(set.Key)
}

// issuerOf is what a token says of its issuer, and nothing to rely on.
func issuerOf(token string) string {
	var c jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &c); err != nil {
		return ""
	}
	return c.Issuer
}

// parse checks the signature of a token of ours, and what does not depend on settings.
func (set *Settings) parse(token, issuer string) (ticket, claims, error) {
	if len(set.Key) < minKey {
		return ticket{}, claims{}, refused("there is no key to check tokens with")
	}
	var c claims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithIssuedAt(), jwt.WithLeeway(skew), jwt.WithStrictDecoding())
	_, err := parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return set.Key, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return ticket{}, claims{}, ErrExpired
	case err != nil:
		return ticket{}, claims{}, refused("the token is forged or damaged")
	case len(c.Audience) > 0 && !slices.Contains(c.Audience, audience):
		return ticket{}, claims{}, refused("the token is for somebody else")
	case c.IssuedAt == nil:
		return ticket{}, claims{}, refused("the token does not say when it was issued")
	}
	t, err := c.ticket()
	return t, c, err
}

func (c claims) ticket() (ticket, error) {
	t := ticket{id: c.ID, print: c.Print, issued: c.IssuedAt.Time}
	if c.ExpiresAt != nil {
		t.expires = c.ExpiresAt.Time
	}
	if c.Issuer == issuerSSO {
		t.kind, t.name = kindSSO, c.Subject
		if len(c.Audience) == 0 {
			return ticket{}, refused("the session has no audience")
		}
		return t, nil
	}
	name, isKey := strings.CutSuffix(c.Subject, ":"+string(kindAPIKey))
	switch {
	case strings.HasPrefix(c.Subject, "proj:"):
		t.kind, t.name = kindProject, c.Subject
	case isKey:
		t.kind, t.name = kindAPIKey, name
	default: // the oldest tokens name the account alone
		t.kind, t.name = kindLogin, strings.TrimSuffix(c.Subject, ":"+string(kindLogin))
	}
	if t.kind != kindLogin && (t.print != "" || len(c.Audience) > 0) {
		return ticket{}, refused("the token is of two kinds")
	}
	return t, nil
}

// newID is random, in the form of a UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
