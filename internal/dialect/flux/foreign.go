package flux

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// foreign refuses an object that names a source of another namespace, where
// that is forbidden. The error is model.ErrDenied.
func (s *sources) foreign(obj *unstructured.Unstructured) error {
	if !s.NoCrossNamespace {
		return nil
	}
	for _, name := range usedBy(obj) {
		if name.Namespace != obj.GetNamespace() {
			return model.As(model.ErrDenied, fmt.Errorf("%s is of another namespace, and references to such are forbidden", name))
		}
	}
	return nil
}
