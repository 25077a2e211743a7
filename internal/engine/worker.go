package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Run works until ctx ends, and lets what is being written finish.
func (e *Engine) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		<-ctx.Done()
		e.queue.ShutDown()
		return nil
	})
	for range e.cfg.Workers {
		g.Go(func() error {
			for e.work(ctx) {
			}
			return nil
		})
	}
	return g.Wait()
}

func (e *Engine) work(ctx context.Context) bool {
	key, stop := e.queue.Get()
	if stop {
		return false
	}
	defer e.queue.Done(key)
	s := e.app(key)
	if s == nil || ctx.Err() != nil {
		return true
	}
	began := time.Now()
	report, again := e.reconcile(ctx, s)
	if e.app(key) != s {
		// It was forgotten meanwhile: what this reconcile has claimed and
		// remembered since must not stay.
		e.release(key, s.connected)
		e.queue.Add(key)
	} else if again > 0 {
		e.queue.AddAfter(key, again)
	}
	if e.cfg.Observe != nil {
		e.cfg.Observe(key, time.Since(began), report)
	}
	return true
}

// reconcile goes through the stages once and reports. It returns when to come
// back without an event; 0 is never. A panic is the app's own error.
func (e *Engine) reconcile(ctx context.Context, s *state) (report model.Report, again time.Duration) {
	r := newRun(e, s)
	defer func() {
		if p := recover(); p != nil {
			e.cfg.Log.Error("panic in a reconcile", "app", r.app.Key, "panic", p, "stack", string(debug.Stack()))
			r.fail(model.StageSpec, fmt.Errorf("internal error: %v (see the controller's log)", p))
			r.again(time.Minute)
		}
		report, again = r.finish(ctx)
	}()
	r.stages(ctx)
	return r.report, r.next
}
