package guard

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// right is what is asked of RBAC.
type right struct{ resource, action, object string }

func (r right) String() string { return r.resource + ", " + r.action + ", " + r.object }

// denied says which right is missing.
func denied(missing right) error {
	return model.As(model.ErrDenied, fmt.Errorf(
		"you lack the right %s: ask who keeps argocd-rbac-cm, or the project's roles, to give it to you", missing))
}

// resourceOf is the RBAC resource of apps of that dialect.
func resourceOf(key model.AppKey) string {
	switch key.Dialect {
	case "argo":
		return access.Applications
	case "flux":
		return access.Kustomizations
	case "helm":
		return access.HelmReleases
	}
	return key.Dialect
}

// kindOf names the kind of apps of that dialect.
func kindOf(key model.AppKey) string {
	switch key.Dialect {
	case "argo":
		return view.KindApplication
	case "flux":
		return view.KindKustomization
	case "helm":
		return view.KindHelmRelease
	}
	return "app"
}

// objectOf is the RBAC object of an app that is in a project.
func (g *Guard) objectOf(key model.AppKey, project string) string {
	if key.Dialect != "argo" {
		return key.Namespace + "/" + key.Name
	}
	return g.inProject(project, key.Namespace, key.Name)
}

// inProject is the RBAC object of an Application or ApplicationSet. A project with a
// slash is no project: what is declared in it is in none of any other name.
func (g *Guard) inProject(project, namespace, name string) string {
	project = strings.ReplaceAll(cmp.Or(project, "default"), "/", "%2F")
	if namespace == g.Namespace {
		return project + "/" + name
	}
	return project + "/" + namespace + "/" + name
}

// right is what an action with the app takes.
func (d *desk) right(app *view.App, action string) right {
	return right{resourceOf(app.Key), action, d.objectOf(app.Key, app.Project)}
}

// has reports whether the reader has a right.
func (d *desk) has(r right) bool { return d.may(r.resource, r.action, r.object) }

// sees reports whether the reader may get the app.
func (d *desk) sees(app *view.App) bool { return d.has(d.right(app, "get")) }

// needs are the rights that a verb takes, besides seeing the app.
func (d *desk) needs(verb view.Verb, app *view.App) []right {
	switch verb {
	case view.VerbGet, view.VerbRefresh:
		return []right{d.right(app, "get")}
	case view.VerbSync, view.VerbRollback:
		return []right{d.right(app, "sync")}
	case view.VerbOverride:
		return []right{d.right(app, "sync"), d.right(app, "override")}
	case view.VerbSuspend, view.VerbUpdate:
		return []right{d.right(app, "update")}
	case view.VerbLogs:
		return []right{{access.Logs, "get", d.objectOf(app.Key, app.Project)}}
	case view.VerbAct:
		return []right{d.right(app, "action/*")}
	case view.VerbDelete:
		return []right{d.right(app, "delete")}
	}
	return []right{d.right(app, string(verb))}
}

// onObject is the right that a verb takes with an object of an app.
func (d *desk) onObject(verb view.Verb, app *view.App, on model.ObjectKey, action string) []right {
	switch verb {
	case view.VerbAct:
		return []right{d.right(app, "action/"+on.Group+"/"+on.Kind+"/"+action)}
	case view.VerbDelete:
		return []right{d.right(app, "delete/"+on.Group+"/"+on.Kind+"/"+on.Namespace+"/"+on.Name)}
	}
	return d.needs(verb, app)
}

// lacks is the first right that the reader has not got.
func (d *desk) lacks(rights []right) (right, bool) {
	at := slices.IndexFunc(rights, func(r right) bool { return !d.has(r) })
	if at < 0 {
		return right{}, false
	}
	return rights[at], true
}

func (d *desk) May(verb view.Verb, app view.App) bool {
	_, lacks := d.lacks(d.needs(verb, &app))
	return !lacks && d.sees(&app)
}

func (d *desk) MayOn(verb view.Verb, app view.App, on model.ObjectKey, action string) bool {
	_, lacks := d.lacks(d.onObject(verb, &app, on, action))
	return !lacks && d.sees(&app)
}

// Can says of the reader what fixpoint rbac can says of anybody.
func (d *desk) Can(ctx context.Context, resource, action, object string) (bool, error) {
	if err := d.valid(ctx); err != nil {
		return false, err
	}
	if known := access.Resources(); !slices.Contains(known, resource) {
		return false, model.Invalidf("there is no resource %s: name one of %s", clean(resource, 100), strings.Join(known, ", "))
	}
	if len(action) > mostOfAction {
		return false, model.Invalidf("an action has at most %d bytes", mostOfAction)
	}
	return d.may(resource, action, object), nil
}

// mostOfAction is how long an action is at most: what was decided of it is remembered. The
// longest is delete/ with the group, kind, namespace and name of an object.
const mostOfAction = 1100

// missing is the error for an app that is not there, and for one that the reader may
// not get.
func missing(key model.AppKey) error {
	return model.As(model.ErrNotFound, fmt.Errorf(
		"there is no %s %s/%s that you may see: look at the list of apps", kindOf(key), clean(key.Namespace, 100), clean(key.Name, 100)))
}

// find is an app that the reader may get. What it is refused is in the trail as action.
func (d *desk) find(ctx context.Context, key model.AppKey, action string) (view.App, error) {
	if err := d.valid(ctx); err != nil {
		return view.App{}, err
	}
	app, ok := d.Backend.Brief(key)
	if ok && d.sees(&app) {
		return app, nil
	}
	rec := d.record(action, resourceOf(key)+"/"+key.Namespace+"/"+key.Name)
	rec.Outcome, rec.Detail = outcomeDenied, "there is no such app"
	if ok {
		rec.Object, rec.Detail = d.trailName(&app), "without "+d.right(&app, "get").String()
	}
	d.saw(ctx, rec)
	return view.App{}, missing(key)
}

// trailName is how the trail calls an app: its resource and its object.
func (d *desk) trailName(app *view.App) string {
	return resourceOf(app.Key) + "/" + d.objectOf(app.Key, app.Project)
}
