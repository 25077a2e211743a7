package target

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Release lets go of a hook: it takes off its finalizer, no other, and leaves
// everything else as it is. That the hook with that UID is gone, or is not held,
// is no error.
func (t *Target) Release(ctx context.Context, ref model.ObjectRef, uid string) error {
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
	for range attempts {
		var again bool
		if again, err = t.release(ctx, res, ref, uid); !again {
			break
		}
	}
	if err == nil {
		t.mirror.released(ref.ObjectKey, uid)
	}
	return explain(ref, err)
}

// release reports whether somebody else changed the finalizers meanwhile.
func (t *Target) release(ctx context.Context, res Resource, ref model.ObjectRef, uid string) (again bool, err error) {
	objects := t.metadata.Resource(res.GroupVersionResource).Namespace(ref.Namespace)
	live, err := objects.Get(ctx, ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	i := slices.Index(live.Finalizers, model.HookFinalizer)
	if string(live.UID) != uid || i < 0 {
		return false, nil
	}
	at := fmt.Sprintf("/metadata/finalizers/%d", i)
	patch, err := json.Marshal([]map[string]string{
		{"op": "test", "path": "/metadata/uid", "value": uid},
		{"op": "test", "path": at, "value": model.HookFinalizer},
		{"op": "remove", "path": at},
	})
	if err != nil {
		return false, err
	}
	_, err = objects.Patch(ctx, ref.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case apierrors.IsInvalid(err), apierrors.IsConflict(err):
		return true, err
	}
	return false, err
}

// released notes that a hook is not held any more, ahead of the watch.
func (m *mirror) released(key model.ObjectKey, uid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.records[key]; old != nil && old.UID == uid {
		now := *old
		now.Held = false
		m.records[key] = &now
	}
}
