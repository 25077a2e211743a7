package live

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	metainternal "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/fixpoint-cd/fixpoint/internal/trimmed"
)

// scope keeps what is at a place while somebody looks.
type scope struct {
	place

	c    *Cluster
	stop context.CancelFunc
	// holders and linger are guarded by the cluster's mutex: who looks, and the end of
	// it some time after nobody does.
	holders int
	linger  *time.Timer

	ready chan struct{} // closed when the first list is there, or has failed
	once  sync.Once

	mu      sync.Mutex
	items   map[string]*item // by namespace/name
	left    int64
	err     error
	synced  bool
	viewers map[*viewer]struct{}
}

// hold has p watched for v until release; nil if the connection has ended.
func (c *Cluster) hold(p place, v *viewer) *scope {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	s := c.scopes[p]
	if s == nil {
		s = c.watchLocked(p)
	}
	s.holders++
	s.linger.Stop()
	s.mu.Lock()
	s.viewers[v] = struct{}{}
	s.mu.Unlock()
	return s
}

func (c *Cluster) watchLocked(p place) *scope {
	ctx, stop := context.WithCancel(c.ctx)
	s := &scope{
		place: p, c: c, stop: stop, ready: make(chan struct{}),
		items: map[string]*item{}, viewers: map[*viewer]struct{}{},
	}
	s.linger = time.AfterFunc(time.Hour, func() { c.retire(s) })
	s.linger.Stop()
	c.scopes[p] = s
	c.spawnLocked(func() { defer stop(); s.run(ctx) })
	return s
}

// release ends what hold has begun. The watch goes on for a while: people who leave a
// page often come back.
func (c *Cluster) release(s *scope, v *viewer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.mu.Lock()
	delete(s.viewers, v)
	s.mu.Unlock()
	s.holders--
	if s.holders == 0 && !c.ended {
		s.linger.Reset(c.cfg.Linger)
	}
}

func (c *Cluster) retire(s *scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.holders > 0 || c.scopes[s.place] != s {
		return
	}
	delete(c.scopes, s.place)
	s.stop()
}

// read waits for the first list and returns what is there.
func (s *scope) read(ctx context.Context) (listing, error) {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return listing{}, unread(s.place, ctx.Err())
	case <-s.c.ctx.Done():
		return listing{}, errClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return listing{items: slices.Collect(maps.Values(s.items)), left: s.left}, s.err
}

// run lists and watches until ctx ends.
func (s *scope) run(ctx context.Context) {
	r := cache.NewReflectorWithOptions(s, nil, s, cache.ReflectorOptions{
		Name: "live", TypeDescription: s.Kind, Clock: clock.RealClock{},
	})
	r.RunWithContext(ctx)
}

// IsWatchListSemanticsUnSupported has the reflector list before it watches: a list is
// trimmed while it arrives, and ends where there is too much.
func (s *scope) IsWatchListSemanticsUnSupported() bool { return true }

// List implements cache.ListerWatcher.
func (s *scope) List(o metav1.ListOptions) (runtime.Object, error) {
	return s.ListWithContext(s.c.ctx, o)
}

// ListWithContext implements cache.ListerWatcherWithContext.
func (s *scope) ListWithContext(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, patienceForLists*s.c.cfg.Patience)
	defer cancel()
	l, known := s.c.fresh(s.place)
	var err error
	if !known || o.ResourceVersion != "0" { // not the first time
		l, err = s.c.list(ctx, s.place, o.ResourceVersion)
	}
	if err != nil {
		s.failed(err)
		return nil, err
	}
	out := &metainternal.List{ListMeta: metav1.ListMeta{ResourceVersion: l.version}}
	for _, i := range l.items {
		out.Items = append(out.Items, i.arrival())
	}
	s.mu.Lock()
	s.left = l.left
	s.mu.Unlock()
	return out, nil
}

// Watch implements cache.ListerWatcher.
func (s *scope) Watch(o metav1.ListOptions) (watch.Interface, error) {
	return s.WatchWithContext(s.c.ctx, o)
}

// WatchWithContext implements cache.ListerWatcherWithContext.
func (s *scope) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.FieldSelector = s.selector()
	var events watch.Interface
	var err error
	if s.c.whole(s.GroupKind()) {
		events, err = s.c.dynamic.Resource(s.gvr()).Namespace(s.namespace).Watch(ctx, o)
	} else {
		events, err = s.c.metadata.Resource(s.gvr()).Namespace(s.namespace).Watch(ctx, o)
	}
	if ctx.Err() != nil {
		return watch.NewFake(), nil // nobody looks any more, which is no failure
	}
	if err != nil {
		s.failed(err)
		return nil, err
	}
	s.failed(nil)
	w := trimmed.New(events, s.trimEvent)
	if !s.c.spawn(w.Run) {
		w.Stop()
		w.Run() // only to its end
	}
	return w, nil
}

func (s *scope) trimEvent(e watch.Event) (watch.Event, bool) {
	if e.Type != watch.Added && e.Type != watch.Modified && e.Type != watch.Deleted {
		return e, true
	}
	var content map[string]any
	switch o := e.Object.(type) {
	case *unstructured.Unstructured:
		content = o.Object
	default:
		var err error
		if content, err = runtime.DefaultUnstructuredConverter.ToUnstructured(o); err != nil {
			s.c.cfg.Log.Warn("an object can't be read", "target", s.c.name, "object", s.title(), "error", err)
			return e, false
		}
	}
	e.Object = s.c.trim(s.place, content).arrival()
	return e, true
}

// failed notes why the last attempt to read failed; nil if it did not.
func (s *scope) failed(err error) {
	if err != nil && s.c.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	changed := (s.err == nil) != (err == nil)
	s.err = unread(s.place, err)
	if err != nil && s.synced {
		s.err = fmt.Errorf("what is shown may be out of date: %w", s.err)
	}
	s.mu.Unlock()
	if err != nil {
		s.once.Do(func() { close(s.ready) })
	}
	if changed {
		s.changed(nil)
	}
}

// changed tells the viewers; of an item only those that it concerns.
func (s *scope) changed(i *item) {
	s.mu.Lock()
	viewers := slices.Collect(maps.Keys(s.viewers))
	s.mu.Unlock()
	for _, v := range viewers {
		v.changed(i)
	}
}
