package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/client"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func (s server) hold(ctx context.Context, cmd *cobra.Command, f *actionFlags, name, object string) (held, error) {
	app, err := s.application(ctx, cmd, f.sel, name)
	if err != nil {
		return held{}, err
	}
	on, err := objectsMeant(app, object)
	if err != nil {
		return held{}, err
	}
	return held{
		app: app, on: on,
		actions: func(ctx context.Context) ([]ObjectAction, error) { return s.actions(ctx, app, on) },
		act: func(ctx context.Context, action string, params map[string]string) ([]string, error) {
			return s.Act(ctx, nameOf(app), objectOf(on[0]), action, params)
		},
	}, nil
}

// actions are those of objects. One that is not there has none.
func (s server) actions(ctx context.Context, app item, on []model.ObjectRef) ([]ObjectAction, error) {
	var out []ObjectAction
	for _, ref := range on {
		found, err := s.Object(ctx, nameOf(app), objectOf(ref))
		if errors.Is(err, model.ErrNotFound) {
			continue
		}
		if err != nil {
			return out, err
		}
		for _, a := range found.Actions {
			out = append(out, actionOf(ref, a))
		}
	}
	return out, nil
}

func actionOf(on model.ObjectRef, a client.Action) ObjectAction {
	out := ObjectAction{On: on, Name: a.Name, Title: a.Title, Help: a.Help, Disabled: a.Why != "", Why: a.Why, Danger: a.Danger}
	for _, p := range a.Params {
		out.Params = append(out.Params, ActionParam{Name: p.Name, Default: p.Default, Help: p.Help, Required: p.Required})
	}
	return out
}

func objectOf(r model.ObjectRef) client.Object {
	return client.Object{Group: r.Group, Version: r.Version, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}
