package backend

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// App is one app with all but its tree.
func (b *Backend) App(ctx context.Context, key model.AppKey) (view.Detail, error) {
	obj, err := b.declared(ctx, key)
	if err != nil {
		return view.Detail{}, err
	}
	report, reported := b.Engine.Report(key)
	d := view.Detail{App: b.row(ctx, obj, report, reported)}
	if line, ok := b.board.Get(key); ok {
		d.Changed, d.Version = line.Changed, line.Version
	}
	d.Conditions = b.conditions(d.App, report, obj)
	d.Asked = isAsked(obj)
	d.Operation = operationOf(report.Operation)
	if d.Operation == nil && !reported && key.Dialect == argo.Dialect {
		d.Operation = recordedOperation(obj)
	}
	d.Resources = resourcesOf(report)
	d.Images = imagesOf(report, obj)
	d.Blocking = report.Blocking
	d.Deletion, d.Origin = deletionOf(obj), b.origin(obj)
	d.Declaration, d.Raw = declarationOf(obj)
	d.SyncOptions = texts(obj.Object, "spec", "syncPolicy", "syncOptions")
	if err := b.history(ctx, &d, obj); err != nil {
		return view.Detail{}, err
	}
	return d, nil
}

// isAsked reports whether what an app was asked for by a field or an annotation has not
// been taken up, or for Flux's kinds not been answered.
func isAsked(obj *unstructured.Unstructured) bool {
	_, operation := obj.Object["operation"]
	_, refresh := obj.GetAnnotations()[refreshAnnotation]
	token := obj.GetAnnotations()[reconcileAnnotation]
	return operation || refresh || token != "" && token != text(obj.Object, "status", "lastHandledReconcileAt")
}

// declarationOf is the object without managed fields, and that without status.
func declarationOf(obj *unstructured.Unstructured) (declared, raw map[string]any) {
	whole := obj.DeepCopy()
	unstructured.RemoveNestedField(whole.Object, "metadata", "managedFields")
	unstructured.RemoveNestedField(whole.Object, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
	raw = whole.Object
	model.HideUsers(raw)
	declared = whole.DeepCopy().Object
	delete(declared, "status")
	delete(declared, "operation")
	return declared, raw
}

// operationOf is an operation for people; nil is none.
func operationOf(op *model.Operation) *view.Operation {
	if op == nil {
		return nil
	}
	out := &view.Operation{
		Phase: op.Phase, Message: op.Message, By: op.Request.By, Revision: op.Revision, Started: op.Started, Finished: op.Finished,
		DryRun: op.Request.DryRun, Prune: op.Request.Prune, Retries: op.Retries, Heal: op.Request.Heal, Rollback: op.Request.Rollback,
		Terminating: op.Terminating,
	}
	for _, r := range op.Results {
		out.Results = append(out.Results, resultOf(r))
	}
	return out
}

var doneWords = map[model.Action]string{
	model.ActionCreate: "created", model.ActionUpdate: "updated", model.ActionKeep: "unchanged",
	model.ActionDelete: "pruned", model.ActionLeave: "left", model.ActionRefuse: "refused", model.ActionWait: "waiting",
}

func resultOf(r model.Result) view.Result {
	out := view.Result{
		Ref: r.Object, Status: cmp.Or(doneWords[r.Action], string(r.Action)), Message: r.Message,
		Phase: cmp.Or(string(r.Phase), string(model.PhaseSync)), Hook: r.Hook, Failed: r.Err != nil,
	}
	if r.Action == model.ActionCreate {
		out.Message = "" // that it did not exist
	}
	if r.Hook {
		out.Status = cmp.Or(strings.ToLower(string(r.State)), out.Status)
		out.Failed = out.Failed || r.State == model.HookStateFailed
	}
	if r.Err != nil {
		out.Status, out.Message = "failed", r.Err.Error()
	}
	return out
}

// recordedOperation is what an Application's status says of the last operation: for
// the moments after a start.
func recordedOperation(obj *unstructured.Unstructured) *view.Operation {
	state, ok, _ := unstructured.NestedMap(obj.Object, "status", "operationState")
	if !ok {
		return nil
	}
	out := &view.Operation{
		Phase: phaseOf(text(state, "phase")), Message: text(state, "message"), By: text(state, "operation", "initiatedBy", "username"),
		Revision: revisionsIn(state, "syncResult"), Terminating: text(state, "phase") == "Terminating",
		DryRun: boolean(state, "operation", "sync", "dryRun"), Prune: boolean(state, "operation", "sync", "prune"),
	}
	out.Started, _ = time.Parse(time.RFC3339, text(state, "startedAt"))
	out.Finished, _ = time.Parse(time.RFC3339, text(state, "finishedAt"))
	return out
}

func resourcesOf(r model.Report) []view.Resource {
	out := make([]view.Resource, 0, len(r.Resources))
	for _, s := range r.Resources {
		out = append(out, view.Resource{
			Ref: s.Object, Sync: s.Sync, Health: s.Health.Status, Message: oneLine(cmp.Or(s.Message, s.Health.Message)),
			Wave: s.Wave, Hook: s.Hook, Prune: s.Prune, Confirm: s.Confirm, Live: s.Live, Stays: s.Stays,
		})
	}
	return out
}

// imagesOf are those of the last deployment.
func imagesOf(r model.Report, obj *unstructured.Unstructured) []string {
	out := texts(obj.Object, "status", "summary", "images")
	if r.Operation != nil && len(out) == 0 {
		for _, one := range r.Operation.Results {
			out = append(out, one.Images...)
		}
	}
	out = slices.Clone(out)
	slices.Sort(out)
	return slices.Compact(out)
}
