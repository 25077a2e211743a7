package argo

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// pinning is what a request is pinned to, and what is subscribed to for it as long
// as it waits or is carried out.
type pinning struct {
	target  target
	pin     model.Pin
	sources map[model.SourceKey]model.Source
}

func newPinning(t target, app model.AppKey, env Env) (*pinning, error) {
	pin, sources, err := t.pin(app, env)
	if err != nil {
		return nil, err
	}
	p := &pinning{target: t, pin: *pin, sources: map[model.SourceKey]model.Source{}}
	for i, s := range pin.Sources {
		p.sources[s.Key] = sources[i]
	}
	return p, nil
}

// recallPin pins the operation that an earlier run has left unfinished to what it
// had begun with, which is an exact revision.
func recallPin(u *unstructured.Unstructured, app *model.App, spec v1alpha1.ApplicationSpec, env Env) *pinning {
	op, s := app.Last, statusOf(u).OperationState
	if op == nil || op.Phase.Done() || app.Deleting {
		return nil
	}
	t := targetOf(*s.Operation.Sync, spec, nil)
	if !t.pinned || (s.Operation.InitiatedBy.Automated && !op.Request.Rollback) {
		return nil
	}
	if r := s.SyncResult; r != nil && op.Revision != "" {
		if synced, ok := sourcesIn(&r.Source, r.Sources); ok {
			t.spec.Source, t.spec.Sources = synced.Source, synced.Sources
		}
		_, t.revisions = revisionFields(op.Revision, true)
		if len(t.revisions) != len(sourceList(t.spec)) {
			return nil // it was of other sources
		}
	}
	p, err := newPinning(t, app.Key, env)
	if err != nil {
		return nil // the engine says that what was begun can't be gone on with
	}
	op.Request.Pin, op.Request.Revision = &p.pin, t.revision()
	return p
}

// repin takes up the request that an earlier run was about, with what it was pinned
// to, and changed settings. It comes before the app is handed to the engine.
func (r *Reconciler) repin(e *entry, u *unstructured.Unstructured, app *model.App, env Env) {
	spec := specOf(u)
	if !e.put {
		e.pin = recallPin(u, app, spec, env)
		if app.Last != nil {
			e.taken = taken{app.Last.Request.ID, statusOf(u).OperationState.Operation}
		}
		return
	}
	if e.pin == nil {
		return
	}
	if again, err := newPinning(e.pin.target, app.Key, env); err == nil {
		e.pin = again
	}
}

// subscribe gives the source store what a request is pinned to, instead of what
// one before was.
func (r *Reconciler) subscribe(e *entry, p *pinning) {
	r.giveUp(e)
	if e.pin = p; p == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(p.sources)) {
		r.cfg.Sources.Set(key, p.sources[key])
		e.sources[key] = p.sources[key]
	}
}

// giveUp removes the sources of what a request was pinned to.
func (r *Reconciler) giveUp(e *entry) {
	if e.pin == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(e.pin.sources)) {
		delete(e.sources, key)
		r.cfg.Sources.Remove(key)
	}
	e.pin = nil
}

// unpin gives up what a request was pinned to, once it neither waits nor is carried
// out, nor will be again.
func (r *Reconciler) unpin(e *entry, app model.App, report model.Report) {
	waits := e.pending != nil && e.pending.pin != nil
	op := app.Last
	if report.Operation != nil {
		op = report.Operation
	}
	underWay := op != nil && op.Request.Pin != nil && (!op.Phase.Done() || op.Repeats())
	if !waits && !underWay {
		r.giveUp(e)
	}
}
