package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// LocalAccount is an account that argocd-cm declares.
type LocalAccount struct {
	Name         string         `json:"name"`
	Enabled      bool           `json:"enabled"`
	Capabilities []string       `json:"capabilities"`
	Tokens       []AccountToken `json:"tokens"`
}

// AccountToken is an API token of an account, as it is listed.
type AccountToken struct {
	ID      string    `json:"id"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
	// Ended: it is not taken any more.
	Ended bool `json:"ended"`
}

// LocalAccounts are one's own and those that one has the right to see.
func (c *Client) LocalAccounts(ctx context.Context) ([]LocalAccount, error) {
	var out list[LocalAccount]
	err := c.get(ctx, "/accounts", nil, &out)
	return out.Items, err
}

// IssueToken makes an API token, which is good for lasts; 0 is for ever. An id of "" is a
// random one.
func (c *Client) IssueToken(ctx context.Context, account, id string, lasts time.Duration) (string, error) {
	var out struct {
		Token string `json:"token"`
	}
	err := c.post(ctx, "/accounts/"+url.PathEscape(account)+"/tokens", map[string]any{"id": id, "seconds": int64(lasts.Seconds())}, &out)
	return out.Token, err
}

// DeleteToken revokes an API token.
func (c *Client) DeleteToken(ctx context.Context, account, id string) error {
	var out struct{}
	return c.json(ctx, call{method: http.MethodDelete, path: "/accounts/" + url.PathEscape(account) + "/tokens/" + url.PathEscape(id)}, &out)
}

// UpdatePassword gives an account another password; current is that of whoever asks. For
// its own account it returns a new session, as the one of before has ended.
func (c *Client) UpdatePassword(ctx context.Context, account, current, next string) (Session, error) {
	var out Session
	err := c.post(ctx, "/accounts/"+url.PathEscape(account)+"/password", map[string]string{"current": current, "new": next}, &out)
	return out, err
}
