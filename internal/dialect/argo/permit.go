package argo

import (
	"fmt"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// limits are what a cluster Secret permits to be written. The zero value permits
// everything.
type limits struct {
	// namespaces are the only ones; none is every one.
	namespaces []string
	// clusterScoped permits objects without a namespace, where namespaces are limited.
	clusterScoped bool
}

// Permit says which objects an app may not write, and why: one error for all, of
// kind model.ErrDenied; nil permits all. The objects are as they will be written,
// those without a namespace cluster-scoped.
func (s *Settings) Permit(app model.App, objects []model.ObjectRef) error {
	var denied problems
	for _, c := range s.clusters {
		if c.Target() != app.Target {
			continue
		}
		for _, o := range objects {
			denied.add(c.permit(o))
		}
	}
	if len(denied) == 0 {
		return nil
	}
	if more := len(denied) - mostDenied; more > 0 {
		denied = append(denied[:mostDenied], fmt.Errorf("and %d more", more))
	}
	return model.As(model.ErrDenied, &problemError{denied})
}

// mostDenied is how many objects an error names.
const mostDenied = 5

func (c Cluster) permit(o model.ObjectRef) error {
	switch {
	case len(c.limits.namespaces) == 0:
	case o.Namespace == "" && !c.limits.clusterScoped:
		return fmt.Errorf(
			"%s is cluster-scoped, and cluster %q is limited to namespaces: set clusterResources to true in its Secret if that is meant", o.ObjectKey, c.Name)
	case o.Namespace != "" && !slices.Contains(c.limits.namespaces, o.Namespace):
		return fmt.Errorf(
			"namespace %q of %s is not among those that cluster %q is limited to: add it to namespaces in its Secret if that is meant", o.Namespace, o.ObjectKey, c.Name)
	}
	return nil
}
