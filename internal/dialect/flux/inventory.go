package flux

import (
	"fmt"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const rbacGroup = "rbac.authorization.k8s.io"

// EntryOf is the object's entry in status.inventory: its id is
// "<namespace>_<name>_<group>_<kind>", where "__" stands for each colon in the
// name of an RBAC object.
func EntryOf(ref model.ObjectRef) kustomizev1.ResourceRef {
	name := ref.Name
	if ref.Group == rbacGroup {
		name = strings.ReplaceAll(name, ":", "__")
	}
	id := strings.Join([]string{ref.Namespace, name, ref.Group, ref.Kind}, "_")
	return kustomizev1.ResourceRef{ID: id, Version: ref.Version}
}

// ParseEntry is the inverse of EntryOf.
func ParseEntry(e kustomizev1.ResourceRef) (model.ObjectRef, error) {
	namespace, rest, ok := strings.Cut(e.ID, "_")
	rest, kind, ok2 := cutLast(rest, "_")
	name, group, ok3 := cutLast(rest, "_")
	if !ok || !ok2 || !ok3 || name == "" || kind == "" {
		return model.ObjectRef{}, fmt.Errorf("inventory entry %q is not <namespace>_<name>_<group>_<kind>", e.ID)
	}
	if group == rbacGroup {
		name = strings.ReplaceAll(name, "__", ":")
	}
	key := model.ObjectKey{Group: group, Kind: kind, Namespace: namespace, Name: name}
	return model.ObjectRef{ObjectKey: key, Version: e.Version}, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
