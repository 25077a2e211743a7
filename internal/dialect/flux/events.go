package flux

import (
	"fmt"
	"strings"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Event is a Kubernetes Event about an object of the dialect.
type Event struct {
	// Type is Normal or Warning.
	Type, Reason, Message string
}

const newArtifactReason = "NewArtifact"

// KustomizationEvents are the events for a change of status; changes are the
// objects that were changed since the last time, see Changes.
func KustomizationEvents(prev, next kustomizev1.KustomizationStatus, app model.App, r model.Report, changes []string) []Event {
	applied := prev.LastAppliedRevision != next.LastAppliedRevision
	return appEvents(prev.Conditions, next.Conditions, applied, finished(r.Operation)+", next run in "+app.Sync.Interval.String(), changes)
}

// HelmReleaseEvents are the same for a HelmRelease.
func HelmReleaseEvents(prev, next helmv2.HelmReleaseStatus, _ model.App, _ model.Report, changes []string) []Event {
	released := condition(next.Conditions, helmv2.ReleasedCondition)
	again := condition(prev.Conditions, helmv2.ReleasedCondition).Message != released.Message
	return appEvents(prev.Conditions, next.Conditions, again, released.Message, changes)
}

// appEvents are the events for a change of conditions; applied tells that
// something new has become ready.
func appEvents(prev, next []metav1.Condition, applied bool, done string, changes []string) []Event {
	var out []Event
	if len(changes) > 0 {
		out = append(out, Event{corev1.EventTypeNormal, meta.ProgressingReason, strings.Join(changes, "\n")})
	}
	was, is := condition(prev, meta.ReadyCondition), condition(next, meta.ReadyCondition)
	switch {
	case isNewFailure(was, is):
		kind := corev1.EventTypeWarning
		if is.Reason == meta.DependencyNotReadyReason {
			kind = corev1.EventTypeNormal
		}
		out = append(out, Event{kind, is.Reason, is.Message})
	case is.Status == metav1.ConditionTrue && (was.Status != is.Status || applied):
		out = append(out, Event{corev1.EventTypeNormal, is.Reason, done})
	}
	return append(out, warningEvents(prev, next)...)
}

func isNewFailure(was, is metav1.Condition) bool {
	return is.Status == metav1.ConditionFalse && (was.Status != is.Status || was.Reason != is.Reason || was.Message != is.Message)
}

func finished(op *model.Operation) string {
	if op == nil || !op.Phase.Done() || op.Finished.Before(op.Started) {
		return "Reconciliation finished"
	}
	return "Reconciliation finished in " + op.Finished.Sub(op.Started).Round(time.Millisecond).String()
}

// warningEvents tell of warnings that were not there before.
func warningEvents(prev, next []metav1.Condition) []Event {
	var out []Event
	for _, kind := range []string{UnsupportedFieldsCondition, WarningsCondition} {
		was, is := condition(prev, kind), condition(next, kind)
		if is.Status == metav1.ConditionTrue && was.Message != is.Message {
			out = append(out, Event{corev1.EventTypeWarning, kind, is.Message})
		}
	}
	return out
}

// Changes are the objects that a finished operation changed, as "Kind/ns/name
// created", "… configured" or "… deleted".
func Changes(op *model.Operation) []string {
	if op == nil || !op.Phase.Done() || op.Request.DryRun {
		return nil
	}
	words := map[model.Action]string{
		model.ActionCreate: "created", model.ActionUpdate: "configured", model.ActionDelete: "deleted",
	}
	var out []string
	for _, res := range op.Results {
		word, ok := words[res.Action]
		if !ok || res.Err != nil {
			continue
		}
		name := res.Object.Kind
		if res.Object.Namespace != "" {
			name += "/" + res.Object.Namespace
		}
		out = append(out, name+"/"+res.Object.Name+" "+word)
	}
	return out
}

// SourceEvents are the events for a change of status of a source object.
func SourceEvents(prev, next SourceStatus, d Declaration, s *model.Snapshot) []Event {
	var out []Event
	was, is := condition(prev.Conditions, meta.ReadyCondition), condition(next.Conditions, meta.ReadyCondition)
	switch {
	case isNewFailure(was, is):
		out = append(out, Event{corev1.EventTypeWarning, is.Reason, is.Message})
	case s != nil && next.Artifact != nil && !prev.Artifact.HasRevision(next.Artifact.Revision):
		out = append(out, Event{corev1.EventTypeNormal, newArtifactReason, storedText(d, s)})
	case s != nil && was.Status == metav1.ConditionFalse && is.Status == metav1.ConditionTrue:
		out = append(out, Event{corev1.EventTypeNormal, is.Reason, storedText(d, s)})
	}
	return append(out, warningEvents(prev.Conditions, next.Conditions)...)
}

// storedText names new content: a commit by the beginning of its subject.
func storedText(d Declaration, s *model.Snapshot) string {
	if s.Commit.ID == "" {
		_, message := storedMessage(d, Revision(s))
		return message
	}
	subject := s.Commit.Subject
	if subject == "" {
		subject = s.Commit.ID
	}
	return fmt.Sprintf("stored artifact for commit '%s'", clip(subject, 50))
}
