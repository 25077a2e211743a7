package argo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// operationState is the state of the report's operation. It is prev itself where
// that records the same operation as ended, or a later one.
func operationState(prev *v1alpha1.OperationState, o Observed, now metav1.Time) *v1alpha1.OperationState {
	op := shown(o)
	if op == nil || op.Phase == "" {
		return prev
	}
	same := prev != nil && o.Operation == nil && isSame(*prev, *op)
	switch {
	case same && prev.FinishedAt != nil && string(op.Phase) == prev.Phase && int64(op.Retries) == prev.RetryCount:
		return prev
	case prev != nil && op.Started.Unix() < prev.StartedAt.Unix():
		return prev
	}
	state := &v1alpha1.OperationState{
		Phase: string(op.Phase), Message: operationMessage(*op), RetryCount: int64(op.Retries),
		StartedAt: seconds(op.Started), Operation: operationOf(o),
		SyncResult: &v1alpha1.SyncOperationResult{Resources: results(op.Results)},
	}
	r := state.SyncResult
	if r.Sources = copySources(o.Spec.Sources); len(r.Sources) == 0 && o.Spec.Source != nil {
		r.Source = *o.Spec.Source.DeepCopy()
	}
	if same {
		state.Operation = prev.Operation
		if p := prev.SyncResult; p != nil && (p.Source.RepoURL != "" || len(p.Sources) > 0) {
			r.Source, r.Sources = p.Source, p.Sources
		}
	}
	r.Revision, r.Revisions = revisionFields(op.Revision, len(r.Sources) > 0)
	if op.Phase.Done() {
		state.FinishedAt = &now
		if !op.Finished.IsZero() {
			finished := seconds(op.Finished)
			state.FinishedAt = &finished
		}
	}
	return state
}

// seconds is a time as it will be read again: to the second.
func seconds(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }

// shown is the report's operation as Argo CD shows it: one that has failed and
// will be repeated is still running.
func shown(o Observed) *model.Operation {
	op := o.Report.Operation
	if op == nil || op.Phase != model.PhaseFailed {
		return op
	}
	limit := op.Request.Retry.Limit
	snapshots := snapshotsOf(o.Report)
	current := len(snapshots) > 0 && model.Revision(snapshots) == op.Revision && op.Spec == o.App.Spec
	if !current || (limit >= 0 && op.Retries >= limit) {
		return op
	}
	again := *op
	again.Phase, again.Retries = model.PhaseRunning, op.Retries+1
	return &again
}

// isSame reports whether a state records the operation. Operations are told
// apart by their times, to the second, by who asked, and by what they have
// synced.
func isSame(s v1alpha1.OperationState, op model.Operation) bool {
	heal := s.Operation.Sync != nil && s.Operation.Sync.AutoHealAttemptsCount > 0
	switch {
	case s.StartedAt.Unix() != op.Started.Unix():
		return false
	case s.Operation.InitiatedBy.Automated != (op.Request.By == "") || heal != op.Request.Heal:
		return false
	case s.FinishedAt == nil || s.SyncResult == nil:
		return true
	case op.Phase.Done() && s.Phase == string(op.Phase) && s.FinishedAt.Unix() != op.Finished.Unix():
		return false
	}
	return revisionIn(s.SyncResult.Revision, s.SyncResult.Revisions) == op.Revision
}

// operationOf is the request as the user wrote it, or as Argo CD writes an
// automated one.
func operationOf(o Observed) v1alpha1.Operation {
	if o.Operation != nil {
		return *o.Operation.DeepCopy()
	}
	op := o.Report.Operation
	sync := &v1alpha1.SyncOperation{Prune: op.Request.Prune, DryRun: op.Request.DryRun}
	sync.Revision, sync.Revisions = revisionFields(cmp.Or(op.Request.Revision, op.Revision), len(o.Spec.Sources) > 0)
	for _, k := range op.Request.Only {
		sync.Resources = append(sync.Resources, v1alpha1.SyncOperationResource{
			Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name,
		})
	}
	out := v1alpha1.Operation{Sync: sync, Retry: retryStrategy(op.Request.Retry)}
	if op.Request.By != "" {
		out.InitiatedBy.Username = op.Request.By
		return out
	}
	out.InitiatedBy.Automated = true
	if policy := o.Spec.SyncPolicy; policy != nil {
		sync.SyncOptions = slices.Clone(policy.SyncOptions)
		sync.Prune = policy.Automated != nil && policy.Automated.Prune
		out.Retry = v1alpha1.RetryStrategy{Limit: 5}
		if policy.Retry != nil {
			out.Retry = *policy.Retry.DeepCopy()
		}
	}
	if op.Request.Heal {
		sync.AutoHealAttemptsCount = int64(op.Retries) + 1
	}
	return out
}

func retryStrategy(r model.Retry) v1alpha1.RetryStrategy {
	out := v1alpha1.RetryStrategy{Limit: int64(r.Limit)}
	if r.Limit != 0 && r.Base > 0 {
		factor := int64(r.Factor)
		out.Backoff = &v1alpha1.Backoff{Duration: r.Base.String(), Factor: &factor, MaxDuration: r.Max.String()}
	}
	return out
}

// operationMessage is the text that Argo CD has for the phase, with the engine's
// reason.
func operationMessage(op model.Operation) string {
	switch op.Phase {
	case model.PhaseSucceeded:
		return "successfully synced (all tasks run)"
	case model.PhaseRunning:
		if op.Retries > 0 {
			return join(op.Message, fmt.Sprintf("Retrying attempt #%d", op.Retries))
		}
		return cmp.Or(op.Message, "waiting for completion of the sync")
	case model.PhaseFailed:
		text := cmp.Or(op.Message, "one or more objects failed to apply")
		if op.Retries > 0 {
			text += fmt.Sprintf(" (retried %d times)", op.Retries)
		}
		return text
	}
	return op.Message
}

func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ". ")
}

// results are what an operation did, ordered by object.
func results(all []model.Result) []v1alpha1.ResourceResult {
	var out []v1alpha1.ResourceResult
	for _, r := range all {
		res := v1alpha1.ResourceResult{
			Group: r.Object.Group, Version: r.Object.Version, Kind: r.Object.Kind,
			Namespace: r.Object.Namespace, Name: r.Object.Name,
			SyncPhase: "Sync", HookPhase: "Succeeded",
		}
		res.Status, res.Message = resultText(r)
		if res.Status == resultFailed {
			res.HookPhase = "Failed"
		}
		out = append(out, res)
	}
	slices.SortStableFunc(out, func(a, b v1alpha1.ResourceResult) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// resultText is Argo CD's status of a result, and a text as kubectl's.
func resultText(r model.Result) (status, message string) {
	name := strings.ToLower(r.Object.Kind)
	if r.Object.Group != "" {
		name += "." + r.Object.Group
	}
	name += "/" + r.Object.Name
	switch {
	case r.Err != nil:
		return resultFailed, r.Err.Error()
	case r.Action == model.ActionRefuse:
		return resultFailed, r.Message
	case r.Action == model.ActionDelete:
		return resultPruned, "pruned"
	case r.Action == model.ActionLeave:
		return resultPruneSkipped, cmp.Or(r.Message, "ignored (no prune)")
	case r.Action == model.ActionCreate:
		return resultSynced, name + " created"
	case r.Action == model.ActionUpdate:
		return resultSynced, name + " configured"
	}
	return resultSynced, name + " unchanged"
}
