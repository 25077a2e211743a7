package live

import (
	"context"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// maxNotes is how many notes wait for a slow reader.
const maxNotes = 100

// merger brings the lines of several logs into the order of their times. It holds one
// line of each: who has brought it goes on when it was taken.
type merger struct {
	wake chan struct{}

	mu    sync.Mutex
	heads []*head
	notes []view.LogLine
	ended bool
	err   error
}

// head is the first line of a log.
type head struct {
	line view.LogLine
	full bool
	// idle: it has brought none for a while, so that others don't wait for it.
	idle  bool
	taken chan struct{}
}

func newMerger() *merger { return &merger{wake: make(chan struct{}, 1)} }

// open adds a log.
func (m *merger) open() *head {
	h := &head{taken: make(chan struct{}, 1)}
	m.mu.Lock()
	m.heads = append(m.heads, h)
	m.mu.Unlock()
	return h
}

// put brings a line and waits until it was taken.
func (m *merger) put(ctx context.Context, h *head, line view.LogLine) error {
	m.mu.Lock()
	h.line, h.full, h.idle = line, true, false
	m.mu.Unlock()
	m.poke()
	select {
	case <-h.taken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends a log whose lines were all taken.
func (m *merger) close(h *head) {
	m.mu.Lock()
	for n, other := range m.heads {
		if other == h {
			m.heads = append(m.heads[:n:n], m.heads[n+1:]...)
			break
		}
	}
	m.mu.Unlock()
	m.poke()
}

// note brings a line that belongs before all others.
func (m *merger) note(line view.LogLine) {
	m.mu.Lock()
	if len(m.notes) < maxNotes {
		m.notes = append(m.notes, line)
	}
	m.mu.Unlock()
	m.poke()
}

// end has run return err, once all that was brought is taken.
func (m *merger) end(err error) {
	m.mu.Lock()
	m.ended, m.err = true, err
	m.mu.Unlock()
	m.poke()
}

func (m *merger) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// run gives the lines to emit until end, or until ctx ends or emit fails.
func (m *merger) run(ctx context.Context, patience time.Duration, emit func(view.LogLine) error) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, found, waiting := m.next()
		if found {
			if err := emit(line); err != nil {
				return err
			}
			continue
		}
		if ended, err := m.over(); ended {
			return err
		}
		var late <-chan time.Time
		if waiting {
			timer.Reset(patience)
			late = timer.C
		}
		select {
		case <-m.wake:
		case <-late:
			m.giveUp()
		case <-ctx.Done():
		}
	}
}

func (m *merger) over() (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended && len(m.heads) == 0 && len(m.notes) == 0, m.err
}

// next takes the line that is due. If none is, waiting says that there are some, and
// that logs which may have an earlier one are waited for.
func (m *merger) next() (line view.LogLine, found, waiting bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.notes) > 0 {
		line, m.notes = m.notes[0], m.notes[1:]
		return line, true, false
	}
	var due *head
	missing := false
	for _, h := range m.heads {
		switch {
		case h.full && (due == nil || h.line.At.Before(due.line.At)):
			due = h
		case !h.full && !h.idle:
			missing = true
		}
	}
	if due == nil || missing {
		return view.LogLine{}, false, due != nil
	}
	due.full = false
	due.taken <- struct{}{}
	return due.line, true, false
}

// giveUp stops the waiting for logs that bring nothing.
func (m *merger) giveUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.heads {
		h.idle = !h.full
	}
}
