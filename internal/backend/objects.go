package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// found is an object in the tree of an app.
type found struct {
	app     model.App
	cluster *live.Cluster
	tree    view.Tree
	node    view.Node
	// barred is why nothing but what is declared may be had of it; nil if all may.
	barred error
}

// find looks an object up in an app's tree: nothing else of a cluster can be read by
// way of an app.
func (b *Backend) find(ctx context.Context, key model.AppKey, obj model.ObjectKey) (found, error) {
	declared, err := b.declared(ctx, key)
	if err == nil && hasMoved(declared, view.JudgedOf(ctx)) {
		err = changed(declared)
	}
	if err != nil {
		return found{}, err
	}
	f := found{}
	var ok bool
	if f.app, ok = b.Engine.App(key); !ok {
		return f, notFound(key)
	}
	if f.cluster, err = b.Place(f.app.Target); err != nil {
		return f, err
	}
	report, known := b.Engine.Report(key)
	if f.tree, err = b.tree(ctx, f.cluster, f.app, report.Resources); err != nil {
		return f, err
	}
	for _, s := range report.Resources {
		if s.Object.ObjectKey == obj {
			f.barred = b.barred(f.app, s)
		}
	}
	for _, n := range f.tree.Nodes {
		if n.Ref.ObjectKey == obj {
			f.node = n
			return f, nil
		}
	}
	if !known {
		return f, model.As(model.ErrTransient, fmt.Errorf("which objects %s/%s has is not known yet since the start of Fixpoint", key.Namespace, key.Name))
	}
	return f, model.As(model.ErrNotFound, fmt.Errorf("%s is none of the objects of %s/%s", obj, key.Namespace, key.Name))
}

// findOwn is find for what takes more than to declare the object.
func (b *Backend) findOwn(ctx context.Context, key model.AppKey, obj model.ObjectKey) (found, error) {
	f, err := b.find(ctx, key, obj)
	if err == nil {
		err = f.barred
	}
	return f, err
}

// below are a node and all that descends from it.
func (f found) below() []view.Node {
	return append([]view.Node{f.node}, view.Below(f.tree.Nodes, f.node.UID)...)
}

// Object is one object of an app.
func (b *Backend) Object(ctx context.Context, key model.AppKey, obj model.ObjectKey) (view.Object, error) {
	f, err := b.find(ctx, key, obj)
	if err != nil {
		return view.Object{}, err
	}
	out := view.Object{Node: f.node}
	mask := model.Mask{}
	if desired, ok := b.Engine.Desired(key, obj); ok {
		if err := json.Unmarshal(desired.JSON, &out.Desired); err != nil {
			return out, fmt.Errorf("reading what is declared of %s: %w", obj, err)
		}
		mask.Cover(out.Desired)
	}
	if f.node.UID == "" || f.barred != nil {
		return out, nil
	}
	out.Live, out.Owners, out.Pods, err = b.Live.Object(ctx, f.cluster, f.node.Ref, f.app.Manager, mask)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return out, nil // it has just gone
	case err != nil:
		return out, err
	}
	out.Actions, err = b.Objects.Actions(ctx, f.app, f.node.Ref)
	return out, err
}

// Events are those of an object and its descendants; of the zero key those of the
// declaring object.
func (b *Backend) Events(ctx context.Context, key model.AppKey, obj model.ObjectKey) ([]view.Event, error) {
	if obj == (model.ObjectKey{}) {
		return b.ownEvents(ctx, key)
	}
	f, err := b.findOwn(ctx, key, obj)
	if err != nil {
		return nil, err
	}
	var of []live.Subject
	for _, n := range f.below() {
		of = append(of, live.Subject{Ref: n.Ref, UID: n.UID})
	}
	return b.Live.Events(ctx, f.cluster, of)
}

func (b *Backend) ownEvents(ctx context.Context, key model.AppKey) ([]view.Event, error) {
	obj, err := b.declared(ctx, key)
	if err != nil {
		return nil, err
	}
	home, err := b.Place("")
	if err != nil {
		return nil, err
	}
	gvk := kinds[key.Dialect]
	ref := model.ObjectRef{
		ObjectKey: model.ObjectKey{Group: gvk.Group, Kind: gvk.Kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}, Version: gvk.Version,
	}
	return b.Live.Events(ctx, home, []live.Subject{{Ref: ref, UID: string(obj.GetUID())}})
}

