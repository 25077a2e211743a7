package argo

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// recall fills what an earlier run, or Argo CD itself, has left in status. A
// status that can't be read is as none.
func recall(app *model.App, spec v1alpha1.ApplicationSpec, u *unstructured.Unstructured) {
	status := statusOf(u)
	for _, r := range status.Resources {
		if r.Kind == "" || r.Name == "" || r.Hook {
			continue
		}
		app.Known = append(app.Known, model.ObjectRef{
			ObjectKey: model.ObjectKey{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name},
			Version:   r.Version,
		})
	}
	if n := len(status.History); n > 0 {
		app.Applied = revisionIn(status.History[n-1].Revision, status.History[n-1].Revisions)
	}
	app.Last = lastOperation(string(u.GetUID()), spec, status)
	if app.Applied == "" && isDeployment(app.Last) {
		app.Applied = app.Last.Revision // no history is kept
	}
}

func statusOf(u *unstructured.Unstructured) v1alpha1.ApplicationStatus {
	var status v1alpha1.ApplicationStatus
	if raw, ok := u.Object["status"].(map[string]any); ok && decode(raw, &status) != nil {
		return v1alpha1.ApplicationStatus{}
	}
	return status
}

// lastOperation is the operation that a status records; see attempt for which of
// its attempts that is.
func lastOperation(uid string, spec v1alpha1.ApplicationSpec, status v1alpha1.ApplicationStatus) *model.Operation {
	s := status.OperationState
	if s == nil || s.Operation.Sync == nil {
		return nil
	}
	at := attemptOf(*s)
	op := &model.Operation{
		Phase: at.phase, Message: ownMessage(*s), Retries: at.retries, Terminating: at.terminating, Started: s.StartedAt.Time,
		Request: requestOf(s.Operation, spec, "status/"+uid+"/"+s.StartedAt.UTC().Format(time.RFC3339)),
	}
	if s.FinishedAt != nil {
		op.Finished = s.FinishedAt.Time
	}
	if r := s.SyncResult; r != nil {
		op.Revision = revisionIn(r.Revision, r.Revisions)
		op.Spec = specDigest(&r.Source, r.Sources, status.Sync.ComparedTo.Destination)
		for _, res := range r.Resources {
			op.Results = append(op.Results, resultOf(res))
		}
	}
	recallRollback(op, s.Operation, status.History)
	return op
}

// recallRollback tells a return to what was deployed before from other syncs: one
// that nobody has asked for has sources of its own, and says why.
func recallRollback(op *model.Operation, asked v1alpha1.Operation, history []v1alpha1.RevisionHistory) {
	if !asked.InitiatedBy.Automated {
		op.Request.Rollback = deployedAs(*asked.Sync, history) != nil
		return
	}
	if _, own := sourcesIn(asked.Sync.Source, asked.Sync.Sources); !own {
		return
	}
	op.Request.Rollback, op.Request.Revision = true, op.Revision
	op.Request.Pin = &model.Pin{Revision: op.Revision, Spec: op.Spec}
	for _, info := range asked.Info {
		switch info.Name {
		case infoGaveUp:
			op.Request.GaveUp = info.Value
		case infoContent:
			op.Request.GaveUpContent = info.Value
		case infoWhy:
			op.Request.Why = info.Value
		}
	}
}
