package flux

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
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

// inventoryAfter is the inventory after a report: what has been applied and is
// declared still, existing or not, and what waits to be pruned. What an error
// leaves unknown stays.
func inventoryAfter(prev *kustomizev1.ResourceInventory, r model.Report) *kustomizev1.ResourceInventory {
	if r.Err != nil && r.Stage == model.StageTarget {
		return prev
	}
	before := map[string]kustomizev1.ResourceRef{}
	if prev != nil {
		for _, e := range prev.Entries {
			before[e.ID] = e
		}
	}
	after := map[string]kustomizev1.ResourceRef{}
	if r.Err != nil || r.Snapshot == nil || !r.Ready {
		after = maps.Clone(before)
	}
	written := writtenBy(r.Operation)
	for _, res := range r.Resources {
		e := EntryOf(res.Object)
		old, known := before[e.ID]
		switch {
		case res.Prune && !res.Live:
			delete(after, e.ID)
		case !res.Live && !known:
		case known || res.Prune || res.Sync == model.Synced || written[res.Object.ObjectKey]:
			e.Version = cmp.Or(e.Version, old.Version)
			after[e.ID] = e
		}
	}
	if prev == nil && len(after) == 0 {
		return nil
	}
	byID := func(a, b kustomizev1.ResourceRef) int { return cmp.Compare(a.ID, b.ID) }
	entries := slices.SortedFunc(maps.Values(after), byID)
	if prev != nil && sameEntries(prev.Entries, entries) {
		return prev
	}
	if entries == nil {
		entries = []kustomizev1.ResourceRef{}
	}
	return &kustomizev1.ResourceInventory{Entries: entries}
}

// sameEntries reports whether two lists have the same entries, in any order: a
// peer's order is no reason for a write.
func sameEntries(a, sorted []kustomizev1.ResourceRef) bool {
	a = slices.Clone(a)
	slices.SortFunc(a, func(x, y kustomizev1.ResourceRef) int { return cmp.Compare(x.ID, y.ID) })
	return slices.Equal(a, sorted)
}

// writtenBy are the objects that an operation has applied.
func writtenBy(op *model.Operation) map[model.ObjectKey]bool {
	written := map[model.ObjectKey]bool{}
	if op == nil || op.Request.DryRun {
		return written
	}
	for _, res := range op.Results {
		switch res.Action {
		case model.ActionCreate, model.ActionUpdate, model.ActionKeep:
			written[res.Object.ObjectKey] = res.Err == nil
		}
	}
	return written
}
