package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/guard"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// ownAccounts are the accounts of a running installation, as the guard wants them.
type ownAccounts struct {
	*signin.Service
	enforcer *access.Enforcer
}

var _ guard.Accounts = ownAccounts{}

// About is what is known of somebody who has signed in.
func (o ownAccounts) About(id access.Identity) view.Account {
	out := view.Account{Means: signin.How(id), Since: id.Issued, Until: id.Expires}
	if out.Means == signin.BySSO {
		out.Provider = o.Ways().SSO
	}
	account, ok := o.Service.Account(id.Subject)
	if !ok || !id.Local {
		return out
	}
	out.HasPassword = account.Login && len(account.Hash) > 0
	out.HasTokens = account.APIKey
	out.Tokens = tokensSeen(account)
	return out
}

// List are the local accounts, by name.
func (o ownAccounts) List() []view.LocalAccount {
	var out []view.LocalAccount
	all := o.Accounts()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		out = append(out, view.LocalAccount{Name: name, Enabled: a.Enabled, Capabilities: a.Capabilities(), Tokens: tokensSeen(a)})
	}
	return out
}

// tokensSeen are an account's tokens as people see them.
func tokensSeen(a signin.Account) []view.AccountToken {
	var out []view.AccountToken
	now := time.Now()
	for _, t := range a.Tokens {
		token := view.AccountToken{ID: t.ID, Issued: time.Unix(t.IssuedAt, 0).UTC()}
		if t.ExpiresAt != 0 {
			token.Expires = time.Unix(t.ExpiresAt, 0).UTC()
		}
		token.Ended = !token.Expires.IsZero() && !now.Before(token.Expires) || token.Issued.Before(a.Changed)
		out = append(out, token)
	}
	return out
}

// Standing is what policies say of somebody.
func (o ownAccounts) Standing(id access.Identity) (roles []string, rights []view.Right) {
	s := o.enforcer.Standing(id)
	for _, r := range s.Rules {
		rights = append(rights, view.Right{Subject: r.Subject, Resource: r.Resource, Action: r.Action, Object: r.Object, Deny: r.Deny})
	}
	return s.Roles, rights
}

// Confirm is an error unless the password is the account's.
func (o ownAccounts) Confirm(ctx context.Context, account, password, from string) (guard.Proof, error) {
	proof, err := o.Service.Confirm(ctx, account, password, from)
	var busy signin.Busy
	switch {
	case errors.As(err, &busy):
		return nil, model.As(view.ErrTooMany, fmt.Errorf("there were too many wrong passwords: try again in %s", max(busy.After.Round(time.Second), time.Second)))
	case errors.Is(err, signin.ErrRefused):
		return nil, errCurrent
	}
	return proof, err
}

var errCurrent = model.Invalidf("the current password is wrong: type the one that you sign in with")

// SetPassword gives an account another password.
func (o ownAccounts) SetPassword(ctx context.Context, account, password string, by guard.Proof) (guard.Proof, error) {
	proof, _ := by.(signin.Proof) // the zero one of nobody who has to give any
	next, err := o.Service.SetPassword(ctx, account, password, proof)
	if errors.Is(err, signin.ErrPassword) {
		return nil, errCurrent
	}
	return next, unwritten(err)
}

// Session opens one for an account.
func (o ownAccounts) Session(account string, by guard.Proof) (view.Session, error) {
	proof, _ := by.(signin.Proof) // the zero one opens nothing
	s, err := o.Service.Session(account, proof)
	if errors.Is(err, signin.ErrRefused) {
		err = model.As(view.ErrUnauthenticated, errors.New("the password was changed once more meanwhile: sign in anew"))
	}
	return view.Session{Token: s.Token, Expires: s.Expires, Device: s.Device}, err
}

// IssueToken makes an API token.
func (o ownAccounts) IssueToken(ctx context.Context, account, id string, lasts time.Duration) (string, error) {
	token, err := o.Service.IssueToken(ctx, account, lasts, id)
	return token, unwritten(err)
}

// DeleteToken revokes one.
func (o ownAccounts) DeleteToken(ctx context.Context, account, id string) error {
	return unwritten(o.Service.DeleteToken(ctx, account, id))
}

// unwritten gives errors of the API server a kind: that the Secret can't be written now
// is nothing that the reader has done wrong.
func unwritten(err error) error {
	for _, kind := range []error{nil, model.ErrInvalid, model.ErrNotFound, model.ErrTransient} {
		if errors.Is(err, kind) {
			return err
		}
	}
	return model.As(model.ErrTransient, errors.New("argocd-secret can't be written at the moment: try again; the controller's log says why"))
}
