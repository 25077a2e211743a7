package argo

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// tell tells the engine of the operations that status records now: of those that
// have ended, even where a later one stands there already, and of the last.
func (r *Reconciler) tell(e *entry, c change) {
	tell := func(mark string, phase model.Phase, hooks int) {
		if news := fmt.Sprint(mark, phase, hooks); news != e.told {
			e.told = news
			r.cfg.Engine.Recorded(c.report.App, mark, phase, hooks)
		}
	}
	for _, op := range c.ends {
		tell(op.Mark(), op.Phase, op.EndedHooks())
	}
	if s := c.status.OperationState; s != nil {
		tell(markOf(*s), attemptOf(*s).phase, endedHooks(*s))
	}
}

// endedHooks is how many hooks a state knows to have ended.
func endedHooks(s v1alpha1.OperationState) int {
	n := 0
	if s.SyncResult == nil {
		return 0
	}
	for _, r := range s.SyncResult.Resources {
		ended := r.HookPhase == string(model.HookStateSucceeded) || r.HookPhase == string(model.HookStateFailed)
		if r.HookType != "" && ended {
			n++
		}
	}
	return n
}

// terminate tells the engine that a user has asked for the end of what status shows
// as running: with each of its reports, until one says that it has heard.
func (r *Reconciler) terminate(e *entry, u *unstructured.Unstructured) {
	s := statusOf(u).OperationState
	if s == nil || s.Phase != phaseTerminating {
		e.terminated = termination{}
		return
	}
	r.mu.Lock()
	now := termination{mark: markOf(*s), report: e.report}
	heard := e.report != nil && e.report.Operation != nil && e.report.Operation.Terminating
	r.mu.Unlock()
	if now != e.terminated && !heard {
		r.cfg.Engine.Terminate(keyOf(u), now.mark)
	}
	e.terminated = now
}

// termination is the attempt whose end was asked for, and the report that was the
// newest then.
type termination struct {
	mark   string
	report *model.Report
}
