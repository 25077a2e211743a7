package argo

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// tell tells the engine of the operations that status records now: of those that
// have ended, even where a later one stands there already, and of the last.
func (r *Reconciler) tell(e *entry, c change) {
	tell := func(mark string, phase model.Phase) {
		if news := mark + " " + string(phase); news != e.told {
			e.told = news
			r.cfg.Engine.Recorded(c.report.App, mark, phase)
		}
	}
	for _, op := range c.ends {
		tell(op.Mark(), op.Phase)
	}
	if s := c.status.OperationState; s != nil {
		tell(markOf(*s), attemptOf(*s).phase)
	}
}

// terminate tells the engine, once for each attempt and each of its operations,
// that a user has asked for the end of what status shows as running.
func (r *Reconciler) terminate(e *entry, u *unstructured.Unstructured) {
	s := statusOf(u).OperationState
	if s == nil || s.Phase != phaseTerminating {
		e.terminated = ""
		return
	}
	asked := markOf(*s)
	r.mu.Lock()
	if e.report != nil && e.report.Operation != nil {
		asked += " " + e.report.Operation.Mark() + " " + string(e.report.Operation.Phase)
	}
	r.mu.Unlock()
	if asked != e.terminated {
		e.terminated = asked
		r.cfg.Engine.Terminate(keyOf(u))
	}
}
