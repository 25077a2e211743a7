package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/action"
	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/script"
)

// actor does what can be done with an Application's objects.
type actor struct {
	app      model.App
	settings *argo.Settings
	cluster  objects
	scripts  *script.Pool
	now      func() time.Time
}

// objects are those of a cluster. What does not exist there, and of a kind that is
// not served, is model.ErrNotFound.
type objects interface {
	Read(context.Context, model.ObjectRef) (map[string]any, error)
	Kind(model.ObjectRef) (liveKind, error)
	// Write returns the object that was written, or what the subresource is.
	Write(context.Context, action.Change) (map[string]any, error)
}

// Actions are what can be done now with objects of an Application, in the order of
// the objects. Objects that don't exist have none. Those whose actions can't be told
// are in the error, which does not keep the others from being returned.
func Actions(ctx context.Context, flags cli.ActionFlags) ([]cli.ObjectAction, error) {
	a, err := newActor(ctx, flags)
	if err != nil {
		return nil, err
	}
	defer a.scripts.Close()
	return a.list(ctx, flags.On)
}

// Act does an action with an object of an Application, and says what was done.
func Act(ctx context.Context, flags cli.ActionFlags, name string, params map[string]string) ([]string, error) {
	if len(flags.On) != 1 {
		return nil, fmt.Errorf("an action is done with one object, not with %d", len(flags.On))
	}
	a, err := newActor(ctx, flags)
	if err != nil {
		return nil, err
	}
	defer a.scripts.Close()
	return a.act(ctx, flags.On[0], name, params)
}

func newActor(ctx context.Context, flags cli.ActionFlags) (*actor, error) {
	own, err := flags.REST()
	if err != nil {
		return nil, err
	}
	reader, err := client.New(own, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster at %s: %w: check the kubeconfig", own.Host, err)
	}
	settings, err := argoSettings(ctx, reader, flags.ArgoNamespace)
	if err != nil {
		return nil, err
	}
	app, _ := argo.Adapt(flags.Object, argo.Env{Namespace: flags.ArgoNamespace, Settings: settings})
	if app.Invalid != nil {
		return nil, app.Invalid
	}
	config, err := connectionTo(app.Target, settings, own)
	if err != nil {
		return nil, err
	}
	cluster, err := newLiveCluster(config)
	if err != nil {
		return nil, err
	}
	return &actor{app: app, settings: settings, cluster: cluster, scripts: script.New(script.Config{}), now: time.Now}, nil
}

// connectionTo is the connection to an app's target; own is that to the cluster
// which holds the apps.
func connectionTo(target string, settings *argo.Settings, own *rest.Config) (*rest.Config, error) {
	if target == "" {
		return own, nil
	}
	for _, c := range settings.Clusters() {
		if c.Target() == target {
			return c.Config, c.Err
		}
	}
	return nil, model.As(model.ErrNotFound, fmt.Errorf("there is no cluster %s: declare it by a cluster Secret", target))
}

// manyReads is how many objects are looked at at a time.
const manyReads = 8

func (a *actor) list(ctx context.Context, on []model.ObjectRef) ([]cli.ObjectAction, error) {
	found, failed := make([][]action.Action, len(on)), make([]error, len(on))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(manyReads)
	for i, ref := range on {
		g.Go(func() error {
			var err error
			found[i], err = a.actionsOf(gctx, ref)
			if errors.Is(err, model.ErrInvalid) || apierrors.IsForbidden(err) {
				failed[i], err = err, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []cli.ObjectAction
	for i, ref := range on {
		for _, one := range found[i] {
			out = append(out, objectAction(ref, one))
		}
	}
	return out, errors.Join(failed...)
}

// actionsOf are the actions of one object. It is not read if its kind has none.
func (a *actor) actionsOf(ctx context.Context, ref model.ObjectRef) ([]action.Action, error) {
	users, customized := a.settings.ActionScripts(ref.Group, ref.Kind)
	kind := map[string]any{"apiVersion": ref.APIVersion(), "kind": ref.Kind}
	if !customized && len(action.List(kind)) == 0 {
		return nil, nil
	}
	obj, err := a.cluster.Read(ctx, ref)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !customized:
		return action.List(obj), nil
	}
	theirs, err := a.discovered(ctx, users, obj)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref.ObjectKey, err)
	}
	return action.Merge(theirs, action.List(obj), users.MergeBuiltin), nil
}

// discovered are the users' own actions of an object.
func (a *actor) discovered(ctx context.Context, users argo.Actions, obj map[string]any) ([]action.Action, error) {
	if strings.TrimSpace(users.Discovery) == "" {
		return nil, nil
	}
	said, err := a.scripts.Discover(ctx, users.Discovery, obj)
	if err != nil {
		return nil, err
	}
	var out []action.Action
	for _, s := range said {
		one := action.Action{Name: s.Name, Title: s.DisplayName, Icon: s.IconClass, Disabled: s.Disabled, Help: "as argocd-cm defines it"}
		for _, p := range s.Params {
			one.Params = append(one.Params, action.Param{Name: p.Name, Type: p.Type, Default: p.Default})
		}
		if s.Disabled {
			one.Why = "its discovery script in argocd-cm says so"
		}
		if _, ok := scriptOf(users, s.Name); !ok {
			one.Disabled, one.Why = true, "argocd-cm has no definition of it: add its action.lua"
		}
		out = append(out, one)
	}
	return out, nil
}

// scriptOf is the script of one of the users' actions.
func scriptOf(users argo.Actions, name string) (string, bool) {
	i := slices.IndexFunc(users.Definitions, func(d argo.ActionDefinition) bool { return d.Name == name })
	if i < 0 {
		return "", false
	}
	return users.Definitions[i].Script, true
}

func objectAction(on model.ObjectRef, a action.Action) cli.ObjectAction {
	out := cli.ObjectAction{On: on, Name: a.Name, Title: a.Title, Help: a.Help, Disabled: a.Disabled, Why: a.Why, Danger: a.Danger}
	for _, p := range a.Params {
		out.Params = append(out.Params, cli.ActionParam{Name: p.Name, Default: p.Default, Help: p.Help, Required: p.Required})
	}
	return out
}
