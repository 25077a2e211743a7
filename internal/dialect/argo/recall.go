package argo

import (
	"strings"
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
}

func statusOf(u *unstructured.Unstructured) v1alpha1.ApplicationStatus {
	var status v1alpha1.ApplicationStatus
	if raw, ok := u.Object["status"].(map[string]any); ok && decode(raw, &status) != nil {
		return v1alpha1.ApplicationStatus{}
	}
	return status
}

// lastOperation is the operation that a status records.
func lastOperation(uid string, spec v1alpha1.ApplicationSpec, status v1alpha1.ApplicationStatus) *model.Operation {
	s := status.OperationState
	if s == nil || s.Operation.Sync == nil {
		return nil
	}
	op := &model.Operation{
		Phase: model.Phase(s.Phase), Message: s.Message, Retries: int(s.RetryCount), Started: s.StartedAt.Time,
		Request: requestOf(s.Operation, spec, "status/"+uid+"/"+s.StartedAt.UTC().Format(time.RFC3339)),
	}
	if s.Phase == "Terminating" {
		op.Phase = model.PhaseFailed
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
	return op
}

// requestOf reads a request for a sync of an app with that spec; its Sync must be
// set.
func requestOf(op v1alpha1.Operation, spec v1alpha1.ApplicationSpec, id string) model.Request {
	req := model.Request{
		ID: id, Revision: wanted(op.Sync, spec), Prune: op.Sync.Prune, DryRun: op.Sync.DryRun,
		Heal: op.InitiatedBy.Automated && op.Sync.AutoHealAttemptsCount > 0,
	}
	if op.InitiatedBy.Automated {
		req.Revision = "" // the newest wins over the one it began with
	} else {
		req.By = initiator(op.InitiatedBy)
	}
	// A back-off that can't be read is the default one; the API server has
	// accepted it, and the sync is wanted.
	req.Retry, _ = retryOf(op.Retry)
	for _, r := range op.Sync.Resources {
		req.Only = append(req.Only, model.ObjectKey{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
	}
	return req
}

// initiator is who asked for a sync that is not automated.
func initiator(by v1alpha1.OperationInitiator) string {
	if by.Username == "" {
		return "Unknown user"
	}
	return by.Username
}

// The statuses of a result.
const (
	resultSynced       = "Synced"
	resultFailed       = "SyncFailed"
	resultPruned       = "Pruned"
	resultPruneSkipped = "PruneSkipped"
)

func resultOf(r v1alpha1.ResourceResult) model.Result {
	out := model.Result{Message: r.Message, Object: model.ObjectRef{
		ObjectKey: model.ObjectKey{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name},
		Version:   r.Version,
	}}
	switch r.Status {
	case resultFailed:
		out.Action = model.ActionRefuse
	case resultPruned:
		out.Action = model.ActionDelete
	case resultPruneSkipped:
		out.Action = model.ActionLeave
	default:
		out.Action = model.ActionKeep
		if strings.HasSuffix(r.Message, " created") {
			out.Action = model.ActionCreate
		}
	}
	return out
}
