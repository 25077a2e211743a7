package cli

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/client"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// itemOfDetail is an app as the server tells of it, in the form of the object that
// declares it: of an Application with a status that says the same, so that all that is
// printed of Applications is printed of it.
func itemOfDetail(d client.AppDetail, history []client.Deployment) (item, error) {
	out := named(d.AppName)
	maps.Copy(out.Object, d.Declaration)
	if out.kind.name != application.name {
		return out, nil
	}
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(new(statusOf(d, history)))
	if err != nil {
		return item{}, err
	}
	out.Object["status"] = status
	if d.Asked && (d.Operation == nil || isDone(d.Operation.Phase)) && !hasRefresh(out.Unstructured) {
		out.Object["operation"] = map[string]any{}
	}
	return out, nil
}

// hasRefresh reports whether a look was asked for.
func hasRefresh(u *unstructured.Unstructured) bool {
	_, asked := u.GetAnnotations()[refreshAnnotation]
	return asked
}

func statusOf(d client.AppDetail, history []client.Deployment) v1alpha1.ApplicationStatus {
	out := v1alpha1.ApplicationStatus{
		Sync: v1alpha1.SyncStatus{Status: d.Sync}, Health: v1alpha1.HealthStatus{Status: d.Health},
		OperationState: stateOf(d.Operation),
	}
	out.Sync.Revision, out.Sync.Revisions = revisionFields(d.Revision)
	if d.Health != string(model.Healthy) {
		out.Health.Message = d.Message
	}
	for _, c := range d.Conditions {
		out.Conditions = append(out.Conditions, v1alpha1.ApplicationCondition{
			Type: c.Type, Message: strings.TrimSpace(c.Text + "\n" + c.Next), LastTransitionTime: timeField(c.Since),
		})
	}
	for _, r := range d.Resources {
		one := v1alpha1.ResourceStatus{
			Group: r.Object.Group, Version: r.Object.Version, Kind: r.Object.Kind, Namespace: r.Object.Namespace, Name: r.Object.Name,
			Status: r.Sync, Hook: r.Hook, RequiresPruning: r.Prune, SyncWave: int64(r.Wave), RequiresDeletionConfirmation: r.Confirm,
		}
		if r.Health != "" || r.Message != "" {
			one.Health = &v1alpha1.HealthStatus{Status: r.Health, Message: r.Message}
		}
		out.Resources = append(out.Resources, one)
	}
	for _, h := range slices.Backward(history) { // oldest first
		out.History = append(out.History, entryOf(h))
	}
	return out
}

// stateOf is an operation as an Application's status has it; nil is none.
func stateOf(o *client.Operation) *v1alpha1.OperationState {
	if o == nil {
		return nil
	}
	out := &v1alpha1.OperationState{
		Phase: o.Phase, Message: o.Message, StartedAt: metav1.NewTime(o.Started), FinishedAt: timeField(o.Finished), RetryCount: int64(o.Retries),
		Operation:  v1alpha1.Operation{InitiatedBy: v1alpha1.OperationInitiator{Username: o.By, Automated: o.By == ""}},
		SyncResult: &v1alpha1.SyncOperationResult{},
	}
	if o.Terminating && !isDone(o.Phase) {
		out.Phase = "Terminating"
	}
	out.SyncResult.Revision, out.SyncResult.Revisions = revisionFields(o.Revision)
	for _, r := range o.Results {
		out.SyncResult.Resources = append(out.SyncResult.Resources, resultOf(r))
	}
	return out
}

// resultWords are what became of objects, in the words of an Application's status.
var resultWords = map[string]string{
	"created": "Synced", "updated": "Synced", "unchanged": "Synced", "pruned": "Pruned", "skipped": "PruneSkipped", "failed": "SyncFailed",
}

func resultOf(r client.Result) v1alpha1.ResourceResult {
	out := v1alpha1.ResourceResult{
		Group: r.Object.Group, Version: r.Object.Version, Kind: r.Object.Kind, Namespace: r.Object.Namespace, Name: r.Object.Name,
		Status: cmp.Or(resultWords[r.Status], r.Status), Message: cmp.Or(r.Message, r.Status), SyncPhase: r.Phase,
	}
	if r.Hook {
		out.HookType, out.HookPhase = r.Phase, strings.ToUpper(r.Status[:min(1, len(r.Status))])+r.Status[min(1, len(r.Status)):]
	}
	switch {
	case r.Failed:
		out.Status = "SyncFailed"
	case !r.Hook && (out.Status == "Synced" || out.Status == "Pruned"):
		out.Message = r.Status // the message says why it was done
	}
	return out
}

func entryOf(h client.Deployment) v1alpha1.RevisionHistory {
	out := v1alpha1.RevisionHistory{
		ID: h.ID, DeployedAt: metav1.NewTime(h.At), DeployStartedAt: timeField(h.Started),
		InitiatedBy: v1alpha1.OperationInitiator{Username: h.By, Automated: h.By == ""},
	}
	out.Revision, out.Revisions = revisionFields(h.Revision)
	for _, s := range h.Sources {
		out.Sources = append(out.Sources, v1alpha1.ApplicationSource{RepoURL: s.URL, Path: s.Path, Chart: s.Chart, TargetRevision: s.Target})
	}
	if len(out.Sources) == 1 {
		out.Source, out.Sources = &out.Sources[0], nil
	}
	return out
}

// revisionFields are one revision, or several, which the API joins with commas.
func revisionFields(text string) (one string, several []string) {
	if strings.Contains(text, ",") {
		return "", strings.Split(text, ",")
	}
	return text, nil
}

// timeField is nil of no time.
func timeField(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return new(metav1.NewTime(t))
}
