package argo

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// operationState is the state of the report's operation. It is the previous one
// itself where that records the same operation as ended, or a later one.
func operationState(before v1alpha1.ApplicationStatus, o Observed, now metav1.Time) *v1alpha1.OperationState {
	op, prev := o.Report.Operation, before.OperationState
	if op == nil || op.Phase == "" {
		return prev
	}
	same := prev != nil && o.Operation == nil && isSame(*prev, *op)
	if !same && prev != nil && op.Phase.Done() && op.Started.Unix() < prev.StartedAt.Unix() {
		return prev
	}
	state := &v1alpha1.OperationState{
		StartedAt:  seconds(op.Started),
		SyncResult: &v1alpha1.SyncOperationResult{Resources: results(*op)},
	}
	recorded := prev
	if !same {
		recorded = nil
	}
	setAttempt(state, recorded, *op, isRepeated(o), now)
	if same && prev.FinishedAt != nil && op.Phase.Done() && prev.Phase == state.Phase && prev.RetryCount == state.RetryCount {
		return prev
	}
	setSynced(state.SyncResult, syncedSources(before, o, same), o)
	if same {
		state.Operation = prev.Operation
	} else {
		state.Operation = operationOf(o, *state.SyncResult)
	}
	return state
}

// seconds is a time as it will be read again: to the second.
func seconds(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }

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
	case s.FinishedAt == nil:
		return true
	}
	recorded := attemptOf(s)
	if recorded.phase == op.Phase && recorded.retries == op.Retries && s.FinishedAt.Unix() != op.Finished.Unix() {
		return false
	}
	synced := ""
	if r := s.SyncResult; r != nil {
		synced = revisionIn(r.Revision, r.Revisions)
	}
	return synced == op.Revision
}

// syncedSources are the sources that the operation syncs: those of its request,
// those that were recorded, or those of the deployment that it goes back to.
func syncedSources(before v1alpha1.ApplicationStatus, o Observed, same bool) v1alpha1.ApplicationSpec {
	if o.Operation != nil && o.Operation.Sync != nil {
		return withSources(o.Spec, *o.Operation.Sync)
	}
	if same && before.OperationState.SyncResult != nil {
		r := before.OperationState.SyncResult
		if recorded, ok := sourcesIn(&r.Source, r.Sources); ok {
			return recorded
		}
	}
	if op := o.Report.Operation; op.Request.Pin != nil || op.Request.Rollback {
		for _, h := range slices.Backward(before.History) {
			deployed, ok := sourcesIn(h.Source, h.Sources)
			if ok && revisionIn(h.Revision, h.Revisions) == op.Revision && digestOf(deployed, o.Spec.Destination) == op.Spec {
				return deployed
			}
		}
	}
	return o.Spec
}

// setSynced writes what is synced into a result.
func setSynced(r *v1alpha1.SyncOperationResult, spec v1alpha1.ApplicationSpec, o Observed) {
	if r.Sources = copySources(spec.Sources); len(r.Sources) == 0 && spec.Source != nil {
		r.Source = *spec.Source.DeepCopy()
	}
	r.Revision, r.Revisions = revisionFields(o.Report.Operation.Revision, len(r.Sources) > 0)
	if policy := o.Spec.SyncPolicy; policy != nil && o.App.Sync.CreateNamespace {
		r.ManagedNamespaceMetadata = policy.ManagedNamespaceMetadata.DeepCopy()
	}
}

// operationOf is the request as the user wrote it, or as Argo CD writes an
// automated one. One that goes back to what was deployed before has the sources of
// that, and says why.
func operationOf(o Observed, result v1alpha1.SyncOperationResult) v1alpha1.Operation {
	if o.Operation != nil {
		return *o.Operation.DeepCopy()
	}
	op := o.Report.Operation
	sync := &v1alpha1.SyncOperation{Prune: op.Request.Prune, DryRun: op.Request.DryRun}
	sync.Revision, sync.Revisions = revisionFields(cmp.Or(op.Request.Revision, op.Revision), len(result.Sources) > 0)
	for _, k := range op.Request.Only {
		sync.Resources = append(sync.Resources, v1alpha1.SyncOperationResource{
			Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name,
		})
	}
	if op.Request.NoHooks {
		sync.SyncStrategy = &v1alpha1.SyncStrategy{Apply: &v1alpha1.SyncStrategyApply{}}
	}
	out := v1alpha1.Operation{Sync: sync, Retry: retryStrategy(op.Request.Retry)}
	if op.Request.By != "" {
		out.InitiatedBy.Username = op.Request.By
		return out
	}
	out.InitiatedBy.Automated = true
	if policy := o.Spec.SyncPolicy; policy != nil {
		sync.SyncOptions = slices.Clone(policy.SyncOptions)
	}
	if op.Request.Rollback {
		sync.Source, sync.Sources = result.Source.DeepCopy(), copySources(result.Sources)
		out.Info = []v1alpha1.Info{{Name: infoGaveUp, Value: op.Request.GaveUp}, {Name: infoWhy, Value: op.Request.Why}}
		if content := op.Request.GaveUpContent; content != "" {
			out.Info = append(out.Info, v1alpha1.Info{Name: infoContent, Value: content})
		}
		return out
	}
	if policy := o.Spec.SyncPolicy; policy != nil {
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

// What an automated rollback says of itself, by the names of its infos.
const (
	infoGaveUp  = "Rolled back from"
	infoWhy     = "Reason"
	infoContent = "Digest of its objects"
)

func retryStrategy(r model.Retry) v1alpha1.RetryStrategy {
	out := v1alpha1.RetryStrategy{Limit: int64(r.Limit)}
	if r.Limit != 0 && r.Base > 0 {
		factor := int64(r.Factor)
		out.Backoff = &v1alpha1.Backoff{Duration: r.Base.String(), Factor: &factor, MaxDuration: r.Max.String()}
	}
	return out
}
