package guard

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// register is Accounts that note what they are told.
type register struct{ done []string }

func (r *register) About(id access.Identity) view.Account {
	return view.Account{Means: view.MeansPassword, HasPassword: id.Local}
}

func (r *register) List() []view.LocalAccount {
	return []view.LocalAccount{{Name: "ann"}, {Name: "bob"}, {Name: "root"}}
}

func (r *register) Standing(access.Identity) ([]string, []view.Right) {
	return []string{"role:dev"}, []view.Right{{Subject: "role:dev", Resource: "applications"}}
}

func (r *register) Confirm(_ context.Context, account, password, from string) (Proof, error) {
	if password != "correct" || from == "" {
		return nil, model.Invalidf("the current password of %s is wrong", account)
	}
	return "proof of " + account, nil
}

func (r *register) SetPassword(_ context.Context, account, password string, by Proof) (Proof, error) {
	if password == "short" {
		return nil, model.Invalidf("it is too short")
	}
	done := "password of " + account
	if by != nil {
		done += " by " + by.(string)
	}
	r.done = append(r.done, done)
	return "proof of " + password, nil
}

func (r *register) Session(account string, by Proof) (view.Session, error) {
	if by != "proof of new" {
		return view.Session{}, view.ErrUnauthenticated
	}
	return view.Session{Token: "session of " + account}, nil
}

func (r *register) IssueToken(_ context.Context, account, id string, _ time.Duration) (string, error) {
	r.done = append(r.done, "token "+id+" of "+account)
	return "token", nil
}

func (r *register) DeleteToken(_ context.Context, account, id string) error {
	r.done = append(r.done, "without "+id+" of "+account)
	return nil
}

// TestAccounts: one's own account is one's own, others take the right to update them; a
// password is asked for, the trail has what was done and refused, and no secret.
func TestAccounts(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	account := func(name string) access.Identity { return access.Identity{Subject: name, Local: true} }
	const own, other, wrong, short = "ann", "bob", "guess", "short"
	for name, tt := range map[string]struct {
		id                     access.Identity
		account, current, next string
		kind                   error
		done, trail            string
	}{
		"one's own":            {account("ann"), own, "correct", "new", nil, "password of ann by proof of ann", "ann update-password accounts/ann allowed"},
		"with a wrong one":     {account("ann"), own, wrong, "new", model.ErrInvalid, "", "ann update-password accounts/ann denied"},
		"a bad new one":        {account("ann"), own, "correct", short, model.ErrInvalid, "", "ann update-password accounts/ann allowed,ann update-password accounts/ann failed"},
		"another's":            {account("ann"), other, "correct", "new", model.ErrDenied, "", "ann update-password accounts/bob denied"},
		"another's, by right":  {account("root"), other, "correct", "new", nil, "password of bob by proof of root", "root update-password accounts/bob allowed"},
		"by right, wrong":      {account("root"), other, wrong, "new", model.ErrInvalid, "", "root update-password accounts/bob denied"},
		"a provider's ann":     {access.Identity{Subject: "ann"}, own, "correct", "new", model.ErrDenied, "", "ann update-password accounts/ann denied"},
		"a provider's root":    {access.Identity{Subject: "u-1", Groups: []string{"root"}, Issued: now.Add(-time.Minute)}, other, "", "new", nil, "password of bob", "u-1 update-password accounts/bob allowed"},
		"one that came before": {access.Identity{Subject: "u-1", Groups: []string{"root"}, Issued: now.Add(-time.Hour)}, other, "", "new", model.ErrDenied, "", "u-1 update-password accounts/bob denied"},
		"nobody":               {access.Identity{Anonymous: true, Local: true}, "", "correct", "new", model.ErrDenied, "", "anonymous update-password accounts/ denied"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &register{}
			var trail []string
			g := New(Config{
				Backend: viewtest.New(), Accounts: r, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
				May: func(id access.Identity, resource, action, _ string) bool {
					return resource == "accounts" && action == "update" && (id.Subject == "root" && id.Local || slices.Contains(id.Groups, "root"))
				},
				Audit: func(_ context.Context, a view.Audit) error {
					trail = append(trail, strings.Join([]string{a.Who, a.Action, a.Object, a.Outcome}, " "))
					for _, secret := range []string{"correct", wrong} {
						if strings.Contains(a.Detail+a.Target, secret) {
							t.Errorf("the trail has a password: %+v", a)
						}
					}
					return nil
				},
			})
			d := g.Desk(Reader{Identity: tt.id, From: "192.0.2.1"})
			session, err := d.UpdatePassword(t.Context(), view.PasswordChange{Account: tt.account, Current: tt.current, New: tt.next})
			if !errors.Is(err, tt.kind) || (err == nil) != (tt.kind == nil) {
				t.Errorf("%v, want %v", err, tt.kind)
			}
			if strings.Join(r.done, ",") != tt.done || strings.Join(trail, ",") != tt.trail {
				t.Errorf("done %q, trail %q; want %q, %q", r.done, trail, tt.done, tt.trail)
			}
			if mine := err == nil && tt.id.Subject == tt.account; mine != (session.Token != "") {
				t.Errorf("the session %+v", session)
			}
		})
	}
}

