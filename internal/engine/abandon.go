package engine

import (
	"context"
	"errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// abandon ends an operation whose end somebody has asked for, where a reconcile can't
// come as far as that: its content can't be had any more, or its declaration is wrong.
// Its hooks go once the end is recorded.
func (r *run) abandon(ctx context.Context) {
	op := r.s.op
	if op == nil || r.app.Deleting {
		return
	}
	if op.Phase == model.PhaseRunning && (op.Terminating || r.s.endAsked(*op)) {
		over := *op
		over.Terminating = true
		_ = r.end(&over, model.PhaseFailed, "Operation terminated", nil) // the report has its own error
		r.silent = false
	}
	if op = r.s.op; !op.Terminating || !op.Phase.Done() {
		return
	}
	if err := r.clean(ctx, op); !errors.Is(err, errPending) {
		r.fail(model.StageApply, err)
	}
}

// clean lets go of the hooks of an operation that has ended, whatever is declared now.
func (r *run) clean(ctx context.Context, op *model.Operation) error {
	if r.target == nil {
		if err := r.connect(ctx); err != nil {
			return err
		}
	}
	if err := r.ensure(); err != nil {
		return err
	}
	r.desired = &desired{byKey: map[model.ObjectKey]model.Object{}}
	r.compare()
	return r.release(ctx, op)
}
