package api

import (
	"net/http"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Account is what a reader may know of itself.
type Account struct {
	Me

	Means       string         `json:"means" enum:"password,sso,token," doc:"how the reader has signed in; empty of an anonymous one"`
	Provider    string         `json:"provider,omitempty" doc:"the identity provider that was"`
	Since       time.Time      `json:"since,omitzero" doc:"when it has signed in"`
	Until       time.Time      `json:"until,omitzero" doc:"when that ends"`
	Roles       []string       `json:"roles"`
	Rights      []Right        `json:"rights" doc:"the lines of policies about the reader, its groups and its roles"`
	HasPassword bool           `json:"hasPassword" doc:"it is a local account that can change its password"`
	HasTokens   bool           `json:"hasTokens" doc:"it is a local account that may have API tokens"`
	Tokens      []AccountToken `json:"tokens"`
}

// Right is a line of a policy.
type Right struct {
	Subject  string `json:"subject"`
	Resource string `json:"resource"`
	Action   string `json:"action"`
	Object   string `json:"object"`
	Effect   string `json:"effect" enum:"allow,deny"`
}

// AccountToken is an API token, as it is listed.
type AccountToken struct {
	ID      string    `json:"id"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires,omitzero" doc:"it never does without it"`
	Ended   bool      `json:"ended,omitempty" doc:"it is not taken any more: its time is over, or the password has changed since"`
}

// LocalAccount is one that argocd-cm declares.
type LocalAccount struct {
	Name         string         `json:"name"`
	Enabled      bool           `json:"enabled"`
	Capabilities []string       `json:"capabilities" doc:"login, apiKey"`
	Tokens       []AccountToken `json:"tokens"`
}

// LocalAccounts are some of them.
type LocalAccounts struct {
	Items []LocalAccount `json:"items"`
}

// Password asks for another password of an account.
type Password struct {
	Current string `json:"current" doc:"the reader's own, whosever is changed; not of a reader whom a provider knows, and who has signed in less than five minutes ago"`
	New     string `json:"new"`
}

// NewToken asks for an API token.
type NewToken struct {
	ID      string `json:"id,omitempty" doc:"a random one without it"`
	Seconds int64  `json:"seconds,omitempty" doc:"how long it is good for; for ever without it" min:"0"`
}

// IssuedToken is an API token, which is never shown again.
type IssuedToken struct {
	Token string `json:"token"`
}

func accountRoutes() []route {
	const one = "/accounts/{account}"
	return []route{
		{
			method: http.MethodGet, path: "/account", id: "getAccount", tag: "installation", title: "Get the reader's account",
			doc: "How it has signed in, its roles and rights, and its API tokens.", result: Account{}, do: getAccount,
		}, {
			method: http.MethodGet, path: "/accounts", id: "listAccounts", tag: "installation", title: "List local accounts",
			doc: "The reader's own, and those that it has the right to get.", result: LocalAccounts{}, do: listAccounts,
		}, {
			method: http.MethodPost, path: one + "/password", id: "updatePassword", tag: "installation", title: "Change a password",
			doc:  "Of the reader's own account, or with the right to update it of another. All sessions and API tokens of the account end; for its own the reader gets a new session.",
			body: Password{}, example: `{"current": "…", "new": "…"}`, result: Session{}, do: updatePassword,
		}, {
			method: http.MethodPost, path: one + "/tokens", id: "issueToken", tag: "installation", title: "Make an API token",
			doc:  "For an account that has the capability apiKey: the reader's own, or one that it may update.",
			body: NewToken{}, example: `{"id": "release", "seconds": 7776000}`, result: IssuedToken{}, status: http.StatusCreated, do: issueToken,
		}, {
			method: http.MethodDelete, path: one + "/tokens/{token}", id: "deleteToken", tag: "installation", title: "Revoke an API token",
			doc: "By its id.", result: Nothing{}, do: deleteToken,
		},
	}
}

func getAccount(c *call) (any, error) {
	a, err := c.desk.Account(c.r.Context())
	if err != nil {
		return nil, err
	}
	return Account{
		Me:    Me{Name: a.Name, Title: a.Title, Groups: texts(a.Groups), Anonymous: a.Anonymous},
		Means: a.Means, Provider: a.Provider, Since: a.Since.UTC(), Until: a.Until.UTC(), Roles: texts(a.Roles), Rights: list(a.Rights, right),
		HasPassword: a.HasPassword, HasTokens: a.HasTokens, Tokens: list(a.Tokens, accountToken),
	}, nil
}

func right(r view.Right) Right {
	out := Right{Subject: r.Subject, Resource: r.Resource, Action: r.Action, Object: r.Object, Effect: "allow"}
	if r.Deny {
		out.Effect = "deny"
	}
	return out
}

func accountToken(t view.AccountToken) AccountToken {
	return AccountToken{ID: t.ID, Issued: t.Issued.UTC(), Expires: t.Expires.UTC(), Ended: t.Ended}
}

func listAccounts(c *call) (any, error) {
	all, err := c.desk.LocalAccounts(c.r.Context())
	return LocalAccounts{Items: list(all, localAccount)}, err
}

func localAccount(a view.LocalAccount) LocalAccount {
	return LocalAccount{Name: a.Name, Enabled: a.Enabled, Capabilities: texts(a.Capabilities), Tokens: list(a.Tokens, accountToken)}
}

func updatePassword(c *call) (any, error) {
	var b Password
	if err := c.body(&b); err != nil {
		return nil, err
	}
	s, err := c.desk.UpdatePassword(c.r.Context(), view.PasswordChange{Account: c.r.PathValue("account"), Current: b.Current, New: b.New})
	if err != nil {
		return nil, err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return Session{Token: s.Token, Expires: s.Expires.UTC()}, nil
}

func issueToken(c *call) (any, error) {
	var b NewToken
	if err := c.body(&b); err != nil {
		return nil, err
	}
	const most = 100 * 365 * 24 * 3600
	if b.Seconds < 0 || b.Seconds > most {
		return nil, model.Invalidf("field \"seconds\": it has to be 0 to %d", most)
	}
	c.w.Header().Set("Cache-Control", "no-store")
	token, err := c.desk.IssueToken(c.r.Context(), c.r.PathValue("account"), b.ID, time.Duration(b.Seconds)*time.Second)
	return IssuedToken{token}, err
}

func deleteToken(c *call) (any, error) {
	return Nothing{}, c.desk.DeleteToken(c.r.Context(), c.r.PathValue("account"), c.r.PathValue("token"))
}
