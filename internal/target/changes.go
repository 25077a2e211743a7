package target

import (
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// changes are those of the served kinds that are being followed.
type changes struct {
	mu    sync.Mutex
	again chan struct{}       // closed by the next change; nil before the first
	lost  map[string]struct{} // groups that lost a CRD
}

// followUps are the pauses after which a change of the kinds is looked at
// again: discovery follows a CRD's conditions with a delay and sends no event.
var followUps = []time.Duration{300 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second}

// kindsChanged tells that a CRD came, changed, or, with its group, went.
func (t *Target) kindsChanged(lost string) {
	t.kinds.forget()
	again := t.changes.begin(lost)
	t.tellKinds()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running() {
		t.wg.Go(func() { t.follow(again) })
	}
}

// begin notes a change; what it returns is closed by the next.
func (c *changes) begin(lost string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost == nil {
		c.lost = map[string]struct{}{}
	}
	if lost != "" {
		c.lost[lost] = struct{}{}
	}
	if c.again != nil {
		close(c.again)
	}
	c.again = make(chan struct{})
	return c.again
}

func (t *Target) tellKinds() {
	if t.cfg.KindsChanged != nil {
		t.cfg.KindsChanged()
	}
}

// follow looks again at the kinds until they will have settled, or another
// change is followed.
func (t *Target) follow(again <-chan struct{}) {
	for _, pause := range followUps {
		t.dropUnserved()
		select {
		case <-t.ctx.Done():
			return
		case <-again:
			return
		case <-time.After(pause):
		}
		if t.kinds.missed() || len(t.suspects()) > 0 {
			t.kinds.forget()
			t.tellKinds()
		}
	}
	t.dropUnserved()
	t.changes.mu.Lock()
	defer t.changes.mu.Unlock()
	if t.changes.again == again {
		clear(t.changes.lost)
	}
}

// dropUnserved ends the watches of kinds whose CRD is gone, and their records.
// Only groups that lost a CRD count: that a kind can't be found may have other
// reasons, such as an aggregated API server that is down.
func (t *Target) dropUnserved() {
	for _, w := range t.suspects() {
		_, err := t.kinds.resource(model.ObjectRef{ObjectKey: model.ObjectKey{Group: w.gk.group, Kind: w.gk.kind}})
		if !isUnknown(err) {
			continue
		}
		t.mu.Lock()
		if t.watches[w.gk] == w {
			delete(t.watches, w.gk)
		}
		t.mu.Unlock()
		if w.stop != nil {
			w.stop()
		}
		for _, k := range t.mirror.keysOf(w.gk) {
			t.mirror.drop(k, "")
		}
		w.markEnded()
	}
}

// suspects are the watches of groups that lost a CRD.
func (t *Target) suspects() []*kindWatch {
	t.changes.mu.Lock()
	defer t.changes.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*kindWatch
	for gk, w := range t.watches {
		if _, lost := t.changes.lost[gk.group]; lost {
			out = append(out, w)
		}
	}
	return out
}
