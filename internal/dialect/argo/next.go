package argo

import (
	"context"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// change is what an Application becomes.
type change struct {
	object *unstructured.Unstructured
	status v1alpha1.ApplicationStatus
	events []Event
	// exclusive: something that users write is taken away, which must not have
	// changed in the meantime.
	exclusive bool
	// taken: the pending operation has gone into status.
	taken bool
	// ended is how many ends of operations have gone into status, ends are those.
	ended int
	ends  []model.Operation
	// report is the newest of those that have gone into status.
	report model.Report
}

// specOf is what the user declares; zero if it can't be read.
func specOf(u *unstructured.Unstructured) v1alpha1.ApplicationSpec {
	var spec v1alpha1.ApplicationSpec
	if raw, ok := u.Object["spec"].(map[string]any); ok && decode(raw, &spec) != nil {
		return v1alpha1.ApplicationSpec{}
	}
	return spec
}

// next carries out the requests that stand in an Application and says what it
// becomes by the reports.
func (r *Reconciler) next(e *entry, u *unstructured.Unstructured, app model.App, env Env, reports []model.Report) change {
	c := change{object: u.DeepCopy(), status: statusOf(u), ended: max(len(reports)-1, 0)}
	o := Observed{
		App: app, Spec: specOf(u), ControllerNamespace: r.cfg.Namespace, PersistHealth: env.Settings.persistHealth,
	}
	if app.Invalid != nil && len(reports) == 0 {
		reports = []model.Report{{App: app.Key}}
	}
	for _, o.Report = range reports {
		o.Fresh = o.Report.Generation >= e.app.Generation
		r.record(e, &c, o)
	}
	for _, ended := range reports[:c.ended] {
		c.ends = append(c.ends, *ended.Operation)
	}
	if !app.Deleting && !app.Suspended && !c.taken {
		r.operate(e, &c, o, env)
	}
	r.refresh(e, &c, o)
	c.holdHooks(app, o)
	c.release(app, o.Report.Deleted)
	c.report = o.Report
	c.report.App = app.Key
	if len(reports) > 0 || len(c.events) > 0 {
		setStatus(c.object, c.status)
	}
	return c
}

// record puts an observation into status.
func (r *Reconciler) record(e *entry, c *change, o Observed) {
	if o.App.Invalid != nil && (!o.Fresh || o.Report.Sync == "") {
		o.Report = model.Report{
			App: o.App.Key, Sync: model.SyncUnknown, Health: model.Health{Status: model.Unknown},
			Stage: model.StageSpec, Err: o.App.Invalid, Operation: o.Report.Operation,
		}
	}
	op, prev := o.Report.Operation, c.status.OperationState
	switch {
	case op == nil || op.Request.By == "":
	case !c.taken && e.pending != nil && op.Request.ID == e.pending.request.ID:
		o.Operation = &e.pending.operation
		e.taken = taken{op.Request.ID, e.pending.operation}
		c.takeOperation()
	case op.Request.ID == e.taken.id && (prev == nil || !isSame(*prev, *op)):
		o.Operation = &e.taken.operation
	}
	c.become(Status(c.status, o, r.now()))
}

func (c *change) become(status v1alpha1.ApplicationStatus) {
	c.events = append(c.events, Events(c.status, status)...)
	c.status = status
}

// operate hands a pending operation to the engine, when none is running; the
// engine's report takes it away. One that can't be carried out ends at once.
func (r *Reconciler) operate(e *entry, c *change, o Observed, env Env) {
	a := asking{app: o.App, spec: o.Spec, history: c.status.History, env: env}
	if o.Fresh && !isPinned(o.Report) {
		a.atHand = snapshotsOf(o.Report)
	}
	p, err := pendingOf(c.object, a)
	if p == nil {
		r.withdraw(e, o.App.Key)
		return
	}
	if e.pending != nil && e.pending.digest == p.digest {
		return // the engine has it
	}
	if running := o.Report.Operation; running != nil && running.Phase == model.PhaseRunning {
		return // it waits for that one's end
	}
	if err == nil {
		e.pending = p
		r.subscribe(e, p.pin)
		if p.pin == nil { // the newest is wanted, which may be just a moment old
			r.lookAnew(e, "operation/"+p.request.ID)
			p.request.Look = e.look
		}
		r.cfg.Engine.Operate(o.App.Key, p.request)
		return
	}
	c.takeOperation()
	now := r.now()
	if prev := c.status.OperationState; prev != nil && !prev.StartedAt.Before(&now) {
		now = metav1.NewTime(prev.StartedAt.Add(time.Second)) // it is another operation
	}
	refused := *c.status.DeepCopy()
	refused.OperationState = &v1alpha1.OperationState{
		Operation: p.operation, Phase: string(model.PhaseError), Message: err.Error(), StartedAt: now, FinishedAt: &now,
	}
	c.become(refused)
}

// withdraw takes back the request that stands in the Application no longer. Should it have
// been begun meanwhile, status tells what it was.
func (r *Reconciler) withdraw(e *entry, app model.AppKey) {
	if e.pending == nil {
		return
	}
	r.cfg.Engine.Withdraw(app, e.pending.request.ID)
	e.taken = taken{e.pending.request.ID, e.pending.operation}
	e.pending = nil
}

func (c *change) takeOperation() {
	delete(c.object.Object, "operation")
	c.exclusive, c.taken = true, true
}

// lookAnew looks at the app's sources now.
func (r *Reconciler) lookAnew(e *entry, token string) {
	e.look = token
	for _, key := range slices.Sorted(maps.Keys(e.sources)) {
		r.cfg.Sources.Refresh(key, token)
	}
}

// refresh obeys the refresh annotation, and takes it away when the sources have been
// looked at and the engine has told what it makes of them.
func (r *Reconciler) refresh(e *entry, c *change, o Observed) {
	mode, ok := c.object.GetAnnotations()[annotationRefresh]
	if !ok {
		e.refreshing = false
		return
	}
	looks := !o.App.Suspended && o.App.Invalid == nil && len(e.sources) > 0
	if !e.refreshing {
		e.refreshing = true
		if e.pending == nil || e.pending.request.Look == "" { // else that look will do
			r.lookAnew(e, mode+"/"+c.object.GetResourceVersion())
		}
		r.cfg.Engine.RefreshFirst(o.App.Key, mode == "hard", e.look)
		if looks {
			return
		}
	}
	if looks && o.Report.Looked != e.look {
		return
	}
	e.refreshing = false
	annotations := maps.Clone(c.object.GetAnnotations())
	delete(annotations, annotationRefresh)
	c.object.SetAnnotations(annotations)
	c.exclusive = true
}

// setStatus lays a status over the object's, whose unknown fields stay.
func setStatus(u *unstructured.Unstructured, status v1alpha1.ApplicationStatus) {
	var fields map[string]any
	if err := json.Unmarshal(mustJSON(status), &fields); err != nil {
		panic("argo: decoding a status that was just encoded: " + err.Error())
	}
	old, _ := u.Object["status"].(map[string]any)
	for name, value := range old {
		if _, set := fields[name]; !set && !statusFields[name] {
			fields[name] = value
		}
	}
	u.Object["status"] = fields
}

// statusFields are those of v1alpha1.ApplicationStatus.
var statusFields = map[string]bool{
	"resources": true, "sync": true, "health": true, "history": true, "conditions": true, "reconciledAt": true,
	"operationState": true, "observedAt": true, "sourceType": true, "summary": true,
	"resourceHealthSource": true, "sourceTypes": true, "controllerNamespace": true,
}

// write sends a change, if it is one, by a single merge patch, and records the
// events of it.
func (r *Reconciler) write(ctx context.Context, e *entry, u *unstructured.Unstructured, c change) error {
	if equality.Semantic.DeepEqual(u.Object, c.object.Object) {
		r.settle(e, c.ended)
		r.tell(e, c)
		return nil
	}
	patch := client.MergeFrom(u)
	if c.exclusive {
		patch = client.MergeFromWithOptions(u, client.MergeFromWithOptimisticLock{})
	}
	data, err := ofThisObject(u, patch, c.object)
	if err != nil {
		return err
	}
	out := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{
		"namespace": u.GetNamespace(), "name": u.GetName(),
	}}}
	out.SetGroupVersionKind(v1alpha1.ApplicationKind)
	err = r.cfg.Client.Patch(ctx, out, client.RawPatch(types.MergePatchType, data), client.FieldOwner(Manager))
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // an event of what has changed brings it back here
	}
	if err != nil {
		return err
	}
	e.written = out.GetResourceVersion()
	if c.taken {
		e.pending = nil
	}
	r.settle(e, c.ended)
	r.tell(e, c)
	for _, event := range c.events {
		r.cfg.Recorder.Event(eventObject(u), event.Type, event.Reason, event.Message)
	}
	return nil
}

// ofThisObject is the patch that makes changed of u, for no other object that has been
// made under its name since: what is left out of the patch is not there.
func ofThisObject(u *unstructured.Unstructured, patch client.Patch, changed client.Object) ([]byte, error) {
	data, err := patch.Data(changed)
	if err != nil || u.GetUID() == "" {
		return data, err
	}
	var body map[string]any
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, err
	}
	meta, _ := body["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		body["metadata"] = meta
	}
	meta["uid"] = string(u.GetUID())
	return json.Marshal(body)
}

// eventObject is what an event refers to.
func eventObject(u *unstructured.Unstructured) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.ApplicationKind.Kind},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: u.GetNamespace(), Name: u.GetName(), UID: u.GetUID(), ResourceVersion: u.GetResourceVersion(),
		},
	}
}
