package argo

import (
	"slices"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// entry is what is known of an Application. Its reports and its project are
// guarded by Reconciler.mu; the rest belongs to the one reconcile of its key.
type entry struct {
	project string
	report  *model.Report // the newest
	// ended are the reports that first told of an operation's end and have not
	// gone into status yet: a later operation must not make one disappear.
	ended []model.Report
	last  model.Operation // the newest that has ended

	app     model.App // as handed to the engine
	put     bool
	sources map[model.SourceKey]model.Source // as handed to the sources
	pending *pending                         // handed to the engine and not taken up yet
	taken   taken                            // the last request that was taken up
	pin     *pinning                         // of a request that waits or is carried out
	written string                           // resourceVersion that our last write made
	// look is the token of the last look at the sources that was asked for, refreshing
	// that a refresh was asked for that it has to be over for.
	look       string
	refreshing bool
	// told is what the engine was told last of what status records.
	told       string
	terminated termination
}

// taken is a user's request that the engine has taken up, as written: what it
// begins once more, with newer content, is another operation of the same request.
type taken struct {
	id        string
	operation v1alpha1.Operation
}

// awaitsLook reports whether somebody waits for the end of the look that was asked for.
func (e *entry) awaitsLook() bool {
	return e.refreshing || e.pending != nil && e.pending.request.Look != ""
}

// take keeps a report, and says whether it tells what somebody has asked for: the end of
// a look at the sources, or how far a sync has come.
func (e *entry) take(report model.Report) (awaited bool) {
	awaited = e.isAwaited(report)
	e.report = &report
	op := report.Operation
	if op == nil || !op.Phase.Done() {
		return awaited
	}
	known := op.Request.ID == e.last.Request.ID && op.Phase == e.last.Phase &&
		op.Started.Equal(e.last.Started) && op.Finished.Equal(e.last.Finished)
	if !known {
		e.last = *op
		e.ended = append(e.ended, report)
	}
	return awaited
}

func (e *entry) isAwaited(report model.Report) bool {
	before := model.Report{}
	if e.report != nil {
		before = *e.report
	}
	if report.Looked != before.Looked {
		return true
	}
	op, old := report.Operation, before.Operation
	if op == nil || op.Request.By == "" {
		return false
	}
	return old == nil || op.Mark() != old.Mark() || op.Phase != old.Phase || !op.Phase.Done()
}

// entry is that of the key, with the reports that have to go into status, in
// their order.
func (r *Reconciler) entry(key model.AppKey) (*entry, []model.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.apps[key] == nil {
		r.apps[key] = &entry{}
	}
	e := r.apps[key]
	reports := slices.Clone(e.ended)
	if e.report != nil {
		reports = append(reports, *e.report)
	}
	return e, reports
}

// settle drops the first n ends of operations: they are in status.
func (r *Reconciler) settle(e *entry, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.ended = e.ended[min(n, len(e.ended)):]
}
