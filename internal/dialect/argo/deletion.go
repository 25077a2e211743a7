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
		app.Deleting, app.Suspended, app.Deletion = true, false, "Orphan"
	}
	if app.Since.IsZero() {
		app.Since = u.GetDeletionTimestamp().Time
	}
}

func isHookFinalizer(f string) bool {
	return strings.HasPrefix(f, finalizerPreDelete) || strings.HasPrefix(f, finalizerPostDelete)
}

// holdHooks sets the finalizers of the hooks that the app has for its deletion, and
// takes those off whose hooks are not declared any more. Nothing is done while that
// is not known for sure; and nothing to an Application that is being deleted.
func (c *change) holdHooks(app model.App, o Observed) {
	r := o.Report
	if c.object.GetDeletionTimestamp() != nil || app.Invalid != nil || !o.Fresh || !isComplete(r) {
		return
	}
	held := c.object.GetFinalizers()
	for _, phase := range []model.SyncPhase{model.PhasePreDelete, model.PhasePostDelete} {
		name := hookFinalizers[phase]
		for _, f := range []string{name, name + finalizerCleanup} {
			switch has := slices.Contains(held, f); {
			case r.Hooks.Has(phase) && !has:
				held = append(slices.Clone(held), f)
			case !r.Hooks.Has(phase) && has:
				held = slices.DeleteFunc(slices.Clone(held), func(other string) bool { return other == f })
			}
		}
	}
	if !slices.Equal(held, c.object.GetFinalizers()) {
		c.object.SetFinalizers(held)
		c.exclusive = true
	}
}

// isComplete reports whether a report is about all that the newest content
// declares, and not about an operation's own.
func isComplete(r model.Report) bool {
	if op := r.Operation; r.Snapshot == nil || r.Resources == nil || (op != nil && op.Request.Pin != nil && !op.Phase.Done()) {
		return false
	}
	switch r.Stage {
	case "", model.StageApply, model.StagePrune, model.StageHealth, model.StageDependency:
		return true
	}
	return r.Err == nil
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