// Logs calls emit with each line of the logs of an object's pods.
func (b *Backend) Logs(ctx context.Context, key model.AppKey, q view.LogQuery, emit func(view.LogLine) error) error {
	f, err := b.findOwn(ctx, key, q.Object)
	if err != nil {
		return err
	}
	roots, last := f.above(), b.Now()
	return b.Live.Logs(ctx, f.cluster, q, func(line view.LogLine) error {
		if now := b.Now(); now.Sub(last) >= relook {
			last = now
			if err := b.owns(key, roots); err != nil {
				return err
			}
		}
		return emit(line)
	})
}

// relook is how long a log is read on that was the app's before.
const relook = time.Second

// above are the objects of the app itself that the found one is, or descends from.
func (f found) above() map[model.ObjectKey]bool {
	byUID := map[string]view.Node{}
	for _, n := range f.tree.Nodes {
		byUID[n.UID] = n
	}
	out, seen := map[model.ObjectKey]bool{}, map[string]bool{}
	for next := []view.Node{f.node}; len(next) > 0; {
		n := next[0]
		next = next[1:]
		if n.Managed || n.Hook {
			out[n.Ref.ObjectKey] = true
		}
		for _, uid := range n.Parents {
			if parent, ok := byUID[uid]; ok && uid != "" && !seen[uid] {
				seen[uid] = true
				next = append(next, parent)
			}
		}
	}
	return out
}

// owns refuses what was the app's and is not any more: none of those objects is left to
// it. Whoever may look into another app that has them now asks by way of that one.
func (b *Backend) owns(key model.AppKey, any map[model.ObjectKey]bool) error {
	app, ok := b.Engine.App(key)
	if !ok {
		return notFound(key)
	}
	report, _ := b.Engine.Report(key)
	if len(report.Resources) == 0 {
		return nil // it can't be told now, as while nothing can be rendered
	}
	err := model.As(model.ErrNotFound, fmt.Errorf("it is none of the objects of %s/%s any more", key.Namespace, key.Name))
	for _, s := range report.Resources {
		if !any[s.Object.ObjectKey] {
			continue
		}
		barred := b.barred(app, s)
		if barred == nil {
			return nil
		}
		err = barred
	}
	return err
}

// Act does an action of an object.
func (b *Backend) Act(ctx context.Context, key model.AppKey, by string, on model.ObjectKey, action string, params map[string]string) ([]string, error) {
	f, err := b.findOwn(ctx, key, on)
	if err != nil {
		return nil, err
	}
	if f.node.UID == "" {
		return nil, model.As(model.ErrInvalid, fmt.Errorf("%s does not exist: there is nothing to do it with", on))
	}
	done, err := b.Objects.Act(ctx, f.app, f.node.Ref, action, params)
	if err == nil {
		b.acted(key, by, action+" of "+on.String())
	}
	return done, err
}

// Delete deletes a live object of an app.
func (b *Backend) Delete(ctx context.Context, key model.AppKey, by string, on model.ObjectKey) error {
	f, err := b.findOwn(ctx, key, on)
	if err != nil {
		return err
	}
	if f.node.UID == "" {
		return nil
	}
	if key.Dialect == argo.Dialect { // it may descend from what is permitted
		if err := b.Settings().Permit(f.app, []model.ObjectRef{f.node.Ref}); err != nil {
			return err
		}
	}
	if err = b.Live.Delete(ctx, f.cluster, f.node.Ref, f.node.UID); err == nil {
		b.acted(key, by, "delete "+on.String())
	}
	return err
}

// acted notes that somebody has done something with an object.
func (b *Backend) acted(key model.AppKey, by, what string) {
	app, _ := b.board.Get(key)
	app.Key = key
	a := b.activity(app, view.ActivityAction, what)
	a.By = by
	b.note(a)
}

// Diff is what a sync would change.
func (b *Backend) Diff(ctx context.Context, key model.AppKey, q view.DiffQuery) (view.Diff, error) {
	if _, err := b.declared(ctx, key); err != nil {
		return view.Diff{}, err
	}
	app, ok := b.Engine.App(key)
	if !ok {
		return view.Diff{}, notFound(key)
	}
	return b.Preview(ctx, app, q)
}
