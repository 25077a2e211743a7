package app

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/fixpoint-cd/fixpoint/internal/api"
	"github.com/fixpoint-cd/fixpoint/internal/front"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// programs signs programs in and out, and notes it.
type programs struct {
	door     doorkeeper
	audit    func(context.Context, view.Audit) error
	refusals *front.Refusals
}

// login gives a session for a name and a password.
func (p programs) login(ctx context.Context, via, name, password, from string) (signin.Session, error) {
	session, err := p.door.Service.Login(ctx, name, password, from)
	a := view.Audit{Who: front.Clean(name), From: from, Via: via, Action: "login", Outcome: "allowed"}
	switch {
	case errors.Is(err, signin.ErrRefused):
		a.Detail = "wrong name or password"
		p.refusals.Tried(ctx, a)
	case errors.Is(err, signin.ErrBusy):
		a.Detail = "too many attempts"
		p.refusals.Cheap(ctx, a)
	case err == nil:
		p.note(ctx, a)
	}
	return session, err
}

// logout revokes the token that a request shows.
func (p programs) logout(r *http.Request, via string) error {
	id, err := p.door.Authenticate(r)
	if err != nil || id.Anonymous {
		return err
	}
	if err := p.door.Logout(context.WithoutCancel(r.Context()), id); err != nil {
		return err
	}
	p.note(r.Context(), view.Audit{Who: id.Subject, From: front.ClientOf(r), Via: via, Action: "logout", Outcome: "allowed"})
	return nil
}

func (p programs) note(ctx context.Context, a view.Audit) {
	if err := p.audit(context.WithoutCancel(ctx), a); err != nil {
		p.door.log.Error("writing to the audit trail", "action", a.Action, "err", err)
	}
}

// ways are those in which programs sign people in.
func (p programs) ways() api.Ways {
	out := api.Ways{Local: p.door.Service.Ways().Local}
	if o, ok := p.door.Provider(); ok {
		out.SSO = &api.Provider{
			Name: o.Name, Issuer: o.Issuer, ClientID: cmp.Or(o.CLIClientID, o.ClientID), Scopes: o.Scopes, Claims: o.Claims, RootCA: o.RootCA,
		}
	}
	return out
}

// api is what our own API asks.
func (p programs) api() (login func(ctx context.Context, name, password, from string) (api.Session, error), logout func(*http.Request) error) {
	login = func(ctx context.Context, name, password, from string) (api.Session, error) {
		s, err := p.login(ctx, "api", name, password, from)
		var busy signin.Busy
		switch {
		case errors.As(err, &busy):
			err = api.Busy{After: busy.After}
		case errors.Is(err, signin.ErrRefused):
			err = view.ErrUnauthenticated
		}
		return api.Session{Token: s.Token, Expires: s.Expires}, err
	}
	return login, func(r *http.Request) error { return p.logout(r, "api") }
}
