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
// line of each: who has brought it goes on when it was taken. No line waits longer than
// patience for earlier ones of others.
type merger struct {
	patience time.Duration
	wake     chan struct{}

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
	came time.Time // when the line came
	// idle: it has brought none for a while, so that others don't wait for it.
	idle  bool
	taken chan struct{}
}

func newMerger(patience time.Duration) *merger {
	return &merger{patience: patience, wake: make(chan struct{}, 1)}
}

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
	h.line, h.full, h.idle, h.came = line, true, false, time.Now()
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
func (m *merger) run(ctx context.Context, emit func(view.LogLine) error) error {
	timer := time.NewTimer(m.patience)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, found, wait := m.next()
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
		if wait > 0 {
			timer.Reset(wait)
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

// next takes the line that is due. If none is, wait is how long the lines that are there
// may go on waiting for earlier ones; 0 if there are none.
func (m *merger) next() (line view.LogLine, found bool, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.notes) > 0 {
		line, m.notes = m.notes[0], m.notes[1:]
		return line, true, 0
	}
	var due, longest *head
	missing := false
	for _, h := range m.heads {
		if !h.full {
			missing = missing || !h.idle
			continue
		}
		if due == nil || h.line.At.Before(due.line.At) {
			due = h
		}
		if longest == nil || h.came.Before(longest.came) {
			longest = h
		}
	}
	if due == nil {
		return view.LogLine{}, false, 0
	}
	if wait = m.patience - time.Since(longest.came); missing && wait > 0 {
		return view.LogLine{}, false, wait
	}
	due.full = false
	due.taken <- struct{}{}
	return due.line, true, 0
}

// giveUp stops the waiting for logs that bring nothing.
func (m *merger) giveUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.heads {
		h.idle = !h.full
	}
}
