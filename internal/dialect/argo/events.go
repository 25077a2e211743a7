package argo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Event is a Kubernetes Event on an Application.
type Event struct{ Type, Reason, Message string }

// The reasons of events, as Argo CD's. An event of a condition has the
// condition's type as its reason.
const (
	reasonStarted   = "OperationStarted"
	reasonCompleted = "OperationCompleted"
	reasonUpdated   = "ResourceUpdated"
)

// Events are what has happened from one status to the next.
func Events(prev, next v1alpha1.ApplicationStatus) []Event {
	out := operationEvents(prev.OperationState, next.OperationState)
	if a, b := prev.Sync.Status, next.Sync.Status; a != b {
		out = append(out, Event{corev1.EventTypeNormal, reasonUpdated, fmt.Sprintf("Updated sync status: %s -> %s", a, b)})
	}
	if a, b := prev.Health.Status, next.Health.Status; a != b {
		out = append(out, Event{corev1.EventTypeNormal, reasonUpdated, fmt.Sprintf("Updated health status: %s -> %s", a, b)})
	}
	for _, c := range next.Conditions {
		known := slices.ContainsFunc(prev.Conditions, func(p v1alpha1.ApplicationCondition) bool {
			return p.Type == c.Type && p.Message == c.Message
		})
		if !known {
			out = append(out, Event{corev1.EventTypeWarning, c.Type, c.Message})
		}
	}
	return out
}

func operationEvents(prev, next *v1alpha1.OperationState) []Event {
	if next == nil {
		return nil
	}
	var out []Event
	revision := revisionOf(*next)
	isNew := prev == nil || !prev.StartedAt.Equal(&next.StartedAt) ||
		(isOver(prev) && !prev.FinishedAt.Equal(next.FinishedAt)) ||
		string(mustJSON(prev.Operation)) != string(mustJSON(next.Operation))
	if isNew {
		text := fmt.Sprintf("Initiated automated sync to '%s'", revision)
		if sync := next.Operation.Sync; sync != nil && len(sourceList(withSources(v1alpha1.ApplicationSpec{}, *sync))) > 0 {
			text = fmt.Sprintf("Initiated automated rollback to '%s'", revision)
		}
		if by := next.Operation.InitiatedBy; !by.Automated {
			text = fmt.Sprintf("%s initiated sync to %s", initiator(by), revision)
		}
		out = append(out, Event{corev1.EventTypeNormal, reasonStarted, text})
	}
	if !isOver(next) || (!isNew && isOver(prev)) {
		return out
	}
	e := Event{corev1.EventTypeNormal, reasonCompleted, fmt.Sprintf("Sync operation to %s succeeded", revision)}
	if next.Phase != string(model.PhaseSucceeded) {
		e.Type = corev1.EventTypeWarning
		e.Message = fmt.Sprintf("Sync operation to %s failed: %s", revision, next.Message)
	}
	return append(out, e)
}

// revisionOf is the revision of a sync, as far as it is known.
func revisionOf(s v1alpha1.OperationState) string {
	revision, target := "", ""
	if r := s.SyncResult; r != nil {
		revision, target = revisionIn(r.Revision, r.Revisions), r.Source.TargetRevision
	}
	if op := s.Operation.Sync; revision == "" && op != nil {
		revision = revisionIn(op.Revision, op.Revisions)
	}
	return strings.ReplaceAll(cmp.Or(revision, target, "HEAD"), ",", ", ")
}
