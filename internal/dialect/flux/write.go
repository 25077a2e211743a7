package flux

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// newest is the newer of an object from the cache, which is the caller's own, and what our
// own last write made of it: the cache may not have seen that write yet. kept is what still
// has to be remembered of that; what is returned may be changed.
func newest(cached, written *unstructured.Unstructured) (obj, kept *unstructured.Unstructured) {
	if written == nil || written.GetUID() != cached.GetUID() {
		return cached, nil
	}
	order, err := resourceversion.CompareResourceVersion(cached.GetResourceVersion(), written.GetResourceVersion())
	if err != nil || order >= 0 {
		return cached, nil
	}
	return written.DeepCopy(), written
}

// remembered is what is kept of an object that was written, as the cache has it: without
// who wrote which field. The object is nobody else's from then on.
func remembered(obj *unstructured.Unstructured) *unstructured.Unstructured {
	obj.SetManagedFields(nil)
	return obj
}

// writeStatus patches what differs between the two statuses onto obj, in one
// write; none if nothing differs. obj becomes what the server made of it.
func writeStatus(ctx context.Context, c client.Client, obj *unstructured.Unstructured, prev, next any, manager string) (bool, error) {
	if equality.Semantic.DeepEqual(prev, next) {
		return false, nil
	}
	before, err := withStatus(prev)
	if err != nil {
		return false, err
	}
	after, err := withStatus(next)
	if err != nil {
		return false, err
	}
	data, err := client.MergeFrom(before).Data(after)
	if err != nil {
		return false, fmt.Errorf("computing the status patch: %w", err)
	}
	patch := client.RawPatch(types.MergePatchType, data)
	if err := c.Status().Patch(ctx, obj, patch, client.FieldOwner(manager)); err != nil {
		return false, fmt.Errorf("writing status: %w", err)
	}
	return true, nil
}

// withStatus is an object that has nothing but a status.
func withStatus(status any) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	data, err := json.Marshal(map[string]any{"status": status})
	if err == nil {
		err = kjson.Unmarshal(data, &u.Object)
	}
	if err != nil {
		return nil, fmt.Errorf("computing the status patch: %w", err)
	}
	return u, nil
}

// setFinalizer adds or removes our finalizer; no write if it is as wanted. A
// conflict with another writer is an error, so that none of theirs is lost.
func setFinalizer(ctx context.Context, c client.Client, obj *unstructured.Unstructured, wanted bool, manager string) error {
	if slices.Contains(obj.GetFinalizers(), Finalizer) == wanted {
		return nil
	}
	before := obj.DeepCopy()
	finalizers := slices.DeleteFunc(obj.GetFinalizers(), func(f string) bool { return f == Finalizer })
	if wanted {
		finalizers = append(finalizers, Finalizer)
	}
	obj.SetFinalizers(finalizers)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.Patch(ctx, obj, patch, client.FieldOwner(manager)); err != nil {
		return fmt.Errorf("writing finalizers: %w", err)
	}
	return nil
}
