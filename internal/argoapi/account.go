package argoapi

import (
	"net/http"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// account is Argo CD's Account.
type account struct {
	Name         string         `json:"name"`
	Enabled      bool           `json:"enabled,omitempty"`
	Capabilities []string       `json:"capabilities,omitempty"`
	Tokens       []accountToken `json:"tokens,omitempty"`
}

// accountToken is its Token; times are Unix times.
type accountToken struct {
	ID        string `json:"id"`
	IssuedAt  int64  `json:"issuedAt,omitempty"`
	ExpiresAt int64  `json:"expiresAt,omitempty"`
}

func accountOf(a view.LocalAccount) account {
	out := account{Name: a.Name, Enabled: a.Enabled, Capabilities: a.Capabilities}
	for _, t := range a.Tokens {
		token := accountToken{ID: t.ID, IssuedAt: t.Issued.Unix()}
		if !t.Expires.IsZero() {
			token.ExpiresAt = t.Expires.Unix()
		}
		out.Tokens = append(out.Tokens, token)
	}
	return out
}

func listAccounts(c *call) (any, error) {
	all, err := c.desk.LocalAccounts(c.r.Context())
	items := []account{}
	for _, a := range all {
		items = append(items, accountOf(a))
	}
	return map[string]any{"items": items}, err
}

// getAccount is one by its name. One that is missing and one that the reader may not see
// are the same error.
func getAccount(c *call) (any, error) {
	all, err := c.desk.LocalAccounts(c.r.Context())
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.Name == c.r.PathValue("name") {
			return accountOf(a), nil
		}
	}
	return nil, forbidden
}

// updatePassword changes the reader's own password, or that of the account that is named.
func updatePassword(c *call) (any, error) {
	var b struct {
		NewPassword     string `json:"newPassword"`
		CurrentPassword string `json:"currentPassword"`
		Name            string `json:"name"`
	}
	if err := c.body(&b); err != nil {
		return nil, err
	}
	if b.Name == "" {
		b.Name = c.desk.Who().Name
	}
	_, err := c.desk.UpdatePassword(c.r.Context(), view.PasswordChange{Account: b.Name, Current: b.CurrentPassword, New: b.NewPassword})
	return struct{}{}, err
}

// maxSeconds is how long a token may be good for, a hundred years.
const maxSeconds = 100 * 365 * 24 * 3600

func createToken(c *call) (any, error) {
	var b struct {
		Name      string `json:"name"`
		ExpiresIn whole  `json:"expiresIn"`
		ID        string `json:"id"`
	}
	if err := c.body(&b); err != nil {
		return nil, err
	}
	name := c.r.PathValue("name")
	switch {
	case b.Name != "" && b.Name != name:
		return nil, invalid("field \"name\": the address names another account")
	case b.ExpiresIn < 0 || b.ExpiresIn > maxSeconds:
		return nil, invalid("field \"expiresIn\": it has to be 0 to %d seconds", maxSeconds)
	}
	token, err := c.desk.IssueToken(c.r.Context(), name, b.ID, time.Duration(b.ExpiresIn)*time.Second)
	c.w.Header().Set("Cache-Control", "no-store")
	return map[string]string{"token": token}, err
}

func deleteToken(c *call) (any, error) {
	return struct{}{}, c.desk.DeleteToken(c.r.Context(), c.r.PathValue("name"), c.r.PathValue("id"))
}

func accountRoutes() []route {
	const accounts = "/api/v1/account"
	return []route{
		{method: http.MethodGet, path: accounts, do: listAccounts},
		{method: http.MethodGet, path: accounts + "/{name}", do: getAccount},
		{method: http.MethodPut, path: accounts + "/password", do: updatePassword},
		{method: http.MethodPost, path: accounts + "/{name}/token", do: createToken},
		{method: http.MethodDelete, path: accounts + "/{name}/token/{id}", do: deleteToken},
	}
}
