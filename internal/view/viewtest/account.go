package viewtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// password is that of every reader of the sample.
const password = "correct horse"

// Account is a local one with two tokens, unless the reader is anonymous or has groups.
func (d *desk) Account(context.Context) (view.Account, error) {
	out := view.Account{Who: d.o.Who, Since: Now.Add(-90 * time.Minute), Until: Now.Add(22 * time.Hour)}
	out.Roles = []string{"role:dev", "role:readonly"}
	out.Rights = []view.Right{
		{Subject: "role:dev", Resource: "applications", Action: "sync", Object: "payments/*"},
		{Subject: "role:dev", Resource: "applications", Action: "delete", Object: "*", Deny: true},
		{Subject: "role:readonly", Resource: "applications", Action: "get", Object: "*"},
	}
	switch {
	case d.o.Who.Anonymous:
		return view.Account{Who: d.o.Who, Roles: []string{"role:readonly"}, Rights: out.Rights[2:]}, nil
	case len(d.o.Who.Groups) > 0:
		out.Means, out.Provider = view.MeansSSO, "Example ID"
		return out, nil
	}
	out.Means, out.HasPassword, out.HasTokens = view.MeansPassword, true, true
	out.Tokens = []view.AccountToken{
		{ID: "release", Issued: Now.Add(-40 * 24 * time.Hour), Expires: Now.Add(50 * 24 * time.Hour)},
		{ID: "6f1c0a52-9e1d-4c7a-8a53-3f2b7a1d9c44", Issued: Now.Add(-400 * 24 * time.Hour)},
		{ID: "trial", Issued: Now.Add(-60 * 24 * time.Hour), Expires: Now.Add(-30 * 24 * time.Hour), Ended: true},
	}
	return out, nil
}

// LocalAccounts are the reader's own, unless it is none.
func (d *desk) LocalAccounts(ctx context.Context) ([]view.LocalAccount, error) {
	a, err := d.Account(ctx)
	if err != nil || !a.HasPassword {
		return nil, err
	}
	return []view.LocalAccount{{Name: a.Name, Enabled: true, Capabilities: []string{"login", "apiKey"}, Tokens: a.Tokens}}, nil
}

// mine refuses accounts of others.
func (d *desk) mine(account string) error {
	if account != d.o.Who.Name || d.o.Who.Anonymous {
		return model.As(model.ErrDenied, fmt.Errorf("you lack the right accounts, update, %s", account))
	}
	return nil
}

func (d *desk) UpdatePassword(_ context.Context, c view.PasswordChange) (view.Session, error) {
	switch {
	case d.mine(c.Account) != nil:
		return view.Session{}, d.mine(c.Account)
	case c.Current == "guess again":
		return view.Session{}, model.As(view.ErrTooMany, errors.New("there were too many wrong passwords: try again in 15s"))
	case c.Current != password:
		return view.Session{}, model.Invalidf("the current password is wrong: type the one that you sign in with")
	case len(c.New) < 8:
		return view.Session{}, model.Invalidf("the new password has to have 8 to 32 characters")
	}
	return view.Session{Token: "session-new", Expires: Now.Add(24 * time.Hour)}, nil
}

func (d *desk) IssueToken(_ context.Context, account, id string, _ time.Duration) (string, error) {
	if id == "release" {
		return "", model.Invalidf("the account %s has a token %q already", account, id)
	}
	return "made-up-token-of-" + account, d.mine(account)
}

func (d *desk) DeleteToken(_ context.Context, account, id string) error {
	if id != "release" && d.mine(account) == nil {
		return model.As(model.ErrNotFound, fmt.Errorf("the account %s has no token %q", account, id))
	}
	return d.mine(account)
}
