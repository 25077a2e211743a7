package flux

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// KustomizationStatus is the status of a Kustomization after a report, given
// the one before it. handled is the requestedAt token that the report answers,
// "" for none. A report that changes nothing gives the previous status.
func KustomizationStatus(prev kustomizev1.KustomizationStatus, app model.App, r model.Report, handled string, now metav1.Time) kustomizev1.KustomizationStatus {
	next := *prev.DeepCopy()
	if isQuiet(app, r) {
		return next
	}
	if handled != "" {
		next.LastHandledReconcileAt = handled
	}
	if attempted(r) {
		next.LastAttemptedRevision = Revision(cmp.Or(r.Newest, r.Snapshot))
	}
	next.LastAppliedRevision = appliedRevision(prev.LastAppliedRevision, r)
	if isAt(r.Applied, r.Snapshot) {
		next.LastAppliedOriginRevision = r.Snapshot.Metadata[originRevision]
	}
	next.Inventory = inventoryAfter(prev.Inventory, r)

	c := &conditions{list: next.Conditions, generation: r.Generation, now: now}
	if concludes := judge(c, prev, app, r); concludes {
		next.ObservedGeneration = r.Generation
	}
	c.warn(warningsOf(app, r))
	next.Conditions = c.list
	return next
}

// originRevision is the annotation of an artifact that says what it was made of.
const originRevision = "org.opencontainers.image.revision"

// isQuiet reports whether a report leaves the status alone: a suspended
// Kustomization keeps the one it has.
func isQuiet(app model.App, r model.Report) bool {
	return app.Suspended && r.Generation >= app.Generation
}

// judge sets the conditions and reports whether the generation is dealt with.
func judge(c *conditions, prev kustomizev1.KustomizationStatus, app model.App, r model.Report) bool {
	switch {
	case isReady(r):
		judgeHealth(c, app, r)
		c.succeed(meta.ReconciliationSucceededReason, "Applied revision: "+appliedRevision(prev.LastAppliedRevision, r))
		return true
	case r.Err != nil && isTerminal(r):
		c.stall(terminalReason(r), r.Err.Error())
		return true
	case r.Err != nil:
		judgeHealth(c, app, r)
		c.fail(failureReason(r), failureMessage(r))
	case !isBrief(prev, r):
		judgeHealth(c, app, r)
		c.remove(meta.StalledCondition)
		c.set(meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, progressMessage(app, r))
		c.set(meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, "Reconciliation in progress")
	}
	return false
}

// isReady: a source that can't be reached doesn't make what was applied unready.
func isReady(r model.Report) bool {
	return r.Ready && (r.Err == nil || r.Stage == model.StageSource)
}

// isTerminal reports whether only a change of the object helps.
func isTerminal(r model.Report) bool {
	return r.Stage == model.StageSpec && (errors.Is(r.Err, model.ErrInvalid) || errors.Is(r.Err, model.ErrDenied))
}

func terminalReason(r model.Report) string {
	if errors.Is(r.Err, model.ErrDenied) {
		return accessDeniedReason
	}
	return invalidSpecReason
}

// isBrief reports whether a report is of work at a revision that was ready, such
// as the repair of drift: the report of its outcome follows at once, so this one
// is not worth a write.
func isBrief(prev kustomizev1.KustomizationStatus, r model.Report) bool {
	return condition(prev.Conditions, meta.ReadyCondition).Status == metav1.ConditionTrue &&
		prev.ObservedGeneration == r.Generation && isAt(prev.LastAppliedRevision, r.Snapshot) && len(r.Unready) == 0
}

var stageReasons = map[model.Stage]string{
	model.StageSpec:       meta.ArtifactFailedReason,
	model.StageSource:     meta.ArtifactFailedReason,
	model.StageDependency: meta.DependencyNotReadyReason,
	model.StageRender:     meta.BuildFailedReason,
	model.StagePolicy:     meta.ReconciliationFailedReason,
	model.StageTarget:     meta.ReconciliationFailedReason,
	model.StageApply:      meta.ReconciliationFailedReason,
	model.StagePrune:      meta.PruneFailedReason,
	model.StageHealth:     meta.HealthCheckFailedReason,
	model.StageDelete:     meta.PruneFailedReason,
}

func failureReason(r model.Report) string {
	if reference := (referenceError{}); errors.As(r.Err, &reference) {
		return meta.BuildFailedReason
	}
	if reason, ok := stageReasons[r.Stage]; ok {
		return reason
	}
	return meta.ReconciliationFailedReason
}

// failureMessage is the error, with what is waited for where it doesn't say so.
func failureMessage(r model.Report) string {
	message := r.Err.Error()
	if r.Stage == model.StageHealth && len(r.Unready) > 0 && !strings.Contains(message, r.Unready[0]) {
		message += ": " + strings.Join(r.Unready, "; ")
	}
	return message
}

func progressMessage(app model.App, r model.Report) string {
	switch {
	case app.Deleting:
		return "Deleting the objects that were applied"
	case len(r.Unready) > 0:
		return fmt.Sprintf("Running health checks for revision %s with a timeout of %s", Revision(r.Snapshot), app.Sync.Timeout)
	case r.Snapshot != nil:
		return "Applying revision " + Revision(r.Snapshot)
	}
	return "Fetching the source"
}

// judgeHealth keeps the condition Healthy, which is there while an app waits
// for anything.
func judgeHealth(c *conditions, app model.App, r model.Report) {
	switch {
	case !app.Health.Waits():
		c.remove(meta.HealthyCondition)
	case isReady(r):
		c.set(meta.HealthyCondition, metav1.ConditionTrue, meta.SucceededReason, "Health check passed")
	case r.Err != nil && r.Stage == model.StageHealth:
		c.set(meta.HealthyCondition, metav1.ConditionFalse, meta.HealthCheckFailedReason, failureMessage(r))
	case r.Err == nil && len(r.Unready) > 0:
		c.set(meta.HealthyCondition, metav1.ConditionUnknown, meta.ProgressingReason, progressMessage(app, r))
	}
}

// attempted reports whether the snapshot was gone about.
func attempted(r model.Report) bool {
	if r.Snapshot == nil {
		return false
	}
	before := []model.Stage{model.StageSpec, model.StageSource, model.StageDependency}
	return r.Err == nil || !slices.Contains(before, r.Stage)
}

// appliedRevision gives the commit that a report says is applied the form that
// Flux writes.
func appliedRevision(prev string, r model.Report) string {
	switch commit := commitOf(r.Applied); {
	case commit == "":
		return prev
	case isAt(commit, r.Snapshot):
		return Revision(r.Snapshot)
	case commitOf(prev) == commit:
		return prev
	default:
		return hashName(commit) + ":" + commit
	}
}

// warningsOf are those of the adapter and of the report, with the source's
// error where the app is ready in spite of it.
func warningsOf(app model.App, r model.Report) []model.Warning {
	warnings := slices.Concat(app.Warnings, r.Warnings)
	if r.Err != nil && isReady(r) {
		warnings = append(warnings, model.Warning{Message: "the source has no newer content, the last good one stays applied: " + r.Err.Error()})
	}
	return warnings
}
