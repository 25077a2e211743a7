package engine

import (
	"context"
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/compare"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// fights warns of objects that are not repaired at once any more, since somebody
// keeps changing them, and says who. Each is read once for each time that it was
// repaired.
func (r *run) fights(ctx context.Context) {
	for _, ref := range r.fighting {
		h := r.s.heals[ref.ObjectKey]
		text := r.s.rivals[ref.ObjectKey]
		if text.count != h.count {
			text = rivalry{h.count, r.rival(ctx, ref)}
			r.s.rivals[ref.ObjectKey] = text
		}
		r.report.Warnings = append(r.report.Warnings, model.Warning{
			Type: model.WarnFight,
			Message: fmt.Sprintf("%s is changed again each time it is repaired%s: it is repaired more and more seldom; "+
				"let one of the two decide, or leave the fields to the other (Argo CD: spec.ignoreDifferences)", ref.ObjectKey, text.by),
		})
	}
	for key, was := range r.s.rivals {
		if h, still := r.s.heals[key]; !still || h.count < was.count {
			delete(r.s.rivals, key)
		}
	}
}

// rivalry is who fights for an object, as of some number of repairs.
type rivalry struct {
	count int
	by    string
}

// rival names who owns fields that the app declares; "" if nobody can be named.
func (r *run) rival(ctx context.Context, ref model.ObjectRef) string {
	live, err := r.target.Read(ctx, ref)
	if err != nil {
		return ""
	}
	rivals := compare.Rivals(live, r.app.Manager, r.desired.byKey[ref.ObjectKey].JSON)
	if len(rivals) == 0 {
		return ""
	}
	return ": " + rivals[0].String()
}
