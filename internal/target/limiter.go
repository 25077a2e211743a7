package target

import (
	"context"
	"sync"
	"time"
)

// limiter bounds the writes under way to one cluster. It starts at its
// ceiling, halves when the API server answers 429, and grows by one for every
// full window of answers without one: the API server sets the pace, not a
// fixed rate.
type limiter struct {
	mu      sync.Mutex
	limit   float64
	max     float64
	running int
	until   time.Time // no start before; from Retry-After
	wake    chan struct{}
	halved  time.Time
}

func newLimiter(ceiling int) *limiter {
	return &limiter{limit: float64(ceiling), max: float64(ceiling), wake: make(chan struct{})}
}

// acquire waits for a place; release gives it back.
func (l *limiter) acquire(ctx context.Context) error {
	for {
		l.mu.Lock()
		pause := time.Until(l.until)
		if pause <= 0 && l.running < int(l.limit) {
			l.running++
			l.mu.Unlock()
			return nil
		}
		wake := l.wake
		l.mu.Unlock()
		if err := waitFor(ctx, wake, pause); err != nil {
			return err
		}
	}
}

func waitFor(ctx context.Context, wake <-chan struct{}, pause time.Duration) error {
	var timer <-chan time.Time
	if pause > 0 {
		timer = time.After(pause)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-wake:
	case <-timer:
	}
	return nil
}

func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	l.limit = min(l.max, l.limit+1/l.limit)
	l.wakeLocked()
}

// throttled notes a 429. Several that answer requests of the same moment count
// as one.
func (l *limiter) throttled(retryAfter time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.halved) > 200*time.Millisecond {
		l.limit, l.halved = max(1, l.limit/2), now
	}
	if until := now.Add(min(retryAfter, 30*time.Second)); until.After(l.until) {
		l.until = until
	}
}

func (l *limiter) wakeLocked() {
	close(l.wake)
	l.wake = make(chan struct{})
}

// width is how many writes may be under way now.
func (l *limiter) width() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit)
}
