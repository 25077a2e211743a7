package app

import (
	"context"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/internal/action"
	"github.com/fixpoint-cd/fixpoint/internal/backend"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/script"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// acts does what can be done with objects of apps, inside a controller.
type acts struct {
	find     func(target string) (*rest.Config, error)
	settings func() *argo.Settings
	scripts  *script.Pool

	mu       sync.Mutex
	clusters map[*rest.Config]*liveCluster
}

var _ backend.Objects = (*acts)(nil)

// actor is who does it for an app.
func (a *acts) actor(app model.App) (*actor, error) {
	config, err := a.find(app.Target)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	cluster := a.clusters[config]
	if cluster == nil {
		if cluster, err = newLiveCluster(config); err != nil {
			return nil, err
		}
		a.clusters[config] = cluster
	}
	return &actor{app: app, settings: a.settings(), cluster: cluster, scripts: a.scripts, now: time.Now}, nil
}

// Actions are those of an object as it is now.
func (a *acts) Actions(ctx context.Context, app model.App, obj model.ObjectRef) ([]view.Action, error) {
	who, err := a.actor(app)
	if err != nil {
		return nil, err
	}
	found, err := who.actionsOf(ctx, obj)
	out := make([]view.Action, 0, len(found))
	for _, one := range found {
		out = append(out, shownAction(one))
	}
	return out, err
}

func shownAction(a action.Action) view.Action {
	out := view.Action{Name: a.Name, Title: a.Title, Help: a.Help, Danger: a.Danger}
	if a.Disabled {
		out.Why = a.Why
		if out.Why == "" {
			out.Why = "not possible now"
		}
	}
	for _, p := range a.Params {
		out.Params = append(out.Params, view.Param{Name: p.Name, Default: p.Default, Help: p.Help, Required: p.Required})
	}
	return out
}

// Act does one of them, and says what was done.
func (a *acts) Act(ctx context.Context, app model.App, obj model.ObjectRef, name string, params map[string]string) ([]string, error) {
	who, err := a.actor(app)
	if err != nil {
		return nil, err
	}
	return who.act(ctx, obj, name, params)
}
