package guard

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// gathering is how long a read for several readers is put off: those who were told of the
// same change ask within that time.
const gathering = 20 * time.Millisecond

// occasion is what readers read together: those of equal rights, of an equal name.
type occasion struct{ rights, what string }

// occasions are those that still gather readers.
type occasions struct {
	mu   sync.Mutex
	open map[occasion]*reading
}

// reading is a read for all who asked before it began. Its fields are set once done is
// closed.
type reading struct {
	done  chan struct{}
	value any
	err   error
	looks []view.Audit
	// valid: it is good for all who wait. Else each asks again.
	valid bool
}

// join is the reading that has not begun; first says that the caller has to do it.
func (o *occasions) join(at occasion) (r *reading, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r := o.open[at]; r != nil {
		return r, false
	}
	if o.open == nil {
		o.open = map[occasion]*reading{}
	}
	r = &reading{done: make(chan struct{})}
	o.open[at] = r
	return r, true
}

// begin lets nobody in any more.
func (o *occasions) begin(at occasion) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, at)
}

func (d *desk) Together(ctx context.Context, what string, read func(context.Context, view.Desk) (any, error)) (any, error) {
	for ctx.Err() == nil {
		if err := d.valid(ctx); err != nil {
			return nil, err
		}
		at := occasion{d.Rights(d.reader.Identity), what}
		if at.rights == "" || d.looks != nil {
			return read(ctx, d)
		}
		r, first := d.occasions.join(at)
		if first {
			d.lead(ctx, at, r, read)
		}
		select {
		case <-ctx.Done():
		case <-r.done:
			if r.valid {
				d.lookedToo(ctx, r.looks)
				return r.value, r.err
			}
		}
	}
	return nil, context.Cause(ctx)
}

// lead does a reading in nobody's name. What it has read is good if the rights have been
// the same from the first question until the last answer, and its context did not end.
func (d *desk) lead(ctx context.Context, at occasion, r *reading, read func(context.Context, view.Desk) (any, error)) {
	defer close(r.done)
	select {
	case <-ctx.Done():
	case <-time.After(gathering):
	}
	d.occasions.begin(at)
	all := &looks{}
	r.value, r.err = read(ctx, &desk{Guard: d.Guard, reader: Reader{Identity: d.reader.Identity}, looks: all})
	r.looks = all.taken()
	r.valid = d.Rights(d.reader.Identity) == at.rights && ctx.Err() == nil
}

// looks are what was looked at in nobody's name.
type looks struct {
	mu  sync.Mutex
	all []view.Audit
}

func (l *looks) add(a view.Audit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, a)
}

// taken are all so far.
func (l *looks) taken() []view.Audit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// lookedToo notes in the reader's name what a reading has looked at.
func (d *desk) lookedToo(ctx context.Context, all []view.Audit) {
	for _, a := range all {
		own := d.record(a.Action, a.Object)
		own.Target, own.Revision, own.Outcome, own.Detail = a.Target, a.Revision, a.Outcome, a.Detail
		d.saw(ctx, own)
	}
}

// saw notes that something was looked at, or that a look was refused.
func (d *desk) saw(ctx context.Context, a view.Audit) {
	switch {
	case d.looks != nil:
		d.looks.add(a)
	case a.Outcome == outcomeDenied:
		d.trail.refused(ctx, a)
	case a.Action == readList, a.Action == readAudit:
		d.trail.listed(ctx, a)
	default:
		d.trail.seen(ctx, a)
	}
}

// errNobody refuses deeds in nobody's name.
var errNobody = model.As(model.ErrDenied, errors.New("what is read for several readers does nothing"))
