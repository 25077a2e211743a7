package target

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// explain gives an error of the API server its kind, and a text that says what
// to do where that is known.
func explain(ref model.ObjectRef, err error) error {
	if err == nil {
		return nil
	}
	kinded := classify(err)
	if errors.Is(err, model.ErrNotFound) || errors.Is(err, model.ErrTransient) || errors.Is(err, model.ErrInvalid) {
		kinded = err // of our own: it has its kind and text
	}
	text := apiMessage(err)
	if isSecret(ref) {
		text = withoutValues(err)
	}
	switch {
	case apierrors.HasStatusCause(err, "NamespaceTerminating"):
		return model.As(model.ErrTransient, fmt.Errorf("namespace %q is being deleted: nothing can be created in it until it is gone", ref.Namespace))
	case isFieldConflict(err):
		return model.As(model.ErrTransient, fmt.Errorf("another app declares it too, with other values: %s: remove it from one of the two, or let them agree", text))
	case isImmutable(err):
		return immutableError(ref, err, nil)
	case isHomeless(ref, err):
		return model.As(model.ErrNotFound, fmt.Errorf("namespace %q does not exist: declare it, or let it be created (Argo CD: CreateNamespace=true)", ref.Namespace))
	case len(unknownFields(err)) > 0:
		return model.As(model.ErrInvalid, fmt.Errorf("%s has no field %s: correct or remove it", ref.Kind, strings.Join(unknownFields(err), ", ")))
	case isDuplicate(err):
		return model.As(model.ErrInvalid, fmt.Errorf("%s: a list names the same item twice: remove one, or let the object be replaced (Argo CD: %s: Replace=true)", text, syncOptions))
	}
	if isUntyped(err) {
		kinded = model.As(model.ErrInvalid, err)
	}
	return rekind(kinded, text)
}

// isUntyped reports whether what is to be applied does not fit its kind, which the
// API server takes for an error of its own.
func isUntyped(err error) bool {
	return strings.Contains(apiMessage(err), "failed to create typed patch object")
}

// isHomeless reports whether a write was refused since there is no such namespace.
func isHomeless(ref model.ObjectRef, err error) bool {
	return apierrors.IsNotFound(err) && ref.Namespace != "" && strings.Contains(apiMessage(err), "namespaces")
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
	if text := statusOf(err).Message; text != "" {
		return text
	}
	return err.Error()
}

// statusOf is what the API server says of an error; the zero value if it is none
// of its.
func statusOf(err error) metav1.Status {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return metav1.Status{}
	}
	return status.Status()
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