// TestSecurityAccountsOfOthers: a list has one's own account and those that one may get. A
// provider's user has no own.
func TestSecurityAccountsOfOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		id   access.Identity
		want string
	}{
		"an account":       {access.Identity{Subject: "ann", Local: true}, "ann"},
		"one with a right": {access.Identity{Subject: "root", Local: true}, "ann,bob,root"},
		"a provider's ann": {access.Identity{Subject: "ann"}, ""},
		"nobody":           {access.Identity{Anonymous: true, Local: true}, ""},
	} {
		g := New(Config{Backend: viewtest.New(), Accounts: &register{}, Log: slog.New(slog.DiscardHandler), May: func(id access.Identity, resource, action, _ string) bool {
			return id.Subject == "root" && resource == "accounts" && action == "get"
		}})
		all, err := g.Desk(Reader{Identity: tt.id}).LocalAccounts(t.Context())
		var names []string
		for _, a := range all {
			names = append(names, a.Name)
		}
		if got := strings.Join(names, ","); err != nil || got != tt.want {
			t.Errorf("%s sees %q, %v; want %q", name, got, err, tt.want)
		}
	}
}

// TestAccountTokens: those of others take the right; without a trail nothing is done.
func TestAccountTokens(t *testing.T) {
	r := &register{}
	broken := false
	g := New(Config{Backend: viewtest.New(), Accounts: r, Log: slog.New(slog.DiscardHandler), Audit: func(context.Context, view.Audit) error {
		if broken {
			return errors.New("no store")
		}
		return nil
	}})
	d := g.Desk(Reader{Identity: access.Identity{Subject: "ann", Local: true}})
	if token, err := d.IssueToken(t.Context(), "ann", "x", time.Hour); err != nil || token != "token" {
		t.Errorf("%q, %v", token, err)
	}
	if err := d.DeleteToken(t.Context(), "ann", "x"); err != nil {
		t.Error(err)
	}
	if _, err := d.IssueToken(t.Context(), "bob", "x", 0); !errors.Is(err, model.ErrDenied) {
		t.Errorf("a token of another: %v", err)
	}
	if err := d.DeleteToken(t.Context(), "bob", "x"); !errors.Is(err, model.ErrDenied) {
		t.Errorf("without a token of another: %v", err)
	}
	broken = true
	if _, err := d.IssueToken(t.Context(), "ann", "y", 0); !errors.Is(err, model.ErrTransient) {
		t.Errorf("without a trail: %v", err)
	}
	if want := []string{"token x of ann", "without x of ann"}; !slices.Equal(r.done, want) {
		t.Errorf("done %q, want %q", r.done, want)
	}
	a, err := d.Account(t.Context())
	if err != nil || a.Name != "ann" || !a.HasPassword || len(a.Roles) != 1 || len(a.Rights) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
}
