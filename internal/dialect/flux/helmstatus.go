package flux

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The reasons that Flux has for a HelmRelease beside those in its types.
const (
	sourceNotReadyReason = "SourceNotReady"
	valuesErrorReason    = "ValuesError"
)

// HelmReleaseStatus is the status of a HelmRelease after a report, given the
// object with the one before it. handled is the requestedAt token that the
// report answers, "" for none. What Flux has written of releases in its storage
// stays: there are none of ours. A report that changes nothing gives the
// previous status.
func HelmReleaseStatus(hr helmv2.HelmRelease, app model.App, r model.Report, handled string, now metav1.Time) helmv2.HelmReleaseStatus {
	next := *hr.Status.DeepCopy()
	if isQuiet(app, r) {
		return next
	}
	if handled != "" {
		next.LastHandledReconcileAt = handled
	}
	if attempted(r) {
		newest := cmp.Or(r.Newest, r.Snapshot)
		next.LastAttemptedRevision, next.LastAttemptedRevisionDigest = chartRevision(newest, app)
		next.LastAttemptedGeneration = r.Generation
		if !isKnown(hr, app, r) {
			next.LastAttemptedReleaseAction = actionOf(hr)
		}
		next.LastAttemptedConfigDigest = configDigest + app.Spec.String()
	}
	next.HelmChart = helmChartOf(hr)
	next.StorageNamespace = cmp.Or(hr.Spec.StorageNamespace, hr.Namespace)
	next.Inventory = helmInventory(inventoryAfter(kustomizeInventory(hr.Status.Inventory), r))

	c := &conditions{list: next.Conditions, generation: r.Generation, now: now}
	if judgeRelease(c, hr, app, r) {
		next.ObservedGeneration = r.Generation
	}
	judgeDrift(c, hr, app, r)
	c.warn(warningsOf(app, r))
	next.Conditions = c.list
	return next
}

func helmChartOf(hr helmv2.HelmRelease) string {
	if hr.Spec.Chart == nil {
		return ""
	}
	return cmp.Or(hr.Spec.Chart.Spec.SourceRef.Namespace, hr.Namespace) + "/" + hr.Namespace + "-" + hr.Name
}

// judgeRelease sets the conditions and reports whether the generation is dealt
// with.
func judgeRelease(c *conditions, hr helmv2.HelmRelease, app model.App, r model.Report) bool {
	switch {
	case isReleased(app, r):
		reason, message := released(hr, app, r)
		c.set(helmv2.ReleasedCondition, metav1.ConditionTrue, reason, message)
		c.succeed(reason, message)
		return true
	case r.Err != nil && isTerminal(r):
		c.stall(terminalReason(r), r.Err.Error())
		return true
	case r.Err != nil:
		reason := helmFailure(hr, r)
		if reason == helmv2.InstallFailedReason || reason == helmv2.UpgradeFailedReason {
			c.set(helmv2.ReleasedCondition, metav1.ConditionFalse, reason, failureMessage(r))
		}
		c.fail(reason, failureMessage(r))
	case !isBriefRelease(hr, app, r):
		c.remove(meta.StalledCondition)
		c.set(meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, helmProgress(hr, app, r))
		c.set(meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, "Reconciliation in progress")
	}
	return false
}

// isBriefRelease reports whether a report is of work at a revision that was
// ready; see isBrief.
func isBriefRelease(hr helmv2.HelmRelease, app model.App, r model.Report) bool {
	return condition(hr.Status.Conditions, meta.ReadyCondition).Status == metav1.ConditionTrue &&
		isKnown(hr, app, r) && len(r.Unready) == 0
}

// isKnown reports whether the status tells of the release that the report is of.
func isKnown(hr helmv2.HelmRelease, app model.App, r model.Report) bool {
	return hr.Status.ObservedGeneration == r.Generation && isAt(helmApplied(hr.Status), r.Snapshot) &&
		hr.Status.LastAttemptedConfigDigest == configDigest+app.Spec.String()
}

// released are the reason and message of a release that is as declared: those
// that are there already, as long as nothing else was released.
func released(hr helmv2.HelmRelease, app model.App, r model.Report) (reason, message string) {
	old := condition(hr.Status.Conditions, helmv2.ReleasedCondition)
	if old.Status == metav1.ConditionTrue && isKnown(hr, app, r) {
		return old.Reason, old.Message
	}
	reason, verb := helmv2.InstallSucceededReason, "install"
	if actionOf(hr) == helmv2.ReleaseActionUpgrade {
		reason, verb = helmv2.UpgradeSucceededReason, "upgrade"
	}
	return reason, fmt.Sprintf("Helm %s succeeded for release %s/%s with chart %s", verb, releaseNamespace(hr), releaseName(hr), chartText(hr, app, r))
}

// chartText is the chart as "name@version".
func chartText(hr helmv2.HelmRelease, app model.App, r model.Report) string {
	name := ""
	switch {
	case r.Snapshot == nil:
		return "unknown"
	case hr.Spec.Chart != nil:
		name = hr.Spec.Chart.Spec.Chart
	case hr.Spec.ChartRef != nil:
		name = hr.Spec.ChartRef.Name
	}
	version, _ := chartRevision(r.Snapshot, app)
	return name[strings.LastIndexByte(name, '/')+1:] + "@" + version
}

func helmProgress(hr helmv2.HelmRelease, app model.App, r model.Report) string {
	switch {
	case app.Deleting:
		return "Running 'uninstall' action"
	case r.Snapshot == nil:
		return "Fetching the chart"
	case len(r.Unready) > 0:
		return fmt.Sprintf("Running '%s' action with timeout of %s", actionOf(hr), app.Sync.Timeout)
	}
	return fmt.Sprintf("Running '%s' action", actionOf(hr))
}

// helmFailure is the reason of a failure.
func helmFailure(hr helmv2.HelmRelease, r model.Report) string {
	if reference := (referenceError{}); errors.As(r.Err, &reference) {
		return valuesErrorReason
	}
	switch r.Stage {
	case model.StageSpec, model.StageSource:
		return sourceNotReadyReason
	case model.StageDependency:
		return helmv2.DependencyNotReadyReason
	case model.StageDelete:
		return helmv2.UninstallFailedReason
	}
	if actionOf(hr) == helmv2.ReleaseActionInstall {
		return helmv2.InstallFailedReason
	}
	return helmv2.UpgradeFailedReason
}

// judgeDrift keeps the condition Drifted, where drift is to be detected.
func judgeDrift(c *conditions, hr helmv2.HelmRelease, app model.App, r model.Report) {
	drift := hr.GetDriftDetection()
	switch {
	case !drift.MustDetectChanges():
		c.remove(helmv2.DriftedCondition)
	case !isReleased(app, r) || r.Resources == nil:
	case r.Sync == model.OutOfSync:
		c.set(helmv2.DriftedCondition, metav1.ConditionTrue, helmv2.DriftDetectedReason, driftText(r))
	case r.Sync == model.Synced:
		c.set(helmv2.DriftedCondition, metav1.ConditionFalse, helmv2.NoDriftDetectedReason, "No drift detected")
	}
}

func driftText(r model.Report) string {
	var names []string
	for _, res := range r.Resources {
		if res.Sync == model.OutOfSync {
			names = append(names, res.Object.ObjectKey.String())
		}
	}
	slices.Sort(names)
	return fmt.Sprintf("Cluster state of %d objects is not as the chart declares: %s", len(names), strings.Join(names, ", "))
}
