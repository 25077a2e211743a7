package target

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Delete deletes the object with that UID, and no other of that name. That it
// is gone already is no error. policy is "Foreground", "Background" or "Orphan".
func (t *Target) Delete(ctx context.Context, ref model.ObjectRef, uid, policy string) error {
	if err := t.limit.acquire(ctx); err != nil {
		return model.As(model.ErrTransient, err)
	}
	defer t.limit.release()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := t.kinds.anyVersion(ref)
	if isUnknown(err) && t.mirror.record(ref.ObjectKey) == nil {
		return nil // its kind is gone, and it with it
	}
	if err != nil {
		return explain(ref, err)
	}
	only := types.UID(uid)
	propagation := metav1.DeletionPropagation(policy)
	err = t.metadata.Resource(res.GroupVersionResource).Namespace(ref.Namespace).Delete(ctx, ref.Name,
		metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &only}, PropagationPolicy: &propagation})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if apierrors.IsConflict(err) {
		return model.As(model.ErrTransient, fmt.Errorf("%s was replaced by another of the same name meanwhile", ref.ObjectKey))
	}
	if err == nil {
		t.mirror.deleting(ref.ObjectKey, uid)
	}
	return explain(ref, err)
}
