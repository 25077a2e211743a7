package client

import (
	"context"
	"net/http"
	"time"
)

// Session is what signing in gives.
type Session struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// Me is who the server takes the token's bearer for.
type Me struct {
	Name      string   `json:"name"`
	Title     string   `json:"title"`
	Groups    []string `json:"groups"`
	Anonymous bool     `json:"anonymous"`
}

// Ways are those in which somebody can sign in.
type Ways struct {
	Local bool      `json:"local"`
	SSO   *Provider `json:"sso"`
}

// Ways says how to sign in. Nobody has to be signed in.
func (c *Client) Ways(ctx context.Context) (Ways, error) {
	var out Ways
	return out, c.get(ctx, "/sign-in", nil, &out)
}

// SignIn gives a session for a name and a password.
func (c *Client) SignIn(ctx context.Context, name, password string) (Session, error) {
	var out Session
	err := c.post(ctx, "/session", map[string]string{"username": name, "password": password}, &out)
	return out, err
}

// SignOut ends the session that the client's token is of.
func (c *Client) SignOut(ctx context.Context) error {
	var out struct{}
	return c.json(ctx, call{method: http.MethodDelete, path: "/session"}, &out)
}

// Me is who the client is to the server.
func (c *Client) Me(ctx context.Context) (Me, error) {
	var out Me
	return out, c.get(ctx, "/me", nil, &out)
}

// Check is an error unless a Fixpoint server answers. Nobody has to be signed in.
func (c *Client) Check(ctx context.Context) error {
	var out struct {
		OpenAPI string `json:"openapi"`
	}
	return c.get(ctx, "/openapi.json", nil, &out)
}
