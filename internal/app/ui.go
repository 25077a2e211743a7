package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/fixpoint-cd/fixpoint/internal/api"
	"github.com/fixpoint-cd/fixpoint/internal/backend"
	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/engine"
	"github.com/fixpoint-cd/fixpoint/internal/front"
	"github.com/fixpoint-cd/fixpoint/internal/guard"
	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
	"github.com/fixpoint-cd/fixpoint/internal/source"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/web"
)

// ui is what people and programs see of a controller.
type ui struct {
	c        *controller
	past     discreetHistory
	backend  *backend.Backend
	live     *live.Service
	previews *previews
	extras   *extras
	access   *accessKeeper
	guard    *guard.Guard
	refusals *front.Refusals
	server   *server
	// filled is closed once the list has all apps that there were at the start: until then
	// nobody is told of any, since what is not there looks as if it had been deleted.
	filled chan struct{}
}

// fillPatience is how long people wait for the list at most, after the start.
const fillPatience = 30 * time.Second

// newUI makes it, listening at once. Without an address to listen at, there is none.
func (c *controller) newUI(mgr ctrl.Manager, dialects map[string]engine.Dialect) (*ui, error) {
	u := &ui{c: c, past: discreetHistory{c.history, c.log}, filled: make(chan struct{})}
	u.refusals = front.NewRefusals(u.past.Audit, c.log)
	var err error
	u.extras, err = newExtras(c.opt.REST, c.opt.ArgoNamespace, u.extraChanged, c.log)
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster at %s: %w", c.opt.REST.Host, err)
	}
	u.live = live.New(live.Config{Log: c.log, Health: func(o map[string]any) model.Health { return c.targets.judge.of(o) }, NeedsContent: health.NeedsContent})
	u.previews = c.newPreviews(dialects)
	u.backend = backend.New(backend.Config{
		Engine: c.engine, Sources: usage{c.store}, History: u.past, Live: u.live, Place: u.place, Cluster: u.connection,
		Objects: &acts{find: c.findCluster, settings: c.argo.Settings, scripts: c.scripts, clusters: map[*rest.Config]*liveCluster{}},
		Cache:   mgr.GetClient(), Latest: mgr.GetAPIReader(), Client: mgr.GetClient(), Extra: u.extras.List, Kinds: flux.Kinds(), Settings: c.argo.Settings,
		Declares: c.argo.Declares, Owner: c.ownerOf, Preview: u.previews.diff, Now: time.Now, Log: c.log,
	})
	u.access = c.newAccess(mgr, u.extras, u.backend.RightsChanged)
	u.guard = guard.New(guard.Config{Namespace: c.opt.ArgoNamespace, Backend: u.backend, May: u.access.enforcer.May, Accounts: ownAccounts{u.access.service, u.access.enforcer}, Rights: u.access.enforcer.Rights, Badges: u.access.badges.Load, Audit: u.past.Audit, Now: time.Now, Log: c.log})
	if u.server, err = u.listen(); err != nil {
		return nil, err
	}
	return u, nil
}

// listen opens the door.
func (u *ui) listen() (*server, error) {
	c := u.c
	pages := web.New(web.Config{Log: c.log, Version: cli.Version(), Namespace: c.opt.ArgoNamespace, Renew: u.renew})
	mux := http.NewServeMux()
	pages.Routes(mux)
	door := doorkeeper{u.access.service, c.log}
	signs := programs{door, u.past.Audit, u.refusals}
	login, logout := signs.api()
	handler := front.New(front.Config{
		SignIn: door, Ready: u.ready, Page: pages.SignIn, Pages: mux,
		Desk: func(r front.Reader) view.Desk {
			return u.guard.Desk(guard.Reader{Identity: r.Identity, From: r.From, Via: r.Via, Valid: r.Valid})
		},
		API: api.New(api.Config{Log: c.log, Login: login, Logout: logout, Ways: signs.ways}), Argo: u.argoAPI(signs), Hooks: hookRoutes(c.hooks),
		URL: u.access.url, Names: func() []string { return slices.Concat(u.access.hosts(), c.opt.UIHosts) }, Audit: u.past.Audit, Refusals: u.refusals, Log: c.log, TrustedProxies: c.opt.TrustedProxies,
	})
	return listenAt(c.opt.UIListen, "--ui-listen", front.Server(handler), c.opt.TLS, c.log)
}

// ready waits until it can be told who asks, and what there is.
func (u *ui) ready(ctx context.Context) error {
	if err := u.access.ready(ctx); err != nil {
		return err
	}
	select {
	case <-u.filled:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fill waits for the list.
func (u *ui) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fillPatience)
	defer cancel()
	select {
	case <-u.c.known:
		select {
		case <-u.backend.Settled():
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	close(u.filled)
	return nil
}

// Run serves until ctx ends.
func (u *ui) Run(ctx context.Context) error {
	defer func() {
		u.guard.Flush(context.WithoutCancel(ctx))
		u.refusals.Flush(context.WithoutCancel(ctx))
	}()
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{u.live.Run, u.extras.Run, u.backend.Run, u.fill, u.access.Run, u.server.Run} {
		g.Go(func() error { return run(ctx) })
	}
	return g.Wait()
}

// renew gives the browser another session.
func (u *ui) renew(w http.ResponseWriter, r *http.Request, s view.Session) error {
	return u.access.service.SetCookie(w, r, signin.Session{Token: s.Token, Expires: s.Expires, Device: s.Device})
}

// place finds a cluster to read for people.
func (u *ui) place(target string) (*live.Cluster, error) {
	config, err := u.c.findCluster(target)
	if err != nil {
		return nil, err
	}
	return u.live.Cluster(target, config)
}

// usage is the source store, as the backend wants it.
type usage struct{ *source.Store }

// Usage counts the looks at a subscription's repository.
func (u usage) Usage(key model.SourceKey) (looks, contents int64, ok bool) {
	used, ok := u.Store.Usage(key)
	return used.Looks, used.Contents, ok
}

// connection is how a cluster is, as far as it is used.
func (u *ui) connection(target string) backend.Connection {
	sent := u.c.targets.requests()[target]
	kinds, used := u.c.targets.kindsWatched(target)
	if !used {
		return backend.Connection{}
	}
	return backend.Connection{Connected: true, Kinds: kinds, Requests: map[string]int64{
		"read": sent.Reads, "watch": sent.Watches, "write": sent.Writes, "dry-run": sent.DryRuns, "refused (429)": sent.Throttled,
	}}
}

// extraChanged tells what depends on objects of a kind.
func (u *ui) extraChanged(kind string) {
	if kind == "AppProject" {
		u.access.changed()
		u.backend.Touch(view.TopicProjects)
		return
	}
	u.backend.Touch(view.TopicFeeders)
}
