package source

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	readerIdle = time.Minute // before git cat-file is ended
	maxRetry   = time.Minute
	maxHeld    = 5 // so that changes that never end don't stop everything
)

// Run polls the repositories until ctx ends, and returns nil when all that it
// started has ended too. Call it once.
func (s *Store) Run(ctx context.Context) error {
	var looks sync.WaitGroup
	defer s.closeReaders()
	defer looks.Wait()
	tidy := time.NewTicker(readerIdle)
	defer tidy.Stop()
	for {
		next := s.start(ctx, &looks)
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-s.wake:
		case <-tidy.C:
			s.closeIdle(time.Now().Add(-readerIdle))
		}
		timer.Stop()
	}
}

// start begins the looks that are due and returns the time until the next one.
func (s *Store) start(ctx context.Context, looks *sync.WaitGroup) time.Duration {
	s.tell(s.takeNotices())
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	next := time.Hour
	for _, g := range s.groups {
		if g.busy {
			continue
		}
		if wait := g.next.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		g.busy, g.again = true, false
		looks.Go(func() { s.look(ctx, g) })
	}
	return next
}

func (s *Store) takeNotices() []model.SourceKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.notices
	s.notices = nil
	return n
}

func (s *Store) tell(keys []model.SourceKey) {
	if s.cfg.OnChange == nil {
		return
	}
	for _, key := range keys {
		s.cfg.OnChange(key)
	}
}

// look is one round for a group.
func (s *Store) look(ctx context.Context, g *group) {
	s.mu.Lock()
	g.finder.grant(s.timeout(g))
	asks, idle, tokens := g.asks(), g.idle(), map[model.SourceKey]string{}
	for key, sub := range g.subs {
		if !sub.src.Suspended {
			tokens[key] = sub.token
		}
	}
	s.mu.Unlock()

	s.stats.looks.Add(1)
	out, err := g.finder.look(ctx, asks)
	for key, src := range idle {
		out[key] = g.finder.restore(ctx, src, nil)
	}
	if ctx.Err() != nil {
		return
	}
	s.tell(s.finish(g, out, tokens, err))
	s.poke()
}

// finish writes the states, plans the next look, and returns whose state changed.
func (s *Store) finish(g *group, out map[askKey]outcome, tokens map[model.SourceKey]string, err error) []model.SourceKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if g.again && g.held < maxHeld && g.misses(out) {
		// Its old content beside the others' new one would be two commits at once.
		g.held++
		g.busy, g.again, g.next = false, false, time.Time{}
		return nil
	}
	g.held = 0
	g.usage.Looks++
	before := g.usage.Contents
	var changed []model.SourceKey
	for key, sub := range g.subs {
		o, ok := out[sub.ask]
		if !ok || sub.src.Suspended && sub.state.Snapshot != nil {
			continue
		}
		id := sub.id
		differs := sub.apply(o, now)
		if id != "" && id != sub.id && g.usage.Contents == before { // a subscription's first content is no news
			g.usage.Contents++
		}
		if token, looked := tokens[key]; looked && token != "" {
			differs = differs || sub.state.Handled != token
			sub.state.Handled = token
			if sub.token == token {
				sub.token = ""
			}
		}
		if differs {
			changed = append(changed, key)
			s.logChange(key, sub)
		}
	}
	slices.Sort(changed) // the order of what they are of, mostly: neighbours are fetched together
	s.lookAtIncluding(changed)
	g.busy = false
	g.next = now.Add(s.pause(g, err))
	if g.again {
		g.next, g.again = time.Time{}, false
	}
	return changed
}

// apply takes an outcome into the state and reports whether that changed it.
func (sub *subscription) apply(o outcome, now time.Time) bool {
	old, id := sub.state, sub.id
	sub.state.Checked = now
	if o.err == nil {
		sub.state.Err, sub.state.Since = nil, time.Time{}
		if o.snapshot != nil {
			sub.state.Snapshot, sub.id = o.snapshot, o.id
		}
		return old.Checked.IsZero() || old.Err != nil || id != sub.id || !same(old.Snapshot, sub.state.Snapshot)
	}
	f := &Failure{Since: now, err: o.err, Restored: o.restored}
	var before *Failure
	if errors.As(old.Err, &before) {
		f.Since = before.Since
		f.Restored = f.Restored || before.Restored && sub.state.Snapshot != nil
	}
	sub.state.Err, sub.state.Since = f, f.Since
	if sub.state.Snapshot == nil {
		sub.state.Snapshot, sub.id = o.snapshot, o.id
	}
	return old.Err == nil || old.Err.Error() != f.Error() || !same(old.Snapshot, sub.state.Snapshot)
}

func same(a, b *model.Snapshot) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Revision == b.Revision && a.Ref == b.Ref && a.URL == b.URL
}

func (s *Store) logChange(key model.SourceKey, sub *subscription) {
	if err := sub.state.Err; err != nil {
		s.cfg.Log.Warn("looking at a source failed", "source", key, "error", err)
		return
	}
	if snap := sub.state.Snapshot; snap != nil {
		s.cfg.Log.Info("source has a revision", "source", key, "revision", snap.Revision, "ref", snap.Ref)
	}
}

// pause is the time until the next look, spread by a tenth so that repositories
// do not all come at once.
func (s *Store) pause(g *group, err error) time.Duration {
	interval := s.interval(g)
	if interval == 0 {
		g.failures = 0
		return 24 * time.Hour // Set and Refresh end it
	}
	if err == nil {
		g.failures = 0
		return jitter(interval)
	}
	g.failures++
	longest := max(interval, maxRetry)
	pause := s.cfg.Retry << min(g.failures-1, 20)
	if pause <= 0 || pause > longest {
		pause = longest
	}
	if errors.Is(err, model.ErrDenied) {
		// Asking often with credentials that are refused gets an account locked.
		pause = max(pause, interval)
	}
	return jitter(pause)
}

func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

func (s *Store) closeReaders() { s.closeIdle(farFuture()) }

func (s *Store) closeIdle(before time.Time) {
	s.mu.Lock()
	mirrors := make([]*mirror, 0, len(s.mirrors))
	for _, m := range s.mirrors {
		mirrors = append(mirrors, m)
	}
	s.mu.Unlock()
	for _, m := range mirrors {
		m.reader.close(before)
	}
}
