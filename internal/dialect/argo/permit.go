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

// Permit says of which objects an app may not write, and why: of kind
// model.ErrDenied. The objects are as they will be written, those without a
// namespace cluster-scoped.
func (s *Settings) Permit(app model.App, objects []model.ObjectRef) map[model.ObjectKey]error {
	out := map[model.ObjectKey]error{}
	for _, c := range s.clusters {
		if c.Target() != app.Target {
			continue
		}
		for _, o := range objects {
			if err := c.permit(o); err != nil {
				out[o.ObjectKey] = err
			}
		}
	}
	return out
}

func (c Cluster) permit(o model.ObjectRef) error {
	switch {
	case len(c.limits.namespaces) == 0:
	case o.Namespace == "" && !c.limits.clusterScoped:
		return model.As(model.ErrDenied, fmt.Errorf(
			"%s is cluster-scoped, and cluster %q is limited to namespaces: set clusterResources to true in its Secret if that is meant", o.ObjectKey, c.Name))
	case o.Namespace != "" && !slices.Contains(c.limits.namespaces, o.Namespace):
		return model.As(model.ErrDenied, fmt.Errorf(
			"namespace %q of %s is not among those that cluster %q is limited to: add it to namespaces in its Secret if that is meant", o.Namespace, o.ObjectKey, c.Name))
	}
	return nil
}
