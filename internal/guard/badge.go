package guard

import (
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Badge is what of an Application everybody may know where badges are on: health, sync and
// revision. enabled: they are; found: there is such an app.
func (g *Guard) Badge(namespace, name string) (badge view.Badge, found, enabled bool) {
	if !g.Badges() {
		return view.Badge{}, false, false
	}
	if namespace == "" {
		namespace = g.Namespace
	}
	app, found := g.Backend.Brief(model.AppKey{Dialect: "argo", Namespace: namespace, Name: name})
	if !found {
		return view.Badge{}, false, true
	}
	return view.Badge{Name: app.Key.Name, Health: app.Health, Sync: app.Sync, Revision: app.Revision}, true, true
}

// ProjectBadge is Badge for the Applications of projects together: healthy and synced if
// all of them are, else degraded and out of sync. found: there are any.
func (g *Guard) ProjectBadge(projects []string) (badge view.Badge, found, enabled bool) {
	if !g.Badges() {
		return view.Badge{}, false, false
	}
	page := g.Backend.Apps(view.Query{Kinds: []string{view.KindApplication}, Projects: projects, Limit: 1}, nil)
	if page.Total == 0 || len(projects) == 0 {
		return view.Badge{}, false, true
	}
	badge = view.Badge{Name: strings.Join(projects, ", "), Health: model.Healthy, Sync: model.Synced}
	if page.Health[model.Healthy] < page.Total {
		badge.Health = model.Degraded
	}
	if page.Sync[model.Synced] < page.Total {
		badge.Sync = model.OutOfSync
	}
	return badge, true, true
}
