package target

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// replace writes the whole object: what exists loses every field that is not
// declared, but for those that servers set. An apply that changes no value follows,
// so that what is declared is the manager's own and drift of it is seen, and of
// nothing else.
func (w *writing) replace(ctx context.Context) (*entry, error) {
	out, err := w.overwrite(ctx)
	if err != nil {
		return nil, err
	}
	if w.how.DryRun {
		return w.digest(groupKind{w.obj.Group, w.obj.Kind}, out), nil
	}
	e, err := w.apply(ctx)
	if err == nil || !isDuplicate(err) {
		return e, err
	}
	// A list names the same item twice: a replacement may, an apply can't.
	w.warned.add("drift of the object is not seen: " + duplicateOf(err))
	return w.fetch(ctx, w.res, w.obj.ObjectKey)
}

// overwrite updates the object, or creates it if there is none.
func (w *writing) overwrite(ctx context.Context) (out *unstructured.Unstructured, err error) {
	objects := w.dynamic.Resource(w.res.GroupVersionResource).Namespace(w.obj.Namespace)
	by := replacer(w.manager)
	exists := w.mirror.record(w.obj.ObjectKey) != nil
	for range attempts {
		body := &unstructured.Unstructured{}
		if err := body.UnmarshalJSON(w.obj.JSON); err != nil {
			return nil, model.Invalidf("%s: %w", w.obj.ObjectKey, err)
		}
		if exists {
			if err = w.carry(ctx, body); err == nil {
				out, err = objects.Update(ctx, body, metav1.UpdateOptions{FieldManager: by, DryRun: w.dryRun(), FieldValidation: w.validation()})
			}
		} else {
			body.SetResourceVersion("")
			out, err = objects.Create(ctx, body, metav1.CreateOptions{FieldManager: by, DryRun: w.dryRun(), FieldValidation: w.validation()})
		}
		switch {
		case exists && apierrors.IsNotFound(err) && !isHomeless(w.obj.ObjectRef, err):
			exists = false
		case !exists && apierrors.IsAlreadyExists(err):
			exists = true
		case !exists || !apierrors.IsConflict(err):
			return out, err
		}
	}
	return out, err
}

// carry fills in what the live object has from servers and controllers, and the
// version that is replaced.
func (w *writing) carry(ctx context.Context, body *unstructured.Unstructured) error {
	live := map[string]any{}
	if isSecret(w.obj.ObjectRef) {
		m, err := w.metadata.Resource(w.res.GroupVersionResource).Namespace(w.obj.Namespace).Get(ctx, w.obj.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		part := unstructured.Unstructured{Object: live}
		part.SetResourceVersion(m.ResourceVersion)
		part.SetUID(m.UID)
		if len(m.Finalizers) > 0 {
			part.SetFinalizers(m.Finalizers)
		}
		if len(m.OwnerReferences) > 0 {
			part.SetOwnerReferences(m.OwnerReferences)
		}
	} else {
		o, err := w.dynamic.Resource(w.res.GroupVersionResource).Namespace(w.obj.Namespace).Get(ctx, w.obj.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		live = o.Object
	}
	keep(body.Object, live, groupKind{w.obj.Group, w.obj.Kind})
	from := unstructured.Unstructured{Object: live}
	body.SetResourceVersion(from.GetResourceVersion())
	body.SetUID(from.GetUID())
	return nil
}

// kept are fields that servers and controllers set in objects of a kind, and that
// can't or must not be taken away. Of Services the API server keeps them itself.
var kept = map[groupKind][]string{
	{"", "PersistentVolumeClaim"}: {"spec.volumeName", "spec.storageClassName", "spec.volumeMode"},
	{"", "PersistentVolume"}:      {"spec.claimRef"},
	{"", "ServiceAccount"}:        {"secrets", "imagePullSecrets"},
	{"batch", "Job"}: {
		"spec.selector", "spec.template.metadata.labels.controller-uid", "spec.template.metadata.labels.job-name",
		"spec.template.metadata.labels.batch.kubernetes.io/controller-uid", "spec.template.metadata.labels.batch.kubernetes.io/job-name",
	},
}

// keep copies from the live object what is declared nowhere and is not the user's
// to take away.
func keep(body, live map[string]any, gk groupKind) {
	for _, path := range append([]string{"metadata.finalizers", "metadata.ownerReferences", "status"}, kept[gk]...) {
		fields := pathOf(path)
		if _, declared, _ := unstructured.NestedFieldNoCopy(body, fields...); declared {
			continue
		}
		if v, ok, _ := unstructured.NestedFieldCopy(live, fields...); ok {
			_ = unstructured.SetNestedField(body, v, fields...)
		}
	}
}

// pathOf are the fields of a path. A label's name is one of them, whatever it holds.
func pathOf(path string) []string {
	before, label, ok := strings.Cut(path, ".labels.")
	if !ok {
		return strings.Split(path, ".")
	}
	return append(strings.Split(before, "."), "labels", label)
}

func isSecret(ref model.ObjectRef) bool { return ref.Group == "" && ref.Kind == "Secret" }

// isDuplicate reports whether an apply was refused because a list that is declared
// names an item twice.
func isDuplicate(err error) bool {
	return err != nil && strings.Contains(apiMessage(err), "duplicate entries for key")
}

func duplicateOf(err error) string {
	text := apiMessage(err)
	if i := strings.Index(text, "."); i >= 0 && strings.Contains(text, "): .") {
		text = text[strings.Index(text, "): .")+len("): "):]
	}
	return text
}
