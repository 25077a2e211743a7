package live

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// maxFields is how many paths an entry of an object's managed fields shows.
const maxFields = 1000

// fieldOwners are managed fields for people: who wrote last comes first, and ours before
// all others. An entry that can't be read has no fields.
func fieldOwners(entries []metav1.ManagedFieldsEntry, manager string) []view.FieldOwner {
	var out []view.FieldOwner
	for _, e := range entries {
		o := view.FieldOwner{
			Manager: e.Manager, Operation: string(e.Operation), Subresource: e.Subresource,
			Ours: e.Manager == manager && manager != "", Fields: fieldsOf(e),
		}
		if e.Time != nil {
			o.Time = e.Time.UTC()
		}
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b view.FieldOwner) int {
		return cmp.Or(rank(a.Ours)-rank(b.Ours), b.Time.Compare(a.Time), strings.Compare(a.Manager, b.Manager))
	})
	return out
}

func fieldsOf(e metav1.ManagedFieldsEntry) []string {
	var set fieldpath.Set
	if e.FieldsV1 == nil || set.FromJSON(e.FieldsV1.GetRawReader()) != nil {
		return nil
	}
	var out []string
	// The leaves tell it all: what is above them is set for their sake.
	set.Leaves().Iterate(func(p fieldpath.Path) {
		if len(out) < maxFields {
			out = append(out, p.String())
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}
