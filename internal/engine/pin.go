package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// pinOf is what the operation under way, or a request for one, is pinned to; nil
// if that is what the app declares.
func (r *run) pinOf() *model.Pin {
	op := r.s.op
	switch {
	case op != nil && !op.Phase.Done():
		return op.Request.Pin
	case r.isAsked():
		return r.request.Pin
	case op != nil && r.repeats(op):
		return op.Request.Pin
	}
	return nil
}

// isAsked reports whether a request waits to be carried out.
func (r *run) isAsked() bool { return r.request != nil && r.request.ID != r.s.handled }

// repeats reports whether a failed operation is pinned and will be repeated.
func (r *run) repeats(op *model.Operation) bool {
	return op.Phase == model.PhaseFailed && op.Request.Pin != nil && !op.Terminating && op.Superseded == "" &&
		!r.s.endAsked(*op) && r.retries(op) && r.overtaken == "" && !r.isAsked()
}

// resolvePin finds the content that is asked for by name: what the history keeps of
// it, else what its sources hold.
func (r *run) resolvePin(ctx context.Context) error {
	kept, err := r.e.kept(r.app.Key, *r.pin)
	switch {
	case err == nil:
		err = r.pinKept(kept)
	case errors.Is(err, model.ErrNotFound):
		err = r.pinSources(ctx)
	}
	if err != nil {
		return err
	}
	r.s.pinned = r.desired
	r.reportSources()
	return nil
}

// kept is what the history has of a pin.
func (e *Engine) kept(app model.AppKey, pin model.Pin) (model.Deployed, error) {
	if e.cfg.History == nil {
		return model.Deployed{}, model.As(model.ErrNotFound, errors.New("no history is kept"))
	}
	return e.cfg.History.Kept(app, pin.Revision, pin.Spec)
}

func (r *run) pinKept(kept model.Deployed) error {
	var err error
	r.desired, err = r.made(r.s.pinned, model.Rendered{Objects: kept.Objects, Digest: digestOf(kept.Objects)})
	if err != nil {
		return &stageError{model.StageRender, err}
	}
	r.desired.snapshots = nil
	for _, s := range kept.Snapshots {
		r.desired.snapshots = append(r.desired.snapshots, &s)
	}
	r.desired.tools = kept.Tools
	return nil
}

func digestOf(objects []model.Object) model.Digest {
	parts := make([][]byte, len(objects))
	for i, o := range objects {
		parts[i] = o.Digest[:]
	}
	return model.DigestOf(parts...)
}

func (r *run) pinSources(ctx context.Context) error {
	if len(r.pin.Sources) == 0 {
		return model.As(model.ErrNotFound, fmt.Errorf("revision %s is not kept in the history any more", model.Short(r.pin.Revision)))
	}
	if _, subscribed := r.e.cfg.Sources.States(sourceKeys(r.pin.Sources)); !subscribed {
		return model.As(model.ErrNotFound, errors.New("nobody asks for its sources any more"))
	}
	snapshots, late, err := r.contents(r.pin.Sources)
	if err == nil {
		err = late
	}
	if err != nil {
		return err
	}
	rendered, tools, err := r.render(ctx, r.pin.Sources, snapshots)
	if err != nil {
		return &stageError{model.StageRender, err}
	}
	if r.desired, err = r.made(r.s.pinned, rendered); err != nil {
		return &stageError{model.StageRender, err}
	}
	r.desired.snapshots, r.desired.tools = snapshots, tools
	return nil
}

// unpin goes back from what an operation was pinned to, to what the app declares,
// once that operation has ended.
func (r *run) unpin(ctx context.Context) error {
	if r.pin == nil || r.repeats(r.s.op) {
		return nil
	}
	if op := r.s.op; op != nil && op.Phase == model.PhaseSucceeded && isWhole(op.Request) {
		r.s.applied = op.Revision
	}
	r.pin, r.s.pinned, r.desired = nil, nil, nil
	r.report.Sources, r.report.Tools = nil, nil
	for _, do := range []func(context.Context) error{r.resolveNewest, r.observe, r.decide} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// repin turns to what a request of the engine's own is pinned to.
func (r *run) repin(ctx context.Context, req model.Request) error {
	if req.Pin == nil || r.pin != nil || r.pinErr != nil {
		return nil
	}
	r.pin = req.Pin
	if err := r.resolvePin(ctx); err != nil {
		if errors.Is(err, errPending) {
			return err
		}
		r.pin, r.pinned, r.pinErr = nil, req.Pin, err
		return nil
	}
	if err := r.observe(ctx); err != nil {
		return err
	}
	return r.decide(ctx)
}

// spec is the digest of what is worked on, as App.Spec.
func (r *run) spec() model.Digest {
	if r.pin != nil {
		return r.pin.Spec
	}
	return r.app.Spec
}
