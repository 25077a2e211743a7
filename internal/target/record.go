package target

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Record is what the mirror remembers of a live object.
type Record struct {
	Ref model.ObjectRef
	UID string
	// ResourceVersion is that of the newest state seen.
	ResourceVersion string
	// Owners are the apps whose marks the object bears: one for each dialect at
	// most, in the order of Config.Marks.
	Owners []model.AppKey
	// managers are those of the owners' dialects, in the same order.
	managers []string
	// Traits are what the object asks for.
	Traits model.Traits
	// Operation, Held and Busy are those of model.Live.
	Operation  string
	Held, Busy bool
	// Terminating: it has a deletion timestamp.
	Terminating bool
	// Health is zero where its kind has no rule.
	Health model.Health
	owned  []Ownership
	// writes is that of model.Live.
	writes uint64
	// updaters are the managers of updates, see there.
	updaters []string
}

// Ownership is what one field manager owns of an object.
type Ownership struct {
	// Manager is the field manager.
	Manager string
	// Fields is a digest of its managedFields entries without their times.
	Fields model.Digest
	// Time is the newest of their times, in Unix seconds.
	Time int64
	// Applies: one of them is of a server-side apply.
	Applies bool
}

// Ownership is what the manager owns; the zero value means nothing.
func (r *Record) Ownership(manager string) Ownership {
	for _, o := range r.owned {
		if o.Manager == manager {
			return o
		}
	}
	return Ownership{}
}

// writer is the app that writes the object with that field manager; false if
// none of the owners does.
func (r *Record) writer(manager string) (model.AppKey, bool) {
	if i := slices.Index(r.managers, manager); i >= 0 {
		return r.Owners[i], true
	}
	return model.AppKey{}, false
}

// live is the record as one field manager sees it, with the owner that counts.
func (r *Record) live(manager string, owner model.AppKey) model.Live {
	mine := r.Ownership(manager)
	return model.Live{
		Ref: r.Ref, UID: r.UID, ResourceVersion: r.ResourceVersion, Owner: owner, Fields: mine.Fields, Time: mine.Time, Writes: r.writes,
		Traits: r.Traits, Operation: r.Operation, Held: r.Held, Busy: r.Busy, Terminating: r.Terminating, Health: r.Health,
	}
}

// sameAs reports whether nothing changed between the two that an app would
// want to know of.
func (r *Record) sameAs(o *Record) bool {
	return r.UID == o.UID && slices.Equal(r.Owners, o.Owners) && r.Traits == o.Traits &&
		r.Operation == o.Operation && r.Held == o.Held && r.Busy == o.Busy &&
		r.Terminating == o.Terminating && r.Health == o.Health && slices.Equal(r.owned, o.owned)
}

// ownerships digests the entries of those managers that apps write with.
// Entries of subresources (status, scale) are not ours.
func ownerships(entries []metav1.ManagedFieldsEntry, managers []string) []Ownership {
	var out []Ownership
	for _, m := range managers {
		mine := entriesOf(entries, m)
		if len(mine) == 0 {
			continue
		}
		o := Ownership{Manager: m}
		h := sha256.New()
		for _, e := range mine {
			writePart(h, string(e.Operation))
			o.Applies = o.Applies || e.Operation == metav1.ManagedFieldsOperationApply
			writePart(h, e.APIVersion)
			if e.FieldsV1 != nil {
				writePart(h, e.FieldsV1.GetRawString())
			}
			if e.Time != nil {
				o.Time = max(o.Time, e.Time.Unix())
			}
		}
		o.Fields = model.Digest(h.Sum(nil))
		out = append(out, o)
	}
	return out
}

func entriesOf(entries []metav1.ManagedFieldsEntry, manager string) []metav1.ManagedFieldsEntry {
	var mine []metav1.ManagedFieldsEntry
	for _, e := range entries {
		if e.Manager == manager && e.Subresource == "" {
			mine = append(mine, e)
		}
	}
	slices.SortFunc(mine, func(a, b metav1.ManagedFieldsEntry) int {
		if c := strings.Compare(string(a.Operation), string(b.Operation)); c != 0 {
			return c
		}
		return strings.Compare(a.APIVersion, b.APIVersion)
	})
	return mine
}

func writePart(h interface{ Write([]byte) (int, error) }, s string) {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
	_, _ = h.Write(n[:])
	_, _ = h.Write([]byte(s))
}
