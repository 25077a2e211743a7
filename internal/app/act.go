package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fixpoint-cd/fixpoint/internal/action"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/script"
)

// manyTries is how often an action is run on an object that others write meanwhile.
const manyTries = 5

// act does an action. What was done is told even if the rest can't be.
func (a *actor) act(ctx context.Context, on model.ObjectRef, name string, params map[string]string) ([]string, error) {
	w := acting{cluster: a.cluster}
	for try := 1; ; try++ {
		changes, err := a.changes(ctx, on, name, params)
		if err != nil {
			return w.done, err
		}
		if len(changes) == 0 && len(w.done) == 0 {
			return []string{on.ObjectKey.String() + " is already as " + name + " makes it"}, nil
		}
		err = w.write(ctx, changes)
		switch {
		case err == nil:
			return w.done, nil
		case !apierrors.IsConflict(err) || w.created:
			return w.done, fmt.Errorf("%s of %s: %w", name, on.ObjectKey, err)
		case try == manyTries:
			return w.done, fmt.Errorf("%s of %s: others keep changing it: try again", name, on.ObjectKey)
		}
	}
}

// changes are those that an action makes on the object as it is now, all of them
// permitted to the Application.
func (a *actor) changes(ctx context.Context, on model.ObjectRef, name string, params map[string]string) ([]action.Change, error) {
	if err := a.settings.Permit(a.app, []model.ObjectRef{on}); err != nil {
		return nil, err
	}
	obj, err := a.cluster.Read(ctx, on)
	if errors.Is(err, model.ErrNotFound) {
		return nil, fmt.Errorf("%s can't be done with %s: %w", name, on.ObjectKey, err)
	}
	if err != nil {
		return nil, err
	}
	changes, err := a.run(ctx, name, obj, params)
	if err != nil {
		return nil, err
	}
	var refs []model.ObjectRef
	for i, c := range changes {
		if changes[i], err = a.placed(c, on.Namespace); err != nil {
			return nil, err
		}
		refs = append(refs, changes[i].Ref)
	}
	return changes, a.settings.Permit(a.app, refs)
}

// placed puts a new object without a namespace into that of the object that it is
// made for, if its kind has namespaces. What a kind has no subresource for is
// written to the object itself.
func (a *actor) placed(c action.Change, namespace string) (action.Change, error) {
	kind, err := a.cluster.Kind(c.Ref)
	if err != nil {
		return c, err
	}
	if c.Subresource == subresourceStatus && !kind.statusApart {
		c.Subresource = ""
	}
	if !kind.namespaced {
		c.Ref.Namespace = ""
	} else if c.Create != nil && c.Ref.Namespace == "" {
		c.Ref.Namespace = namespace
	}
	return c, nil
}

// run is what an action would change: the users' own, or one that comes with
// Fixpoint.
func (a *actor) run(ctx context.Context, name string, obj map[string]any, params map[string]string) ([]action.Change, error) {
	ref := action.New(obj).Ref
	users, ok := a.settings.ActionScripts(ref.Group, ref.Kind)
	if !ok {
		return action.Run(name, obj, params, a.now())
	}
	theirs, err := a.discovered(ctx, users, obj)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref.ObjectKey, err)
	}
	i := slices.IndexFunc(theirs, func(t action.Action) bool { return t.Name == name })
	switch {
	case i >= 0:
		return a.runScript(ctx, users, theirs[i], obj, params)
	case users.MergeBuiltin:
		return action.Run(name, obj, params, a.now())
	}
	return nil, model.As(model.ErrNotFound, fmt.Errorf("%s has no action %q: argocd-cm replaces those that come with its kind, see mergeBuiltinActions", ref.ObjectKey, name))
}

func (a *actor) runScript(ctx context.Context, users argo.Actions, one action.Action, obj map[string]any, params map[string]string) ([]action.Change, error) {
	ref := action.New(obj).Ref
	if one.Disabled {
		return nil, model.Invalidf("%s can't be done with %s now: %s", one.Name, ref.ObjectKey, one.Why)
	}
	given, err := filled(one, params)
	if err != nil {
		return nil, err
	}
	src, _ := scriptOf(users, one.Name) // without one it is disabled
	said, err := a.scripts.Act(ctx, src, obj, given)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", one.Name, ref.ObjectKey, err)
	}
	kind, err := a.cluster.Kind(ref)
	if err != nil {
		return nil, err
	}
	var out []action.Change
	for _, s := range said {
		if s.Operation == script.OperationCreate {
			out = append(out, action.New(s.Object))
		} else {
			out = append(out, action.Patches(obj, s.Object, kind.statusApart)...)
		}
	}
	return out, nil
}

// filled are the parameters of an action, with its defaults where none is given.
func filled(one action.Action, params map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range one.Params {
		out[p.Name] = p.Default
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if _, takes := out[name]; !takes {
			return nil, model.Invalidf("%s takes no parameter %q", one.Name, name)
		}
		out[name] = params[name]
	}
	return out, nil
}

// subresourceStatus is where the status is written, of kinds that have it apart.
const subresourceStatus = "status"

// acting is an action that is being done.
type acting struct {
	cluster objects
	// done are texts, one for each thing that was done.
	done []string
	// created: an object was; doing it all again would create another.
	created bool
}

// write makes changes, one after the other.
func (w *acting) write(ctx context.Context, changes []action.Change) error {
	versions := map[model.ObjectKey]string{} // of what was written already
	for _, c := range changes {
		if v := versions[c.Ref.ObjectKey]; v != "" {
			c.Patch = guardedBy(c.Patch, v)
		}
		written, err := w.cluster.Write(ctx, c)
		if err != nil {
			return err
		}
		meta, _ := written["metadata"].(map[string]any)
		versions[c.Ref.ObjectKey], _ = meta["resourceVersion"].(string)
		w.tell(c, written)
	}
	return nil
}

// tell notes what was done, once.
func (w *acting) tell(c action.Change, written map[string]any) {
	text := c.Ref.ObjectKey.String() + " changed"
	switch {
	case c.Create != nil:
		w.created = true
		meta, _ := written["metadata"].(map[string]any)
		c.Ref.Name, _ = meta["name"].(string)
		text = c.Ref.ObjectKey.String() + " created"
	case c.Subresource != "":
		text = c.Subresource + " of " + text
	}
	if !slices.Contains(w.done, text) {
		w.done = append(w.done, text)
	}
}

// guardedBy lets a patch that bears a resourceVersion bear another.
func guardedBy(patch []byte, version string) []byte {
	var all map[string]any
	if err := json.Unmarshal(patch, &all); err != nil {
		return patch
	}
	meta, _ := all["metadata"].(map[string]any)
	if meta["resourceVersion"] == nil {
		return patch
	}
	meta["resourceVersion"] = version
	out, err := json.Marshal(all)
	if err != nil {
		panic(err) // it was JSON before
	}
	return out
}
