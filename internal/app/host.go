package app

import (
	"context"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/remote"
)

// hosts answer what renders ask of the world, as far as their app may know it.
type hosts struct {
	targets   *targets
	policy    remote.Policy
	downloads *remote.Downloads
	uses      *remote.Uses
	// complete adds the credentials that an app of a dialect has for a source, by
	// dialect.
	complete map[string]func(model.AppKey, model.Source) (model.Source, error)
}

// of is the host of an app's next render.
func (h *hosts) of(app model.App) model.RenderHost {
	h.uses.Begin(app.Key)
	return host{h, app.Key, app.Target}
}

type host struct {
	*hosts
	app    model.AppKey
	target string
}

// Cluster asks the app's target.
func (h host) Cluster(ctx context.Context) (string, []string, error) {
	t, err := h.targets.connected(h.target)
	if err != nil {
		return "", nil, err
	}
	return t.Served(ctx)
}

// Remote is allowed for what the operator has given credentials for, or by the
// policy. Known hosts and certificates are not credentials: that a host can be
// recognised does not open it to every repository.
func (h host) Remote(ctx context.Context, src model.Source) (*model.Snapshot, error) {
	if complete := h.complete[h.app.Dialect]; complete != nil {
		var err error
		if src, err = complete(h.app, src); err != nil {
			return nil, err
		}
	}
	if src.Auth.Anonymous() {
		if err := h.policy.CheckRemote(ctx, src.URL); err != nil {
			return nil, err
		}
		src.Foreign = !h.policy.Names(src.URL)
	}
	return h.uses.Fetch(ctx, h.app, src)
}

// Download is without credentials.
func (h host) Download(ctx context.Context, url string) ([]byte, error) {
	return h.downloads.Get(ctx, url)
}

// Lookup asks the app's target.
func (h host) Lookup(ctx context.Context, ref model.ObjectRef) ([]byte, error) {
	t, err := h.targets.connected(h.target)
	if err != nil {
		return nil, err
	}
	return t.Lookup(ctx, ref)
}

// newHosts makes what answers renders.
func (c *controller) newHosts() (*hosts, error) {
	policy, err := policyOf(c.opt.AllowRemote)
	if err != nil {
		return nil, err
	}
	return &hosts{
		targets: c.targets, policy: policy, downloads: remote.NewDownloads(policy),
		uses: remote.NewUses(c.store, func(app model.AppKey) { c.engine.Wake(app) }),
		complete: map[string]func(model.AppKey, model.Source) (model.Source, error){
			argo.Dialect:     func(app model.AppKey, src model.Source) (model.Source, error) { return c.argo.Remote(app, src) },
			flux.Dialect:     func(app model.AppKey, src model.Source) (model.Source, error) { return c.flux.Remote(app, src) },
			flux.HelmDialect: func(app model.AppKey, src model.Source) (model.Source, error) { return c.flux.Remote(app, src) },
		},
	}, nil
}
