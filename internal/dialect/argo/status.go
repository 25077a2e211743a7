package argo

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Observed is what a status is made of.
type Observed struct {
	// App is the Application as the engine has it, Spec what it was adapted from.
	App  model.App
	Spec v1alpha1.ApplicationSpec
	// Report is the engine's newest; Fresh says that it is about Spec and not
	// about an older one.
	Report model.Report
	Fresh  bool
	// PersistHealth writes the health of each object into status too.
	PersistHealth bool
	// Operation is the user's request that Report.Operation carries out; nil if
	// it is automated, or was taken up before.
	Operation *v1alpha1.Operation
	// ControllerNamespace is the control-plane namespace.
	ControllerNamespace string
}

// Status is the status that follows prev. Times change only together with what
// they are of, so that it is equal to prev when nothing has happened.
func Status(prev v1alpha1.ApplicationStatus, o Observed, now metav1.Time) v1alpha1.ApplicationStatus {
	next := *prev.DeepCopy()
	r := o.Report
	next.ControllerNamespace = o.ControllerNamespace
	next.OperationState = operationState(prev, o, now)
	next.Conditions = conditions(prev.Conditions, next.OperationState, o, now)
	next.History = history(prev, next.OperationState, o)
	if r.Sync != "" && (r.Snapshot != nil || r.Err != nil) {
		// What an operation alone syncs says nothing of what is declared.
		if !isGoing(r) && (!isPinned(r) || prev.Sync.Status == "") {
			next.Sync = syncStatus(prev.Sync, o)
		}
		next.Health = healthStatus(prev.Health, r, now)
		if next.ResourceHealthSource = "appTree"; o.PersistHealth {
			next.ResourceHealthSource = ""
		}
		next.SourceType, next.SourceTypes = sourceTypeFields(prev, r, len(next.Sync.ComparedTo.Sources) > 0)
		// After an error nothing may be known of the objects; they are still there.
		if len(r.Resources) > 0 || r.Err == nil {
			next.Resources = resources(r.Resources, o.PersistHealth)
		}
	}
	next.Summary = summary(prev, next, r)
	if encoded(prev) != encoded(next) {
		next.ReconciledAt = &now
	}
	return next
}

// isGoing reports whether the deletion of the objects is under way: what it waits
// for is no error, and is told as the health's message.
func isGoing(r model.Report) bool {
	return r.Stage == model.StageDelete && r.Err != nil && r.Health.Status == model.Progressing
}

// encoded is a status as it will be read again, without ReconciledAt.
func encoded(s v1alpha1.ApplicationStatus) string {
	s.ReconciledAt = nil
	return string(mustJSON(s))
}

func syncStatus(prev v1alpha1.SyncStatus, o Observed) v1alpha1.SyncStatus {
	out := v1alpha1.SyncStatus{Status: string(o.Report.Sync), ComparedTo: prev.ComparedTo}
	if o.Fresh {
		out.ComparedTo = v1alpha1.ComparedTo{
			Source: o.Spec.Source.DeepCopy(), Sources: copySources(o.Spec.Sources), Destination: o.Spec.Destination,
		}
		if len(o.Spec.Sources) > 0 {
			out.ComparedTo.Source = nil
		}
	}
	out.Revision, out.Revisions = revisionFields(model.Revision(snapshotsOf(o.Report)), len(out.ComparedTo.Sources) > 0)
	// What was compared is the last commit that was good, if there was one: with
	// the newest it can't be.
	if o.Report.Err != nil && (o.Report.Stage == model.StageRender || o.Report.Stage == model.StageSource) {
		out.Status = string(model.SyncUnknown)
	}
	return out
}

func healthStatus(prev v1alpha1.HealthStatus, r model.Report, now metav1.Time) v1alpha1.HealthStatus {
	preset := model.Healthy
	if r.Err != nil {
		preset = cmp.Or(model.HealthStatus(prev.Status), model.Unknown)
	}
	out := v1alpha1.HealthStatus{
		Status: string(cmp.Or(r.Health.Status, preset)), Message: r.Health.Message,
		LastTransitionTime: prev.LastTransitionTime,
	}
	if isGoing(r) {
		out.Message = r.Err.Error()
	}
	if out.Status != prev.Status || out.LastTransitionTime == nil {
		out.LastTransitionTime = &now
	}
	return out
}

func resources(states []model.ResourceState, persistHealth bool) []v1alpha1.ResourceStatus {
	var out []v1alpha1.ResourceStatus
	for _, s := range states {
		res := v1alpha1.ResourceStatus{
			Group: s.Object.Group, Version: s.Object.Version, Kind: s.Object.Kind,
			Namespace: s.Object.Namespace, Name: s.Object.Name,
			Status: string(s.Sync), Hook: s.Hook, SyncWave: int64(s.Wave),
			RequiresPruning: s.Prune, RequiresDeletionConfirmation: s.Confirm,
		}
		if persistHealth && s.Health.Status != "" {
			res.Health = &v1alpha1.HealthStatus{Status: string(s.Health.Status), Message: s.Health.Message}
		}
		out = append(out, res)
	}
	slices.SortFunc(out, func(a, b v1alpha1.ResourceStatus) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// history adds the sync that state says has just succeeded, if it was a full
// one; each once, since state is the previous one when nothing has happened.
func history(prev v1alpha1.ApplicationStatus, state *v1alpha1.OperationState, o Observed) []v1alpha1.RevisionHistory {
	out := prev.History
	if state != prev.OperationState && isDeployment(o.Report.Operation) {
		out = append(slices.Clone(out), historyEntry(out, *state))
	}
	if over := len(out) - historyOf(o.Spec); over > 0 {
		out = out[over:]
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// isDeployment reports whether an operation has applied all that is declared.
func isDeployment(op *model.Operation) bool {
	return op != nil && op.Phase == model.PhaseSucceeded &&
		!op.Request.DryRun && !op.Request.Heal && len(op.Request.Only) == 0
}

func historyEntry(before []v1alpha1.RevisionHistory, s v1alpha1.OperationState) v1alpha1.RevisionHistory {
	e := v1alpha1.RevisionHistory{DeployStartedAt: &s.StartedAt, InitiatedBy: s.Operation.InitiatedBy}
	if n := len(before); n > 0 {
		e.ID = before[n-1].ID + 1
	}
	if s.FinishedAt != nil {
		e.DeployedAt = *s.FinishedAt
	}
	if s.SyncResult != nil {
		e.Revision, e.Revisions = s.SyncResult.Revision, s.SyncResult.Revisions
		if e.Sources = copySources(s.SyncResult.Sources); len(e.Sources) == 0 {
			e.Source = s.SyncResult.Source.DeepCopy()
		}
	}
	return e
}
