package target

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Apply writes an object and returns what it became: by server-side apply, or in
// the way that is asked for. Fields that others own are taken over, unless the
// object is shared. A dry run leaves the mirror as it is. Errors have a kind; none
// holds a Secret's values. With model.ErrImmutable comes the UID of what exists.
func (t *Target) Apply(ctx context.Context, obj model.Object, manager string, how model.Write) (model.Live, error) {
	if err := t.limit.acquire(ctx); err != nil {
		return model.Live{}, model.As(model.ErrTransient, err)
	}
	defer t.limit.release()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer t.mirror.expect(obj.ObjectKey)()
	res, err := t.kinds.resource(obj.ObjectRef)
	if err != nil {
		return model.Live{}, explain(obj.ObjectRef, err)
	}
	w := &writing{Target: t, res: res, obj: obj, manager: manager, how: how, warned: &warnings{}}
	e, err := w.write(w.warned.on(ctx))
	if err != nil {
		return w.refused(ctx, err)
	}
	if !how.DryRun {
		t.mirror.put(e.rec, manager)
	}
	live := e.rec.live(manager, model.AppKey{})
	live.Warning = w.warned.text(obj.ObjectRef)
	return live, nil
}

// writing is one write.
type writing struct {
	*Target
	res     Resource
	obj     model.Object
	manager string
	how     model.Write
	warned  *warnings
}

// attempts is how often a write is tried that others' writes get in the way of.
const attempts = 5

func (w *writing) write(ctx context.Context) (*entry, error) {
	if w.how.CreateOnly {
		e, err := w.existing(ctx)
		if e != nil || err != nil {
			return e, err
		}
	}
	if w.how.Replace && !w.how.Shared {
		return w.replace(ctx)
	}
	if w.how.DryRun || w.how.Shared {
		return w.apply(ctx)
	}
	return w.migrated(ctx)
}

// apply is a server-side apply, of an object that kubectl's own apply would accept:
// what stands in the way of only the one is put right.
func (w *writing) apply(ctx context.Context) (*entry, error) {
	e, err := w.patch(ctx)
	for range attempts {
		strategy := staleStrategy(err)
		switch {
		case err == nil:
			return e, nil
		case strategy != nil:
			out, failed := w.unroll(ctx, strategy)
			if out == nil && failed == nil {
				return nil, err
			}
			if failed != nil || w.how.DryRun {
				return w.digest(groupKind{w.obj.Group, w.obj.Kind}, out), failed
			}
		case !w.repair(err):
			return nil, err
		}
		e, err = w.patch(ctx)
	}
	return e, err
}

// patch sends a server-side apply. The answer comes in the form in which the kind
// is watched, so that both give the same digest; a Secret's values don't come back.
func (w *writing) patch(ctx context.Context) (*entry, error) {
	force := !w.how.Shared
	opts := metav1.PatchOptions{FieldManager: w.manager, Force: &force, DryRun: w.dryRun(), FieldValidation: w.validation()}
	gk := groupKind{w.obj.Group, w.obj.Kind}
	if w.cfg.NeedsContent(gk.group, gk.kind) {
		out, err := w.dynamic.Resource(w.res.GroupVersionResource).Namespace(w.obj.Namespace).
			Patch(ctx, w.obj.Name, types.ApplyPatchType, w.obj.JSON, opts)
		if err != nil {
			return nil, err
		}
		return w.digest(gk, out), nil
	}
	out, err := w.metadata.Resource(w.res.GroupVersionResource).Namespace(w.obj.Namespace).
		Patch(ctx, w.obj.Name, types.ApplyPatchType, w.obj.JSON, opts)
	if err != nil {
		return nil, err
	}
	return w.digest(gk, out), nil
}

func (w *writing) dryRun() []string {
	if w.how.DryRun {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// validation is what the API server is to do about fields that it does not know.
func (w *writing) validation() string {
	switch {
	case w.how.NoValidate:
		return metav1.FieldValidationIgnore
	case w.how.Strict:
		return metav1.FieldValidationStrict
	}
	return metav1.FieldValidationWarn
}

// existing is the object as it is; nil if there is none.
func (w *writing) existing(ctx context.Context) (*entry, error) {
	if rec := w.mirror.record(w.obj.ObjectKey); rec != nil {
		return &entry{rec: rec}, nil
	}
	e, err := w.fetch(ctx, w.res, w.obj.ObjectKey)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return e, err
}

// fetch reads an object in the form in which its kind is watched.
func (t *Target) fetch(ctx context.Context, res Resource, key model.ObjectKey) (*entry, error) {
	gk := groupKind{key.Group, key.Kind}
	if t.cfg.NeedsContent(gk.group, gk.kind) {
		o, err := t.dynamic.Resource(res.GroupVersionResource).Namespace(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return t.digest(gk, o), nil
	}
	o, err := t.metadata.Resource(res.GroupVersionResource).Namespace(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return t.digest(gk, o), nil
}

// refused explains why a write failed.
func (w *writing) refused(ctx context.Context, err error) (model.Live, error) {
	why := explain(w.obj.ObjectRef, err)
	if !errors.Is(why, model.ErrImmutable) {
		return model.Live{}, why
	}
	live, changes := w.compared(ctx, err)
	if len(changes) > 0 {
		why = immutableError(w.obj.ObjectRef, err, changes)
	}
	return live, why
}
