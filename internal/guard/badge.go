package guard

import (
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
