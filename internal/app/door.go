package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/front"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// doorkeeper is the service that says who asks, as the front door wants it.
type doorkeeper struct {
	*signin.Service
	log *slog.Logger
}

var _ front.SignIn = doorkeeper{}

// Authenticate is who sent the request.
func (d doorkeeper) Authenticate(r *http.Request) (access.Identity, error) {
	id, err := d.Service.Authenticate(r)
	return id, atDoor(err)
}

// Login gives the browser a session.
func (d doorkeeper) Login(w http.ResponseWriter, r *http.Request, name, password, from string) error {
	return atDoor(d.LoginBrowser(w, r, name, password, from))
}

// Begin sends the browser to the identity provider.
func (d doorkeeper) Begin(w http.ResponseWriter, r *http.Request, returnTo string) error {
	return ofProvider(d.Service.Begin(w, r, returnTo))
}

// Callback is the way back from the identity provider.
func (d doorkeeper) Callback(w http.ResponseWriter, r *http.Request) (string, error) {
	to, err := d.Service.Callback(w, r)
	return to, ofProvider(err)
}

// ofProvider says why the identity provider has let nobody in.
func ofProvider(err error) error {
	why := view.FailedSSO
	switch {
	case err == nil:
		return nil
	case errors.Is(err, signin.ErrBusy):
		return atDoor(err)
	case errors.Is(err, signin.ErrDeclined):
		why = view.FailedDeclined
	case errors.Is(err, signin.ErrStale):
		why = view.FailedStale
	case errors.Is(err, model.ErrTransient):
		why = view.FailedAway
	}
	return front.Failure{Why: why, Err: err}
}

// Valid is an error once the identity's token would be refused.
func (d doorkeeper) Valid(ctx context.Context, id access.Identity) error {
	return atDoor(d.Service.Valid(ctx, id))
}

// Ways are those in which people can sign in.
func (d doorkeeper) Ways() (local bool, sso string) {
	w := d.Service.Ways()
	return w.Local, w.SSO
}

// atDoor gives refusals the kinds that the door knows.
func atDoor(err error) error {
	var busy signin.Busy
	switch {
	case err == nil:
		return nil
	case errors.As(err, &busy):
		return front.Busy{After: busy.After}
	case errors.Is(err, signin.ErrExpired):
		return front.ErrExpired
	case errors.Is(err, signin.ErrRefused):
		return errors.Join(view.ErrUnauthenticated, err)
	}
	return err
}
