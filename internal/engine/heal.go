package engine

import (
	"maps"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// heal counts the restorations of an object in a row, so that two controllers
// that fight over it don't do so at full speed.
type heal struct {
	count int
	last  time.Time
}

const (
	freeHeals = 3                 // restored at once
	healQuiet = 330 * time.Second // without one, the count begins anew
	healMax   = 300 * time.Second
)

// pause is how long after the last restoration the next may come.
func (h heal) pause() time.Duration {
	if h.count < freeHeals {
		return 0
	}
	return min(healMax, 2*time.Second<<min(h.count-freeHeals, 8))
}

// heal is the request that restores what drifted and may be restored now.
func (r *run) heal() (model.Request, bool) {
	req := model.Request{Heal: true, Retry: r.app.Sync.Retry, Prune: r.app.Sync.Prune}
	maps.DeleteFunc(r.s.heals, func(_ model.ObjectKey, h heal) bool { return r.now.Sub(h.last) > healQuiet })
	for _, s := range r.plan.Steps {
		if s.Action == model.ActionKeep || s.Action == model.ActionLeave {
			continue
		}
		h := r.s.heals[s.Object.ObjectKey]
		if wait := h.last.Add(h.pause()).Sub(r.now); h.count > 0 && wait > 0 {
			r.again(wait)
			r.fighting = append(r.fighting, s.Object)
			continue
		}
		req.Only = append(req.Only, s.Object.ObjectKey)
	}
	return req, len(req.Only) > 0
}

// written are the objects that an operation has written.
func written(results []model.Result) map[model.ObjectKey]bool {
	out := map[model.ObjectKey]bool{}
	for _, res := range results {
		if res.Err == nil && (res.Action == model.ActionCreate || res.Action == model.ActionUpdate) {
			out[res.Object.ObjectKey] = true
		}
	}
	return out
}

// noteHeal counts a restoration: the write of a sync that repairs drift, or the
// second one of an object by the same sync.
func (r *run) noteHeal(key model.ObjectKey, again bool) {
	if !again && (r.s.op == nil || !r.s.op.Request.Heal) {
		return
	}
	h := r.s.heals[key]
	r.s.heals[key] = heal{h.count + 1, r.now}
}
