package api

import (
	"errors"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Busy is the error of a Login that has seen too many attempts.
type Busy struct{ After time.Duration }

func (b Busy) Error() string { return "too many attempts to sign in" }

// Login asks for a session.
type Login struct {
	Username string `json:"username" doc:"that of a local account"`
	Password string `json:"password"`
}

// Ways are those in which somebody can sign in.
type Ways struct {
	Local bool      `json:"local" doc:"POST /session takes names and passwords"`
	SSO   *Provider `json:"sso,omitempty" doc:"the identity provider, if there is one"`
}

// Provider is an identity provider, with what a program has to know that signs somebody
// in there, by OpenID Connect with PKCE and no secret. The ID token is the bearer's token.
type Provider struct {
	Name     string         `json:"name"`
	Issuer   string         `json:"issuer"`
	ClientID string         `json:"clientID" doc:"cliClientID of oidc.config, or else clientID"`
	Scopes   []string       `json:"scopes"`
	Claims   map[string]any `json:"claims,omitempty" doc:"to be asked for in the ID token"`
	RootCA   string         `json:"rootCA,omitempty" doc:"what verifies the provider's certificate, in PEM; the system's authorities without it"`
}

// Session is what signing in gives.
type Session struct {
	Token   string    `json:"token" doc:"for the header \"Authorization: Bearer …\""`
	Expires time.Time `json:"expires,omitzero"`
}

func sessionRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/sign-in", id: "getWays", tag: "installation", title: "How to sign in",
			doc: "By a local account, by an identity provider, or both. Nobody has to be signed in.", open: true, result: Ways{}, do: getWays,
		}, {
			method: http.MethodPost, path: "/session", id: "signIn", tag: "installation", title: "Sign in",
			doc: "A token for the name and password of a local account. Programs that run by themselves use a token of an account " +
				"(fixpoint account generate-token) instead.",
			body: Login{}, example: `{"username": "alice", "password": "…"}`, open: true, result: Session{}, do: signIn,
		}, {
			method: http.MethodDelete, path: "/session", id: "signOut", tag: "installation", title: "Sign out",
			doc:    "The token that the request shows is not taken any more. Tokens that an account or a project's role has for programs are deleted where they are declared.",
			result: Nothing{}, do: signOut,
		},
	}
}

func getWays(c *call) (any, error) {
	if c.ways == nil {
		return Ways{}, nil
	}
	return c.ways(), nil
}

func signIn(c *call) (any, error) {
	var b Login
	if err := c.body(&b); err != nil {
		return nil, err
	}
	if c.login == nil {
		return nil, refusal{"not-found", "nobody signs in here by name and password"}
	}
	from, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		from = c.r.RemoteAddr
	}
	out, err := c.login(c.r.Context(), b.Username, b.Password, from)
	busy := Busy{}
	switch {
	case errors.As(err, &busy):
		c.w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(busy.After.Seconds())))))
		return nil, refusal{"too-many", busy.Error()}
	case errors.Is(err, view.ErrUnauthenticated):
		return nil, refusal{"unauthenticated", "wrong name or password"}
	case err != nil:
		return nil, err
	}
	out.Expires = out.Expires.UTC()
	c.w.Header().Set("Cache-Control", "no-store")
	return out, nil
}

func signOut(c *call) (any, error) {
	if c.logout == nil {
		return nil, refusal{"not-found", "there are no sessions here"}
	}
	return Nothing{}, c.logout(c.r)
}
