package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// write creates or changes an object in the way that it asks for.
func (d *doer) write(ctx context.Context, t Task, r model.Result) model.Result {
	obj, ok := d.opt.Objects[t.Object.ObjectKey]
	if !ok {
		r.Err = fmt.Errorf("internal error: %s is to be written and is not among the objects", t.Object.ObjectKey)
		return r
	}
	if t.Hook {
		if obj, r.Err = Hook(obj, t.Mark); r.Err != nil {
			return r
		}
	}
	how := t.how(d.opt)
	if d.opt.DryRun {
		return d.tryOut(ctx, obj, t, how, r)
	}
	if how.Replace && t.Traits.Force == model.Yes && t.forced(false) && t.Action == model.ActionUpdate && d.uid(t) != "" {
		return d.recreate(ctx, obj, t, d.uid(t), r)
	}
	r.State = model.HookStateRunning
	r.Live, r.Err = d.w.Apply(ctx, obj, d.opt.Manager, how)
	if errors.Is(r.Err, model.ErrImmutable) && t.forced(d.opt.Recreate) {
		if uid := cmp.Or(d.uid(t), r.Live.UID); uid != "" {
			return d.recreate(ctx, obj, t, uid, r)
		}
	}
	return noted(r)
}

// recreate deletes an object and creates it anew. Where it takes time to go, the
// result is the deletion.
func (d *doer) recreate(ctx context.Context, obj model.Object, t Task, uid string, r model.Result) model.Result {
	r.State, r.Live = model.HookStateRunning, model.Live{}
	if err := d.w.Delete(ctx, t.Object, uid, model.Background); err != nil {
		r.Err = fmt.Errorf("deleting it to create it anew: %w", err)
		return r
	}
	live, err := d.w.Apply(ctx, obj, d.opt.Manager, model.Write{NoValidate: t.Traits.Validate == model.No, Strict: t.Traits.Validate == model.Yes})
	switch {
	case errors.Is(err, model.ErrImmutable), err == nil && live.UID == uid:
		r.Action, r.Message, r.Err = model.ActionDelete, "being deleted, to be created anew", nil
		r.Live = model.Live{Ref: t.Object, UID: uid}
		return r
	case err != nil:
		r.Err = fmt.Errorf("creating it anew, after it was deleted: %w", err)
		return r
	}
	r.Action, r.Message, r.Live, r.Err = model.ActionUpdate, "deleted and created anew", live, nil
	return noted(r)
}

// tryOut asks the API server whether it would accept the object. What depends on
// others that the same sync brings can't be asked yet.
func (d *doer) tryOut(ctx context.Context, obj model.Object, t Task, how model.Write, r model.Result) model.Result {
	r.State = model.HookStateSucceeded
	r.Live, r.Err = d.w.Apply(ctx, obj, d.opt.Manager, how)
	switch {
	case errors.Is(r.Err, model.ErrImmutable) && t.forced(d.opt.Recreate):
		r.Err, r.Message = nil, "would be deleted and created anew (dry run)"
	case errors.Is(r.Err, model.ErrNotFound) && (t.Traits.SkipDryRun == model.Yes || d.coming.has(t.Object)):
		r.Err, r.Message = nil, "not tried: its kind or its namespace does not exist yet (dry run)"
	}
	return noted(r)
}

// noted adds what the API server warned of to the message.
func noted(r model.Result) model.Result {
	switch {
	case r.Err != nil || r.Live.Warning == "":
	case r.Message == "":
		r.Message = "warning: " + r.Live.Warning
	default:
		r.Message += "; warning: " + r.Live.Warning
	}
	return r
}
