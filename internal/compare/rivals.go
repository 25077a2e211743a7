package compare

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Rival is somebody else who wrote fields that an app declares.
type Rival struct {
	// Manager is the field manager, Operation "Apply" or "Update", Subresource what
	// it wrote through, such as "scale"; "" is the object itself.
	Manager, Operation, Subresource string
	// Time is when it last wrote.
	Time time.Time
	// Paths are the fields for people to read, in order.
	Paths []string
}

// String says who changed what, such as "kubectl-edit (Update) changed
// spec.replicas". It has no time in it, and no values.
func (r Rival) String() string {
	const shown = 5
	paths := strings.Join(r.Paths[:min(shown, len(r.Paths))], ", ")
	if more := len(r.Paths) - shown; more > 0 {
		paths += fmt.Sprintf(" and %d more", more)
	}
	how := r.Operation
	if r.Subresource != "" {
		how += " of " + r.Subresource
	}
	return fmt.Sprintf("%s (%s) changed %s", r.Manager, how, paths)
}

// Rivals lists who has taken fields from the manager that desired declares, the
// newest first. Who owns a field together with the manager has it at the same
// value, and is none.
func Rivals(live map[string]any, manager string, desired []byte) []Rival {
	return rivals(live, manager, desired, func(fieldpath.Path) bool { return true })
}

// RivalsIn lists those of Rivals that what differs between before and after is of: whose
// values an apply would change. Other fields are not in their paths.
func RivalsIn(live, before, after map[string]any, manager string, desired []byte) []Rival {
	return rivals(live, manager, desired, func(p fieldpath.Path) bool {
		was, had := lookup(before, p)
		is, has := lookup(after, p)
		return had != has || !reflect.DeepEqual(was, is)
	})
}

// rivals are those of the fields that count.
func rivals(live map[string]any, manager string, desired []byte, counts func(fieldpath.Path) bool) []Rival {
	var want map[string]any
	if json.Unmarshal(desired, &want) != nil {
		return nil
	}
	encodeSecret(want)
	entries := entriesOf(live)
	ours := fieldsOf(entries, func(e entry) bool { return e.manager == manager })
	var out []Rival
	for _, e := range entries {
		if e.manager == manager || e.subresource == "status" {
			continue
		}
		r := Rival{Manager: e.manager, Operation: e.operation, Subresource: e.subresource, Time: e.time}
		e.fields.Leaves().Iterate(func(p fieldpath.Path) {
			if _, declared := lookup(want, p); declared && !isKey(p) && !covers(ours, p) && counts(p) {
				r.Paths = append(r.Paths, text(p))
			}
		})
		if len(r.Paths) > 0 {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b Rival) int {
		return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Manager, b.Manager))
	})
	return out
}
