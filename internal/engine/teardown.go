package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/apply"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// teardownPause is how long after a failure a deletion is tried again, if no
// event comes before: what stands in its way may send none.
const teardownPause = 30 * time.Second

// teardown deletes the objects of an app that is being deleted. It ends the
// reconcile; for other apps it does nothing.
func (r *run) teardown(ctx context.Context) error {
	if !r.app.Deleting {
		return nil
	}
	if r.app.Deletion == "Orphan" {
		r.report.Deleted = true
		return errDone
	}
	// What it declared is still claimed: others must not mistake it for theirs
	// while it goes. Marks tell what is the app's.
	r.desired = &desired{byKey: map[model.ObjectKey]model.Object{}}
	if err := r.ensure(); err != nil {
		return err
	}
	r.target.Claim(r.app.Key, nil, nil)
	r.compare()
	changes := apply.Act(ctx, r.target, r.plan, apply.Options{
		UIDs: r.uids(), Deletion: r.app.Deletion, Prune: true,
	})
	if failed := failures(changes.Results); len(failed) > 0 {
		r.again(teardownPause)
		return fmt.Errorf("deleting the app's objects: %w", failureOf(failed))
	}
	r.compare()
	return r.gone()
}

func (r *run) uids() map[model.ObjectKey]string {
	out := map[model.ObjectKey]string{}
	for _, l := range r.input.Owned {
		out[l.Ref.ObjectKey] = l.UID
	}
	return out
}

// gone reports the app as deleted once nothing of it is left but what stays.
func (r *run) gone() error {
	var left []string
	for _, s := range r.plan.Steps {
		if s.Action != model.ActionLeave {
			left = append(left, s.Object.ObjectKey.String())
		}
	}
	if len(left) == 0 {
		r.report.Deleted = true
		return errDone
	}
	r.report.Resources = r.resources()
	r.report.Health = model.Health{Status: model.Progressing, Message: "being deleted"}
	return fmt.Errorf("waiting for %d object(s) to be gone: %s", len(left), strings.Join(left[:min(shown, len(left))], ", "))
}
