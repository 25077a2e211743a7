package render

import (
	"context"
	"sync"
)

// abandonedPerSlot is how many renders that outlived their time may run for
// each slot, beside the one that holds it.
const abandonedPerSlot = 4

// slots limit how many renders run. A render that outlives its time gives its
// slot back early, so that one bad app does not stop the others, until too
// many have done so.
type slots struct {
	free chan struct{}

	mu       sync.Mutex
	leftover int
}

func newSlots(n int) *slots { return &slots{free: make(chan struct{}, n)} }

func (s *slots) acquire(ctx context.Context) (*slot, error) {
	select {
	case s.free <- struct{}{}:
		return &slot{slots: s}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// slot is one that is held. The states follow each other under slots.mu.
type slot struct {
	slots *slots
	early bool // given back before the render was finished
	over  bool // finished
}

// finished gives the slot back, if that was not done before.
func (s *slot) finished() {
	s.slots.mu.Lock()
	defer s.slots.mu.Unlock()
	s.over = true
	if s.early {
		s.slots.leftover--
		return
	}
	<-s.slots.free
}

// abandoned gives the slot back although the render goes on.
func (s *slot) abandoned() {
	s.slots.mu.Lock()
	defer s.slots.mu.Unlock()
	if s.over || s.slots.leftover >= abandonedPerSlot*cap(s.slots.free) {
		return
	}
	s.early = true
	s.slots.leftover++
	<-s.slots.free
}
