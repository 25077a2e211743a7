package target

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Apply writes an object by server-side apply and returns what it became. Fields
// that others own are taken over, unless the object is shared. A dry run leaves
// the mirror as it is. Errors have a kind; none holds a Secret's values.
func (t *Target) Apply(ctx context.Context, obj model.Object, manager string, how model.Write) (model.Live, error) {
	if err := t.limit.acquire(ctx); err != nil {
		return model.Live{}, model.As(model.ErrTransient, err)
	}
	defer t.limit.release()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer t.mirror.expect(obj.ObjectKey)()
	e, err := t.patch(ctx, obj, manager, how)
	if err != nil {
		return model.Live{}, explain(obj.ObjectRef, err)
	}
	if !how.DryRun {
		t.mirror.put(e.rec, manager)
	}
	return e.rec.live(manager, model.AppKey{}), nil
}

func (t *Target) patch(ctx context.Context, obj model.Object, manager string, how model.Write) (*entry, error) {
	res, err := t.kinds.resource(obj.ObjectRef)
	if err != nil {
		return nil, err
	}
	force := !how.Shared
	opts := metav1.PatchOptions{FieldManager: manager, Force: &force}
	if how.DryRun {
		opts.DryRun = []string{metav1.DryRunAll}
	}
	gk := groupKind{obj.Group, obj.Kind}
	// The answer comes in the form in which the kind is watched, so that both
	// give the same digest; a Secret's values don't come back.
	if t.cfg.NeedsContent(gk.group, gk.kind) {
		out, err := t.dynamic.Resource(res.GroupVersionResource).Namespace(obj.Namespace).
			Patch(ctx, obj.Name, types.ApplyPatchType, obj.JSON, opts)
		if err != nil {
			return nil, err
		}
		return t.digest(gk, out), nil
	}
	out, err := t.metadata.Resource(res.GroupVersionResource).Namespace(obj.Namespace).
		Patch(ctx, obj.Name, types.ApplyPatchType, obj.JSON, opts)
	if err != nil {
		return nil, err
	}
	return t.digest(gk, out), nil
}

// Delete deletes the object with that UID, and no other of that name. That it
// is gone already is no error. policy is "Foreground", "Background" or "Orphan".
func (t *Target) Delete(ctx context.Context, ref model.ObjectRef, uid, policy string) error {
	if err := t.limit.acquire(ctx); err != nil {
		return model.As(model.ErrTransient, err)
	}
	defer t.limit.release()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := t.kinds.resource(ref)
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

// explain gives an error of the API server its kind, and a text that says what
// to do where that is known.
func explain(ref model.ObjectRef, err error) error {
	if err == nil {
		return nil
	}
	kinded := classify(err)
	if errors.Is(err, model.ErrNotFound) || errors.Is(err, model.ErrTransient) {
		kinded = err // from kinds: it has its kind and text
	}
	text := apiMessage(err)
	immutable := apierrors.IsInvalid(err) && strings.Contains(text, "immutable")
	homeless := apierrors.IsNotFound(err) && ref.Namespace != "" && strings.Contains(text, "namespaces")
	if ref.Group == "" && ref.Kind == "Secret" {
		text = withoutValues(err)
	}
	switch {
	case apierrors.HasStatusCause(err, "NamespaceTerminating"):
		return model.As(model.ErrTransient, fmt.Errorf("namespace %q is being deleted: nothing can be created in it until it is gone", ref.Namespace))
	case isFieldConflict(err):
		return model.As(model.ErrTransient, fmt.Errorf("another app declares it too, with other values: %s: remove it from one of the two, or let them agree", text))
	case immutable:
		return model.As(model.ErrImmutable, model.As(model.ErrInvalid, fmt.Errorf("%s: delete the object, or let it be recreated (Argo CD: Replace=true,Force=true; Flux: spec.force)", text)))
	case homeless:
		return model.As(model.ErrNotFound, fmt.Errorf("namespace %q does not exist: declare it, or let it be created (Argo CD: CreateNamespace=true)", ref.Namespace))
	}
	return rekind(kinded, text)
}

// isFieldConflict reports whether an apply was refused because another manager
// keeps a field at another value.
func isFieldConflict(err error) bool {
	return apierrors.IsConflict(err) && apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict)
}

// rekind is an error of the same kinds as err with another text.
func rekind(err error, text string) error {
	out := errors.New(text)
	for _, k := range []error{model.ErrDenied, model.ErrInvalid, model.ErrNotFound, model.ErrTransient} {
		if errors.Is(err, k) {
			return model.As(k, out)
		}
	}
	return out
}

func apiMessage(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Message != "" {
		return status.Status().Message
	}
	return err.Error()
}

var secretPath = regexp.MustCompile(`\b(data|stringData)((\.|\[)[A-Za-z0-9_.-]{1,253}\]?)?`)

// withoutValues describes an error about a Secret by its reason and the fields
// that it names, since the API server's own text may quote values.
func withoutValues(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return err.Error()
	}
	s := status.Status()
	text := "the API server refused the Secret"
	if s.Reason != "" {
		text += fmt.Sprintf(" (%s)", s.Reason)
	}
	if apierrors.IsInvalid(err) && strings.Contains(s.Message, "immutable") {
		return text + ": its type, or its data where it is immutable, can't be changed"
	}
	if field := secretPath.FindString(s.Message); field != "" {
		text += ", about " + field
	}
	switch s.Reason {
	case metav1.StatusReasonForbidden, metav1.StatusReasonUnauthorized:
		return text + ": check the rights of Fixpoint's service account and the cluster's admission policies"
	case metav1.StatusReasonInvalid, metav1.StatusReasonBadRequest:
		return text + ": check that data holds base64 and stringData text; values are not shown here"
	}
	return text
}
