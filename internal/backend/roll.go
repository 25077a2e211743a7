package backend

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// rollPause is the time between two roll calls while somebody watches view.TopicClusters.
// What is older than rollAge is not answered with.
const (
	rollPause  = 15 * time.Second
	rollAge    = 2 * rollPause
	rollAtOnce = 16
)

// roll is how clusters have answered when they were asked last, by target.
type roll struct {
	wake chan struct{}
	// version asks a cluster for its version.
	version func(ctx context.Context, target string) (string, error)

	mu      sync.Mutex
	answers map[string]answer
}

// answer is a cluster's version, or why there is none and since when.
type answer struct {
	version   string
	err       error
	at, since time.Time
}

func newRoll(version func(context.Context, string) (string, error)) *roll {
	return &roll{wake: make(chan struct{}, 1), version: version, answers: map[string]answer{}}
}

// of is the last answer of a cluster, if there was any.
func (r *roll) of(target string) (answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.answers[target]
	return a, ok
}

// put notes an answer, and reports whether it says something else than the last.
func (r *roll) put(target string, now answer) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.answers[target]
	if now.since = now.at; before.err != nil {
		now.since = before.since
	}
	r.answers[target] = now
	if !known {
		return now.err != nil
	}
	return before.version != now.version || (before.err == nil) != (now.err == nil)
}

// keep forgets all clusters but these, and reports whether one of the others did not
// answer.
func (r *roll) keep(targets map[string]bool) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for target, last := range r.answers {
		if !targets[target] {
			changed = changed || last.err != nil
			delete(r.answers, target)
		}
	}
	return changed
}

// stir has the roll called before its time.
func (r *roll) stir() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// keepRoll asks the clusters again and again while somebody watches them, until ctx ends.
func (b *Backend) keepRoll(ctx context.Context) {
	for {
		if b.board.Watched(view.TopicClusters) {
			b.callRoll(ctx, rollPause/2)
		}
		select {
		case <-ctx.Done():
			return
		case <-b.roll.wake:
		case <-time.After(rollPause):
		}
	}
}

// callRoll asks all clusters whose last answer is older than that.
func (b *Backend) callRoll(ctx context.Context, age time.Duration) {
	targets := map[string]bool{"": true}
	for _, c := range b.Settings().Clusters() {
		if c.Err == nil {
			targets[c.Target()] = true
		}
	}
	if b.roll.keep(targets) {
		b.board.Touch(view.TopicClusters)
	}
	var g errgroup.Group
	g.SetLimit(rollAtOnce)
	for target := range targets {
		if last, ok := b.roll.of(target); ok && b.Now().Sub(last.at) < age {
			continue
		}
		g.Go(func() error {
			b.ask(ctx, target)
			return nil
		})
	}
	_ = g.Wait() // none fails
}

// ask asks a cluster for its version, and tells who watches when it is another, or when
// it can be reached no more, or again.
func (b *Backend) ask(ctx context.Context, target string) {
	now := answer{}
	now.version, now.err = b.roll.version(ctx, target)
	if ctx.Err() != nil {
		return // it was not asked to the end
	}
	now.at = b.Now()
	if b.roll.put(target, now) {
		b.board.Touch(view.TopicClusters)
	}
}

// version asks a cluster for its version.
func (b *Backend) version(ctx context.Context, target string) (string, error) {
	if how := b.Cluster(target); how.Err != nil {
		return "", how.Err
	}
	place, err := b.Place(target)
	if err != nil {
		return "", err
	}
	return place.Version(ctx)
}

// Unreachable are the clusters that did not answer when they were asked last, or can't
// be asked.
func (b *Backend) Unreachable() []view.Cluster {
	var out []view.Cluster
	add := func(c view.Cluster, target string) {
		if last, ok := b.roll.of(target); c.Err == "" && ok && last.err != nil {
			c.Err, c.Since = last.err.Error(), last.since
		}
		if c.Err != "" {
			out = append(out, c)
		}
	}
	add(view.Cluster{ClusterName: b.clusterName("")}, "")
	for _, c := range b.Settings().Clusters() {
		if c.Target() != "" {
			add(declaredCluster(c), c.Target())
		}
	}
	return out
}
