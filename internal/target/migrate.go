package target

import (
	"context"
	"slices"
	"unique"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
)

// replacer is the field manager of replacements. It is not the app's own: what a
// replacement sets besides what is declared, such as defaults, must not count as
// the app's.
func replacer(manager string) string { return manager + "-replace" }

// updaters are the managers that updates of the object itself are kept of. Few
// names make up all: they are shared.
func updaters(entries []metav1.ManagedFieldsEntry) []string {
	var out []string
	for _, e := range entries {
		if e.Operation == metav1.ManagedFieldsOperationUpdate && e.Subresource == "" && !slices.Contains(out, e.Manager) {
			out = append(out, unique.Make(e.Manager).Value())
		}
	}
	return out
}

// updatedBy reports whether one of the managers has updated the object; false for
// no record.
func (r *Record) updatedBy(managers []string) bool {
	return r != nil && slices.ContainsFunc(r.updaters, func(m string) bool { return slices.Contains(managers, m) })
}

// predecessors are the managers whose updates become the writer's own.
func (w *writing) predecessors() []string {
	out := []string{replacer(w.manager)}
	if len(w.how.Migrate) > 0 {
		out = append(append(out, w.manager), w.how.Migrate...)
	}
	return out
}

// migrated applies the object, having taken over what predecessors set of it. Where
// the record did not know of them, the answer tells, and it is applied once more.
func (w *writing) migrated(ctx context.Context) (*entry, error) {
	from := w.predecessors()
	if w.mirror.record(w.obj.ObjectKey).updatedBy(from) {
		if err := w.migrate(ctx, from); err != nil {
			return nil, err
		}
	}
	e, err := w.apply(ctx)
	if err != nil || !e.rec.updatedBy(from) {
		return e, err
	}
	if err := w.migrate(ctx, from); err != nil {
		return nil, err
	}
	return w.apply(ctx)
}

// migrate makes the writer's own what managers have set by updates: a change of
// managedFields and nothing else.
func (w *writing) migrate(ctx context.Context, from []string) error {
	objects := w.metadata.Resource(w.res.GroupVersionResource).Namespace(w.obj.Namespace)
	var err error
	for range attempts {
		live, failed := objects.Get(ctx, w.obj.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(failed) {
			return nil
		}
		if failed != nil {
			return failed
		}
		patch, failed := csaupgrade.UpgradeManagedFieldsPatch(live, sets.New(from...), w.manager)
		if failed != nil || patch == nil {
			return failed
		}
		_, err = objects.Patch(ctx, w.obj.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: w.manager})
		if !apierrors.IsConflict(err) {
			break
		}
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
