package engine

import "github.com/fixpoint-cd/fixpoint/internal/model"

// obey lays what the operation under way says of its sync, or a request that waits,
// over the rules of its app.
func (r *run) obey() {
	o := r.asked()
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

// asked is what an operation that goes on or may be repeated has been asked for
// with, or what the next one is; nil if that says nothing.
func (r *run) asked() *model.Options {
	switch op := r.s.op; {
	case op != nil && op.Phase == model.PhaseRunning:
		return op.Request.Options
	case r.request != nil && r.request.ID != r.s.handled:
		return r.request.Options
	case r.s.onceMore != nil:
		return r.s.onceMore.Options
	case op != nil && failed(op):
		return op.Request.Options
	}
	return nil
}

func chosen(c model.Choice, preset bool) bool {
	if c == model.Unsaid {
		return preset
	}
	return c == model.Yes
}
