package target

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// watchClosely says whether apps want to hear of every write to the object but
// those to its status.
func (m *mirror) watchClosely(key model.ObjectKey, closely bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if closely && m.records[key] != nil {
		m.closely[key] = struct{}{}
	} else {
		delete(m.closely, key)
	}
}

// writesOf is a number that changes when anybody writes anything but the status.
// Times of managedFields count whole seconds: the generation tells more, and of
// kinds that have none (nor a status), the resource version.
func writesOf(m *metav1.ObjectMeta) uint64 {
	h := fnv.New64a()
	if m.Generation == 0 {
		writePart(h, m.ResourceVersion)
		return h.Sum64()
	}
	writePart(h, strconv.FormatInt(m.Generation, 10))
	entries := slices.DeleteFunc(slices.Clone(m.ManagedFields), func(e metav1.ManagedFieldsEntry) bool { return e.Subresource == "status" })
	slices.SortFunc(entries, func(a, b metav1.ManagedFieldsEntry) int {
		return cmp.Or(cmp.Compare(a.Manager, b.Manager), cmp.Compare(a.Operation, b.Operation),
			cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Subresource, b.Subresource))
	})
	for _, e := range entries {
		for _, s := range []string{e.Manager, string(e.Operation), e.APIVersion, e.Subresource} {
			writePart(h, s)
		}
		if e.Time != nil {
			writePart(h, e.Time.UTC().Format(time.RFC3339))
		}
		if e.FieldsV1 != nil {
			writePart(h, e.FieldsV1.GetRawString())
		}
	}
	return h.Sum64()
}
