package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// held is an Application with objects of it that something may be done with.
type held struct {
	app item
	on  []model.ObjectRef
	// actions are what can be done with the objects; an error does not mean that there
	// are none. act does one of it with the one object, and says what was done, a text
	// each, even where the rest failed.
	actions func(context.Context) ([]ObjectAction, error)
	act     func(ctx context.Context, action string, params map[string]string) ([]string, error)
}

func (f *actionFlags) hold(ctx context.Context, cmd *cobra.Command, name, object string) (held, error) {
	by, err := f.to.open()
	if err != nil {
		return held{}, err
	}
	return by.hold(ctx, cmd, f, name, object)
}

func (k kube) hold(ctx context.Context, cmd *cobra.Command, f *actionFlags, name, object string) (held, error) {
	app, err := f.sel.find(ctx, cmd, k.cluster, name)
	if err != nil {
		return held{}, err
	}
	on, err := objectsMeant(app, object)
	if err != nil {
		return held{}, err
	}
	flags := ActionFlags{Connection: k.conn, Object: app.Unstructured, ArgoNamespace: f.argoNamespace, On: on}
	return held{
		app: app, on: on,
		actions: func(ctx context.Context) ([]ObjectAction, error) { return k.deps.Actions(ctx, flags) },
		act: func(ctx context.Context, action string, params map[string]string) ([]string, error) {
			return k.deps.Act(ctx, flags, action, params)
		},
	}, nil
}

// objectsMeant are the objects of an Application that a text names: all of them if it is
// "", and else exactly one.
func objectsMeant(app item, object string) ([]model.ObjectRef, error) {
	spec, err := app.decoded()
	if err != nil {
		return nil, err
	}
	on, err := objectsNamed(spec.Status.Resources, object)
	switch {
	case err != nil:
		return nil, err
	case object != "" && len(on) == 0:
		return nil, fmt.Errorf("%s has no object %s: 'fixpoint tree %s' shows what it has", app.title(), object, app.path())
	case object != "" && len(on) > 1:
		return nil, fmt.Errorf("%s has %d objects %s (%s): say which with KIND.GROUP/NAMESPACE/NAME", app.title(), len(on), object, objectTexts(on))
	}
	return on, nil
}

// objectsNamed are the objects that KIND[.GROUP]/[NAMESPACE/]NAME may mean; all of
// them for "".
func objectsNamed(have []v1alpha1.ResourceStatus, text string) ([]model.ObjectRef, error) {
	var kind, group, namespace, name string
	if text != "" {
		parts := strings.Split(text, "/")
		kind, group, _ = strings.Cut(parts[0], ".")
		name = parts[len(parts)-1]
		if len(parts) == 3 {
			namespace = parts[1]
		}
		if len(parts) < 2 || len(parts) > 3 || kind == "" || name == "" {
			return nil, fmt.Errorf("%q has to be KIND/NAME or KIND.GROUP/NAMESPACE/NAME, such as Deployment/web", text)
		}
	}
	var out []model.ObjectRef
	for _, r := range have {
		if text == "" || strings.EqualFold(r.Kind, kind) && (group == "" || r.Group == group) &&
			(namespace == "" || r.Namespace == namespace) && r.Name == name {
			out = append(out, refOf(r))
		}
	}
	return out, nil
}

func objectTexts(all []model.ObjectRef) string {
	var out []string
	for _, o := range all {
		out = append(out, objectText(o.ObjectKey))
	}
	return strings.Join(out, ", ")
}

// actionNamed is the action of an object, if it can be done now.
func actionNamed(found []ObjectAction, on model.ObjectRef, name string) (ObjectAction, error) {
	var names []string
	for _, a := range found {
		if a.Name == name && a.Disabled {
			return a, fmt.Errorf("%s can't be done with %s now%s", name, objectText(on.ObjectKey), after(": ", a.Why))
		}
		if a.Name == name {
			return a, nil
		}
		names = append(names, a.Name)
	}
	if len(names) == 0 {
		return ObjectAction{}, fmt.Errorf("%s has no actions", objectText(on.ObjectKey))
	}
	return ObjectAction{}, fmt.Errorf("%s has no action %q: it has %s", objectText(on.ObjectKey), name, strings.Join(names, ", "))
}

func actionTable(found []ObjectAction) *table {
	t := &table{header: []string{"OBJECT", "ACTION", "PARAMETERS", "WHAT IT DOES"}}
	for _, a := range found {
		help := a.Help
		if a.Disabled {
			help = "not now" + after(": ", a.Why)
		}
		var params []string
		for _, p := range a.Params {
			params = append(params, withText(p.Name, "=", p.Default))
		}
		t.add(objectText(a.On.ObjectKey), a.Name, strings.Join(params, ", "), help)
	}
	return t
}

// actionData is what -o json prints.
func actionData(found []ObjectAction) []map[string]any {
	out := make([]map[string]any, 0, len(found))
	for _, a := range found {
		one := map[string]any{
			"group": a.On.Group, "version": a.On.Version, "kind": a.On.Kind, "namespace": a.On.Namespace, "name": a.On.Name,
			"action": a.Name, "disabled": a.Disabled,
		}
		for field, text := range map[string]string{"displayName": a.Title, "help": a.Help, "why": a.Why} {
			if text != "" {
				one[field] = text
			}
		}
		if a.Danger {
			one["danger"] = true
		}
		var params []map[string]any
		for _, p := range a.Params {
			params = append(params, map[string]any{"name": p.Name, "default": p.Default, "help": p.Help, "required": p.Required})
		}
		if len(params) > 0 {
			one["params"] = params
		}
		out = append(out, one)
	}
	return out
}
