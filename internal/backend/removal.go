package backend

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// policies are the cascades in the dialects' words.
var policies = map[view.Cascade]string{
	"": model.Foreground, view.CascadeForeground: model.Foreground, view.CascadeBackground: model.Background, view.CascadeNone: model.Orphan,
}

// cascadeOf is a policy of the dialects.
func cascadeOf(policy string) view.Cascade {
	switch policy {
	case model.Foreground:
		return view.CascadeForeground
	case model.Background:
		return view.CascadeBackground
	}
	return view.CascadeNone
}

// deletionOf is what becomes of an app's objects when it is deleted.
func deletionOf(obj *unstructured.Unstructured) view.Deletion {
	var out view.Deletion
	at := obj.GetDeletionTimestamp()
	if at != nil {
		out.Since = at.Time
	}
	switch {
	case obj.GetKind() != view.KindApplication:
		var policy string
		policy, out.Why = flux.Removal(obj)
		out.Cascade = cascadeOf(policy)
	case at != nil:
		out.Cascade = cascadeOf(argo.Cascade(obj))
	default:
		out.Cascade = view.CascadeForeground
		if argo.Cascade(obj) == model.Background {
			out.Cascade = view.CascadeBackground
		}
	}
	return out
}

// DeleteApp deletes the declaring object, after its finalizers say what becomes of its
// objects.
func (b *Backend) DeleteApp(ctx context.Context, key model.AppKey, by string, c view.Cascade) error {
	obj, err := b.latest(ctx, key)
	if err != nil {
		return err
	}
	policy, known := policies[c]
	switch {
	case !known:
		return model.Invalidf("there is no cascade %.40q: choose foreground, background or none", c)
	case key.Dialect != argo.Dialect && c != "":
		return model.Invalidf("a %s says itself what becomes of its objects, by spec.prune, spec.deletionPolicy and the like: leave cascade out", obj.GetKind())
	case key.Dialect == argo.Dialect:
		if obj, err = b.cascading(ctx, obj, policy); err != nil || obj == nil {
			return err
		}
	}
	if obj.GetDeletionTimestamp() == nil {
		if err := b.delete(ctx, obj); err != nil {
			return err
		}
	}
	b.asked(obj, by, strings.TrimSpace("deletion "+map[bool]string{true: "without its objects"}[policy == model.Orphan]))
	b.awaitDeleted(ctx, obj)
	return nil
}

// attempts is how often a write is tried that others' writes come before.
const attempts = 10

// cascading is cascade, tried again where the Application was changed meanwhile.
func (b *Backend) cascading(ctx context.Context, obj *unstructured.Unstructured, policy string) (now *unstructured.Unstructured, err error) {
	err = b.again(ctx, obj, func(obj *unstructured.Unstructured) (err error) {
		now, err = b.cascade(ctx, obj, policy)
		return err
	})
	return now, err
}

// cascade has an Application's finalizers say what becomes of its objects; nil where they
// do and it is being deleted already. To one that is, none can be added.
func (b *Backend) cascade(ctx context.Context, obj *unstructured.Unstructured, policy string) (*unstructured.Unstructured, error) {
	is, deleting := argo.Cascade(obj), obj.GetDeletionTimestamp() != nil
	switch {
	case is == policy && deleting:
		return nil, nil
	case is == policy:
		return obj, nil
	case deleting && policy != model.Orphan:
		return nil, conflict("%s %s/%s is being deleted already, %s: only to leave the rest of its objects can still be asked for",
			obj.GetKind(), obj.GetNamespace(), obj.GetName(), map[bool]string{true: "without its objects", false: "with cascade " + string(cascadeOf(is))}[is == model.Orphan])
	}
	return b.patched(ctx, obj, map[string]any{"metadata": map[string]any{
		"resourceVersion": obj.GetResourceVersion(), "finalizers": argo.Cascading(obj, policy),
	}})
}

// delete deletes the object, and none that has come to be in its place.
func (b *Backend) delete(ctx context.Context, obj *unstructured.Unstructured) error {
	uid := obj.GetUID()
	err := b.Client.Delete(ctx, obj.DeepCopy(), client.Preconditions(metav1.Preconditions{UID: &uid}))
	switch {
	case apierrors.IsConflict(err):
		return changed(obj)
	case err != nil && !apierrors.IsNotFound(err):
		return fmt.Errorf("deleting %s %s/%s: %w", obj.GetKind(), obj.GetNamespace(), obj.GetName(), err)
	}
	return nil
}
