package live

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// explain gives an error of the API server its kind, and says what to do where that is
// known. doing is a gerund with its subject.
func explain(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.Is(err, context.DeadlineExceeded):
		return model.As(model.ErrTransient, fmt.Errorf("%s: the cluster did not answer in time: %w", doing, err))
	case apierrors.IsNotFound(err):
		return model.As(model.ErrNotFound, fmt.Errorf("%s: %w", doing, err))
	case apierrors.IsForbidden(err):
		return model.As(model.ErrDenied, fmt.Errorf(
			"%s: the cluster does not let Fixpoint do that; grant it to the account that Fixpoint uses there: %w", doing, err))
	case apierrors.IsUnauthorized(err):
		return model.As(model.ErrDenied, fmt.Errorf(
			"%s: the cluster refuses Fixpoint's credentials; renew those of the cluster: %w", doing, err))
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsMethodNotSupported(err):
		return model.As(model.ErrInvalid, fmt.Errorf("%s: %w", doing, err))
	}
	return model.As(model.ErrTransient, fmt.Errorf("%s: %w", doing, err))
}

// replaced reports whether a write was refused since the object is another by now.
func replaced(err error) bool { return apierrors.IsConflict(err) }
