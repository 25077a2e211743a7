package argo

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Argo CD shows an operation that has failed and will be repeated as running, with
// the number of the attempt to come, while finishedAt says when the failed one
// ended. So an attempt is told from the next by finishedAt:
//
//	attempt n is under way       Running or Terminating, no finishedAt, retryCount n
//	n has failed, n+1 will come  Running or Terminating, finishedAt, retryCount n+1
//	n was the last               Failed, Error or Succeeded, finishedAt, retryCount n
//
// Read again, the second is attempt n, failed at finishedAt: the pause goes on from
// there, and what comes after it is n+1. Attempt n+1 is read as begun only where
// finishedAt is gone, which is written before its first hook is made. Results
// always are those of the attempt that is read. The third, where it could have been
// repeated, was ended by somebody: it is read as terminated, and not repeated.

// phaseTerminating is an operation's phase after somebody has asked for its end.
const phaseTerminating = "Terminating"

// attempt is which attempt of an operation a state records, and how far it is.
type attempt struct {
	phase       model.Phase
	retries     int
	terminating bool
}

func attemptOf(s v1alpha1.OperationState) attempt {
	a := attempt{phase: model.Phase(s.Phase), retries: int(s.RetryCount), terminating: s.Phase == phaseTerminating}
	switch underWay := a.terminating || a.phase == model.PhaseRunning; {
	case underWay && s.FinishedAt == nil:
		a.phase = model.PhaseRunning
	case underWay:
		a.phase, a.retries = model.PhaseFailed, max(a.retries-1, 0)
	case a.phase == model.PhaseFailed:
		limit := s.Operation.Retry.Limit
		a.terminating = limit < 0 || s.RetryCount < limit
	}
	return a
}

// markOf is the Mark of the operation that a state records.
func markOf(s v1alpha1.OperationState) string {
	return model.Operation{Started: s.StartedAt.Time, Retries: attemptOf(s).retries}.Mark()
}

// isOver reports whether a state is that of an operation that has ended for good.
func isOver(s *v1alpha1.OperationState) bool {
	return s != nil && s.FinishedAt != nil && model.Phase(s.Phase).Done() && s.Phase != phaseTerminating
}

// isRepeated reports whether the report's operation has failed and will be
// repeated.
func isRepeated(o Observed) bool {
	op := o.Report.Operation
	if op == nil || op.Phase != model.PhaseFailed || op.Terminating || op.Superseded != "" || o.App.Deleting {
		return false
	}
	// As long as the content can't be told it is taken for unchanged.
	snapshots := snapshotsOf(o.Report)
	current := op.Spec == o.App.Spec && (len(snapshots) == 0 || model.Revision(snapshots) == op.Revision)
	limit := op.Request.Retry.Limit
	return current && (limit < 0 || op.Retries < limit)
}

// setAttempt writes into a state which attempt the operation is at. prev is the
// state before, if it is of the same operation: what a user has asked for there
// holds until the engine has obeyed.
func setAttempt(s *v1alpha1.OperationState, prev *v1alpha1.OperationState, op model.Operation, repeated bool, now metav1.Time) {
	s.Phase, s.RetryCount = string(op.Phase), int64(op.Retries)
	if repeated {
		s.Phase, s.RetryCount = string(model.PhaseRunning), int64(op.Retries)+1
	}
	asked := prev != nil && prev.Phase == phaseTerminating && prev.RetryCount == s.RetryCount
	if s.Phase == string(model.PhaseRunning) && (op.Terminating || asked) {
		s.Phase = phaseTerminating
	}
	s.Message = operationMessage(op)
	switch {
	case repeated:
		s.Message += fmt.Sprintf(textRepeated, s.RetryCount)
	case op.Phase == model.PhaseFailed && op.Retries > 0:
		s.Message += fmt.Sprintf(textRetried, op.Retries)
	}
	if !op.Phase.Done() {
		return
	}
	s.FinishedAt = &now
	if !op.Finished.IsZero() {
		finished := seconds(op.Finished)
		s.FinishedAt = &finished
	}
}

// What is added to the engine's own message.
const (
	textRepeated = ". Retrying attempt #%d"
	textRetried  = " (retried %d times)"
)

// ownMessage is the engine's part of a state's message.
func ownMessage(s v1alpha1.OperationState) string {
	text := strings.TrimSuffix(s.Message, fmt.Sprintf(textRepeated, s.RetryCount))
	return strings.TrimSuffix(text, fmt.Sprintf(textRetried, attemptOf(s).retries))
}

// operationMessage is the engine's text, or the one that Argo CD has for the phase.
func operationMessage(op model.Operation) string {
	switch {
	case op.Message != "":
		return op.Message
	case op.Phase == model.PhaseSucceeded:
		return "successfully synced (all tasks run)"
	case op.Phase == model.PhaseFailed:
		return "one or more objects failed to apply"
	case op.Phase == model.PhaseRunning && op.Retries > 0:
		return fmt.Sprintf("Retrying operation. Attempt #%d", op.Retries)
	case op.Phase == model.PhaseRunning:
		return "waiting for completion of the sync"
	}
	return ""
}
