package target

import (
	"context"
	"reflect"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// freshness is how old our ownership must be for an unchanged time to prove
// that a dry run changed nothing: managedFields count whole seconds.
const freshness = 2 * time.Second

// Same asks the API server, by a dry run, whether applying the object would
// change anything. Where a peer wrote the object by updates, its content is
// compared instead of its ownership, so that taking over changes nothing.
func (t *Target) Same(ctx context.Context, obj model.Object, manager string) (bool, error) {
	live, ok := t.Live(obj.ObjectKey, model.AppKey{}, manager)
	if !ok {
		return false, nil
	}
	after, err := t.Apply(ctx, obj, manager, model.Write{DryRun: true})
	if err != nil {
		return false, err
	}
	untouched := after.UID == live.UID && after.Fields == live.Fields && after.Time == live.Time
	switch {
	case untouched && time.Since(time.Unix(live.Time, 0)) > freshness:
		return true, nil
	case !untouched && t.mirror.record(obj.ObjectKey).applies(manager):
		return false, nil
	}
	return t.sameContent(ctx, obj, manager)
}

func (t *Target) sameContent(ctx context.Context, obj model.Object, manager string) (bool, error) {
	before, err := t.Read(ctx, obj.ObjectRef)
	if err != nil {
		return false, err
	}
	after, err := t.Preview(ctx, obj, manager)
	if err != nil {
		return false, err
	}
	for _, o := range []map[string]any{before, after} {
		if meta, ok := o["metadata"].(map[string]any); ok {
			delete(meta, "managedFields")
			delete(meta, "resourceVersion")
			delete(meta, "generation")
		}
	}
	return reflect.DeepEqual(before, after), nil
}

// Read reads the whole object as it is. It is for people (diff, UI), not for
// the engine.
func (t *Target) Read(ctx context.Context, ref model.ObjectRef) (map[string]any, error) {
	res, err := t.kinds.resource(ref)
	if err != nil {
		return nil, err
	}
	o, err := t.dynamic.Resource(res.GroupVersionResource).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil, explain(ref, err)
	}
	return o.Object, nil
}

// Preview is what the object would be after Apply. For people only.
func (t *Target) Preview(ctx context.Context, obj model.Object, manager string) (map[string]any, error) {
	res, err := t.kinds.resource(obj.ObjectRef)
	if err != nil {
		return nil, err
	}
	force := true
	var o *unstructured.Unstructured
	o, err = t.dynamic.Resource(res.GroupVersionResource).Namespace(obj.Namespace).Patch(ctx, obj.Name, types.ApplyPatchType,
		obj.JSON, metav1.PatchOptions{FieldManager: manager, Force: &force, DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return nil, explain(obj.ObjectRef, err)
	}
	return o.Object, nil
}
