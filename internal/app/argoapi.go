package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/fixpoint-cd/fixpoint/internal/argoapi"
	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// argoAPI answers the clients of Argo CD's API.
func (u *ui) argoAPI(p programs) http.Handler {
	const via = "argocd-api"
	return argoapi.New(argoapi.Config{
		Login: func(ctx context.Context, name, password, from string) (string, error) {
			session, err := p.login(ctx, via, name, password, from)
			var busy signin.Busy
			switch {
			case errors.As(err, &busy):
				err = argoapi.Busy{After: busy.After}
			case errors.Is(err, signin.ErrRefused):
				err = view.ErrUnauthenticated
			}
			return session.Token, err
		},
		Logout: func(r *http.Request) error { return p.logout(r, via) },
		Badge:  u.guard.Badge, ProjectBadge: u.guard.ProjectBadge, Badges: u.access.badges.Load,
		URL: u.access.url, Ways: p.door.Ways, Namespace: u.c.opt.ArgoNamespace, Version: cli.Version(), Log: u.c.log,
	})
}
