package argo

import (
	"errors"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The finalizers of an Application with hooks for its deletion. Each comes in two
// forms: for the hooks themselves and for what is left of them.
const (
	finalizerPreDelete  = "pre-delete-finalizer.argocd.argoproj.io"
	finalizerPostDelete = "post-delete-finalizer.argocd.argoproj.io"
	finalizerCleanup    = "/cleanup"
)

var hookFinalizers = map[model.SyncPhase]string{
	model.PhasePreDelete: finalizerPreDelete, model.PhasePostDelete: finalizerPostDelete,
}

// hooksOfDeletion says, of an Application that is being deleted, that there are
// hooks to run. Where its objects stay, as without the finalizer for them, the
// hooks run all the same.
func hooksOfDeletion(u *unstructured.Unstructured, app *model.App) {
	if u.GetDeletionTimestamp() == nil || !slices.ContainsFunc(u.GetFinalizers(), isHookFinalizer) {
		return
	}
	app.DeleteHooks = true
	if !app.Deleting {
		app.Deleting, app.Suspended, app.Deletion = true, false, model.Orphan
	}
	if app.Since.IsZero() {
		app.Since = u.GetDeletionTimestamp().Time
	}
}

func isHookFinalizer(f string) bool {
	return strings.HasPrefix(f, finalizerPreDelete) || strings.HasPrefix(f, finalizerPostDelete)
}

// holdHooks sets the finalizers of the hooks that the app has for its deletion, and
// takes those off whose hooks are not declared any more: that only once it is known
// of the newest content, as a whole. Nothing is done to an Application that is being
// deleted.
func (c *change) holdHooks(app model.App, o Observed) {
	if c.object.GetDeletionTimestamp() != nil || app.Invalid != nil || !o.Fresh || isPinned(o.Report) {
		return
	}
	complete := isComplete(o.Report)
	held := slices.Clone(c.object.GetFinalizers())
	for _, phase := range []model.SyncPhase{model.PhasePreDelete, model.PhasePostDelete} {
		name := hookFinalizers[phase]
		for _, f := range []string{name, name + finalizerCleanup} {
			switch has := slices.Contains(held, f); {
			case o.Report.Hooks.Has(phase) && !has:
				held = append(held, f)
			case !o.Report.Hooks.Has(phase) && has && complete:
				held = slices.DeleteFunc(held, func(other string) bool { return other == f })
			}
		}
	}
	if !slices.Equal(held, c.object.GetFinalizers()) {
		c.object.SetFinalizers(held)
		c.exclusive = true
	}
}

// isPinned reports whether a report is about what an operation alone syncs.
func isPinned(r model.Report) bool {
	op := r.Operation
	return op != nil && op.Request.Pin != nil && !op.Phase.Done()
}

// isComplete reports whether a report tells all that the newest content declares:
// one of a sync that has just begun does not yet.
func isComplete(r model.Report) bool {
	if r.Snapshot == nil || r.Resources == nil || (r.Operation != nil && !r.Operation.Phase.Done()) {
		return false
	}
	switch r.Stage {
	case "", model.StageApply, model.StagePrune, model.StageHealth:
		return true
	}
	return false
}

// release removes the finalizers when the objects are gone, or when the cluster
// that they were on is no longer known.
func (c *change) release(app model.App, gone bool) {
	if !app.Deleting || (!gone && !errors.Is(app.Invalid, model.ErrNotFound)) {
		return
	}
	held := slices.DeleteFunc(slices.Clone(c.object.GetFinalizers()), func(f string) bool {
		return f == finalizer || f == finalizerForeground || f == finalizerBackground || isHookFinalizer(f)
	})
	c.object.SetFinalizers(held)
	c.exclusive = true
}
