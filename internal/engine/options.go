package engine

import (
	"context"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// obey lays what a request says of its sync over the rules of its app.
func (r *run) obey(o *model.Options) {
	r.app, r.asks = r.declared, model.Options{}
	if o == nil || r.app.Deleting {
		return
	}
	r.asks = *o
	s := &r.app.Sync
	s.Defaults = o.Defaults.Over(s.Defaults)
	s.CreateNamespace = chosen(o.CreateNamespace, s.CreateNamespace)
	s.FailOnShared = chosen(o.FailOnShared, s.FailOnShared)
	r.app.Compare.Respect = chosen(o.Respect, r.app.Compare.Respect)
	if o.Migrate == model.No {
		s.Migrate = nil
	}
	if o.Deletion != "" {
		r.app.Deletion = o.Deletion
	}
}

// asked is what the operation under way, or a request that waits, says of its sync;
// nil if nothing.
func (r *run) asked() *model.Options {
	switch op := r.s.op; {
	case op != nil && op.Phase == model.PhaseRunning:
		return op.Request.Options
	case r.request != nil && r.request.ID != r.s.handled:
		return r.request.Options
	}
	return nil
}

// adapt compares anew where the sync that is due says something else than what was
// gone by until now.
func (r *run) adapt(ctx context.Context, req model.Request) error {
	asks := model.Options{}
	if req.Options != nil {
		asks = *req.Options
	}
	if asks == r.asks {
		return nil
	}
	r.obey(req.Options)
	r.report.Warnings = slices.Clone(r.app.Warnings)
	for _, do := range []func(context.Context) error{r.resolve, r.observe, r.decide} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func chosen(c model.Choice, preset bool) bool {
	if c == model.Unsaid {
		return preset
	}
	return c == model.Yes
}
