package engine

import (
	"context"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// lessons are what writes made of objects, remembered by the way, so that a
// crash in the middle of a sync loses little.
type lessons struct {
	r   *run
	ctx context.Context // of the act
	// before is what the operation had written already.
	before map[model.ObjectKey]bool

	mu   sync.Mutex
	put  map[model.ObjectKey]model.Pair
	gone []model.ObjectKey
}

// lessonsAtOnce is how many are remembered together.
const lessonsAtOnce = 64

func (l *lessons) add(res model.Result) {
	key := res.Object.ObjectKey
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case res.Hook:
		return // it is compared with nothing
	case res.Err != nil && l.ctx.Err() != nil:
		// It was cut off and may have been done or not: only a dry run can tell.
		l.gone = append(l.gone, key)
	case res.Err != nil:
		return
	case res.Action == model.ActionDelete:
		l.gone = append(l.gone, key)
	case res.Live.UID != "":
		if l.put == nil {
			l.put = map[model.ObjectKey]model.Pair{}
		}
		l.put[key] = model.Pair{
			Desired: l.r.desired.byKey[key].Digest, Basis: l.r.desired.basis[key], Fields: res.Live.Fields, Time: res.Live.Time, UID: res.Live.UID,
			ResourceVersion: res.Live.ResourceVersion,
		}
		l.r.noteHeal(key, l.before[key])
	}
	if len(l.put)+len(l.gone) >= lessonsAtOnce {
		l.flushLocked()
	}
}

func (l *lessons) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushLocked()
}

func (l *lessons) flushLocked() {
	l.r.remember(l.put, l.gone)
	l.put, l.gone = nil, nil
}
