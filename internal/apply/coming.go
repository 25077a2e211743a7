package apply

import (
	"encoding/json"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const crdGroup, crdKind = "apiextensions.k8s.io", "CustomResourceDefinition"

// coming are the kinds and namespaces that a sync brings itself.
type coming struct {
	kinds      map[kind]bool
	namespaces map[string]bool
}

type kind struct{ group, name string }

// has reports whether the object depends on something of it.
func (c coming) has(o model.ObjectRef) bool {
	return c.kinds[kind{o.Group, o.Kind}] || o.Namespace != "" && c.namespaces[o.Namespace]
}

func comingWith(objects map[model.ObjectKey]model.Object) coming {
	c := coming{map[kind]bool{}, map[string]bool{}}
	for _, o := range objects {
		switch {
		case o.Kind == "Namespace" && o.Group == "":
			c.namespaces[o.Name] = true
		case o.Kind == crdKind && o.Group == crdGroup:
			var crd struct {
				Spec struct {
					Group string
					Names struct{ Kind string }
				}
			}
			if json.Unmarshal(o.JSON, &crd) == nil {
				c.kinds[kind{crd.Spec.Group, crd.Spec.Names.Kind}] = true
			}
		}
	}
	return c
}
