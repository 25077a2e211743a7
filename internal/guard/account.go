package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Accounts know local accounts and who has signed in. They do what they are told: who
// may is checked before.
type Accounts interface {
	// About is what is known of somebody besides name, groups, roles and rights.
	About(access.Identity) view.Account
	// List are all, by name.
	List() []view.LocalAccount
	// Standing is what policies say of somebody.
	Standing(access.Identity) (roles []string, rights []view.Right)
	// Confirm is of the kind model.ErrInvalid unless the password is the account's, and
	// view.ErrTooMany where too many were tried.
	Confirm(ctx context.Context, account, password, from string) (Proof, error)
	// SetPassword is refused if the proof does not hold any more; nil needs none. It
	// returns that of the new password.
	SetPassword(ctx context.Context, account, password string, by Proof) (Proof, error)
	// Session opens one for an account, whose password the proof is of.
	Session(account string, by Proof) (view.Session, error)
	IssueToken(ctx context.Context, account, id string, lasts time.Duration) (string, error)
	DeleteToken(ctx context.Context, account, id string) error
}

// Proof is what Accounts say of a password that is right.
type Proof any

// freshly is how long ago somebody may have signed in by a provider who changes a
// password: such a reader has none to be asked for.
const freshly = 5 * time.Minute

var errNoAccounts = model.As(model.ErrNotFound, errors.New("there are no accounts here"))

func (d *desk) Account(ctx context.Context) (view.Account, error) {
	if err := d.named(ctx); err != nil {
		return view.Account{}, err
	}
	id := d.reader.Identity
	out := d.Accounts.About(id)
	out.Who = d.Who()
	out.Roles, out.Rights = d.Accounts.Standing(id)
	return out, nil
}

// named refuses where there are no accounts, and a desk that is of several readers: it
// is none of them.
func (d *desk) named(ctx context.Context) error {
	if d.looks != nil {
		return errNobody
	}
	if err := d.valid(ctx); err != nil {
		return err
	}
	if d.Accounts == nil {
		return errNoAccounts
	}
	return nil
}

func (d *desk) LocalAccounts(ctx context.Context) ([]view.LocalAccount, error) {
	if d.looks != nil {
		return nil, errNobody
	}
	if err := d.valid(ctx); err != nil {
		return nil, err
	}
	if d.Accounts == nil {
		return nil, nil
	}
	return slices.DeleteFunc(d.Accounts.List(), func(a view.LocalAccount) bool {
		return !d.own(a.Name) && !d.has(right{access.Accounts, "get", a.Name})
	}), nil
}

// own reports whether an account is the reader itself.
func (d *desk) own(account string) bool {
	id := d.reader.Identity
	return id.Local && !id.Anonymous && id.Subject == account && account != ""
}

// onAccount begins a deed on an account: the record of it, unless the reader may not.
func (d *desk) onAccount(ctx context.Context, account, action string) (view.Audit, error) {
	rec := d.record(action, access.Accounts+"/"+account)
	if err := d.named(ctx); err != nil {
		return rec, err
	}
	if r := (right{access.Accounts, "update", account}); !d.own(account) && !d.has(r) {
		rec.Outcome, rec.Detail = outcomeDenied, "without "+r.String()
		d.trail.refused(ctx, rec)
		return rec, denied(r)
	}
	return rec, nil
}

// note has the trail know a deed, and does it.
func (d *desk) note(ctx context.Context, rec view.Audit, do func() error) error {
	rec.Outcome = outcomeAllowed
	if err := d.trail.write(ctx, rec); err != nil {
		return err
	}
	err := do()
	if err != nil {
		rec.Outcome, rec.Detail = outcomeFailed, err.Error()
		d.trail.failed(ctx, rec)
	}
	return err
}

func (d *desk) UpdatePassword(ctx context.Context, c view.PasswordChange) (view.Session, error) {
	rec, err := d.onAccount(ctx, c.Account, "update-password")
	if err != nil {
		return view.Session{}, err
	}
	proof, err := d.confirm(ctx, c.Current)
	if err != nil {
		rec.Outcome, rec.Detail = outcomeDenied, err.Error()
		d.trail.refused(ctx, rec)
		return view.Session{}, err
	}
	err = d.note(ctx, rec, func() (err error) {
		proof, err = d.Accounts.SetPassword(ctx, c.Account, c.New, proof)
		return err
	})
	if err != nil || !d.own(c.Account) {
		return view.Session{}, err
	}
	return d.Accounts.Session(c.Account, proof)
}

// confirm has the reader prove that it is there, and not only its session.
func (d *desk) confirm(ctx context.Context, password string) (Proof, error) {
	id := d.reader.Identity
	switch {
	case id.Local:
		return d.Accounts.Confirm(ctx, id.Subject, password, d.reader.From)
	case id.Anonymous || d.Now().Sub(id.Issued) > freshly:
		return nil, model.As(model.ErrDenied, fmt.Errorf("a password is changed within five minutes after signing in: sign in anew, then try again"))
	}
	return nil, nil
}

func (d *desk) IssueToken(ctx context.Context, account, id string, lasts time.Duration) (token string, err error) {
	rec, err := d.onAccount(ctx, account, "issue-token")
	if err != nil {
		return "", err
	}
	rec.Target, rec.Detail = id, "for ever"
	if lasts > 0 {
		rec.Detail = "for " + lasts.String()
	}
	err = d.note(ctx, rec, func() (err error) {
		token, err = d.Accounts.IssueToken(ctx, account, id, lasts)
		return err
	})
	return token, err
}

func (d *desk) DeleteToken(ctx context.Context, account, id string) error {
	rec, err := d.onAccount(ctx, account, "delete-token")
	if err != nil {
		return err
	}
	rec.Target = id
	return d.note(ctx, rec, func() error { return d.Accounts.DeleteToken(ctx, account, id) })
}
