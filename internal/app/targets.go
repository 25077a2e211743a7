package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/internal/engine"
	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/target"
)

// targets are the clusters that apps are applied to, connected at first use.
type targets struct {
	marks  []target.Mark
	log    *slog.Logger
	notify func(model.AppKey, model.ObjectKey)
	kinds  func(target string)
	judge  judge
	// find returns the connection to a cluster by the name that apps use.
	find func(name string) (*rest.Config, error)

	mu  sync.Mutex
	ctx context.Context
	all map[string]*running
	// epoch rises when what was read of objects is out of date.
	epoch int
	wg    sync.WaitGroup
}

type running struct {
	*target.Target
	rest  *rest.Config
	epoch int
	stop  context.CancelFunc
}

// Run keeps the targets' mirrors until ctx ends.
func (t *targets) Run(ctx context.Context) error {
	t.mu.Lock()
	t.ctx = ctx
	for _, r := range t.all {
		t.startLocked(r)
	}
	t.mu.Unlock()
	<-ctx.Done()
	t.wg.Wait()
	return nil
}

func (t *targets) startLocked(r *running) {
	ctx, stop := context.WithCancel(t.ctx)
	r.stop = stop
	t.wg.Go(func() { _ = r.Run(ctx) }) // it returns nil when ctx ends
}

// get connects to a cluster, or returns the connection that there is. A
// connection whose settings changed is replaced.
func (t *targets) get(name string) (engine.Target, error) {
	cfg, err := t.find(name)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.all[name]; r != nil {
		if r.rest == cfg && r.epoch == t.epoch {
			return r.Target, nil
		}
		if r.stop != nil {
			r.stop()
		}
		delete(t.all, name)
	}
	made, err := target.New(target.Config{
		Name: name, REST: cfg, Marks: t.marks, Health: t.judge.of, Busy: health.Busy, NeedsContent: t.judge.needsContent,
		Notify: t.notify, KindsChanged: func() { t.kinds(name) }, Log: t.log,
	})
	if err != nil {
		return nil, model.As(model.ErrInvalid, fmt.Errorf("cluster %q: %w", name, err))
	}
	r := &running{Target: made, rest: cfg, epoch: t.epoch}
	t.all[name] = r
	if t.ctx != nil {
		t.startLocked(r)
	}
	return made, nil
}

// renew reads all clusters anew at their next use, since marks or health are read
// in another way now; it returns those that were in use.
func (t *targets) renew() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.epoch++
	return slices.Collect(maps.Keys(t.all))
}

// requests counts what was sent to each cluster.
func (t *targets) requests() map[string]target.Requests {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[string]target.Requests, len(t.all))
	for name, r := range t.all {
		out[name] = r.Requests()
	}
	return out
}

// kindsWatched is how many kinds are watched in a cluster; false where none is used.
func (t *targets) kindsWatched(name string) (int, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.all[name]
	if r == nil {
		return 0, false
	}
	return r.Kinds(), true
}

// connected is get, as what it is.
func (t *targets) connected(name string) (*target.Target, error) {
	if _, err := t.get(name); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.all[name]; r != nil {
		return r.Target, nil
	}
	return nil, model.As(model.ErrTransient, fmt.Errorf("cluster %q is being connected anew", name))
}
