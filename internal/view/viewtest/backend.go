package viewtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/board"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Now is when the sample was taken. The world changes from then on by deeds only, each
// of which takes a second.
var Now = time.Date(2026, time.November, 20, 9, 30, 0, 0, time.UTC)

// Backend is an installation made of samples. Its methods may be called concurrently.
type Backend struct {
	board *board.Board

	mu       sync.Mutex
	apps     map[model.AppKey]*sample
	deeds    []string
	failures map[string]error
	clock    time.Time

	clusters     []view.Cluster
	repositories []view.Repository
	projects     []view.Project
	feeders      []view.Feeder
	activity     []view.Activity
	audits       []view.Audit
	altered      string
}

var _ view.Backend = (*Backend)(nil)

// sample is an app with what its pages show.
type sample struct {
	view.Detail
	tree   view.Tree
	diff   view.Diff
	events []view.Event
	logs   []view.LogLine
	// said is closed when a line was added to logs, and replaced.
	said chan struct{}
}

// New is a Backend with the sample: all kinds and states of apps, in two clusters.
func New() *Backend {
	b := Empty()
	for _, s := range sampleApps() {
		b.put(s)
	}
	b.clusters, b.repositories, b.projects = sampleClusters(), sampleRepositories(), sampleProjects()
	b.feeders, b.activity, b.audits = sampleFeeders(), sampleActivity(), sampleAudits()
	return b
}

// Empty is a Backend in which there is nothing at all.
func Empty() *Backend {
	return &Backend{board: board.New(), apps: map[model.AppKey]*sample{}, failures: map[string]error{}, clock: Now}
}

// put adds or replaces an app. The caller holds mu, or is alone.
func (b *Backend) put(s *sample) {
	if s.said == nil {
		s.said = make(chan struct{})
	}
	b.apps[s.Key] = s
	b.show(s)
}

// show brings an app's line to the list.
func (b *Backend) show(s *sample) {
	b.board.Put(s.App, b.clock)
	s.App, _ = b.board.Get(s.Key)
}

// tick is the time of the next event.
func (b *Backend) tick() time.Time {
	b.clock = b.clock.Add(time.Second)
	return b.clock
}

// Edit changes an app and wakes those who watch it. It panics if there is no such app.
// Lists and maps in it are shared with readers: change replaces them.
func (b *Backend) Edit(app model.AppKey, change func(*view.Detail)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.apps[app]
	if s.Operation != nil {
		op := *s.Operation
		s.Operation = &op
	}
	change(&s.Detail)
	s.Changed = b.tick()
	b.show(s)
	b.board.Touch(view.TopicTree(app))
}

// SetTree gives an app another tree, such as one of Big.
func (b *Backend) SetTree(app model.AppKey, tree view.Tree) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.apps[app].tree = tree
	b.board.Touch(view.TopicTree(app))
}

// SetDiff gives an app another diff.
func (b *Backend) SetDiff(app model.AppKey, diff view.Diff) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.apps[app].diff = diff
	b.board.Touch(view.TopicApp(app))
}

// Remove deletes an app.
func (b *Backend) Remove(app model.AppKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.apps, app)
	b.board.Remove(app)
}

// Say adds a line to a pod's log, which those who follow it get at once.
func (b *Backend) Say(app model.AppKey, line view.LogLine) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.apps[app]
	s.logs = append(slices.Clip(s.logs), line)
	close(s.said)
	s.said = make(chan struct{})
}

// Fail makes a method, such as "Tree", fail from now on; nil ends that.
func (b *Backend) Fail(method string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures[method] = err
}

// Deeds are what was asked for, oldest first, such as
// "sync argo/argocd/shop-cart by admin prune".
func (b *Backend) Deeds() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.deeds)
}

// Touch wakes those who watch a topic.
func (b *Backend) Touch(topic view.Topic) { b.board.Touch(topic) }

// Watched reports whether anybody watches a topic.
func (b *Backend) Watched(topic view.Topic) bool { return b.board.Watched(topic) }

// with calls f with the app, unless method has to fail or there is no such app.
func (b *Backend) with(method string, app model.AppKey, f func(*sample) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.failures[method]; err != nil {
		return err
	}
	s := b.apps[app]
	if s == nil {
		return NotFound(app)
	}
	return f(s)
}

// NotFound is the error about an app that does not exist or may not be seen.
func NotFound(app model.AppKey) error {
	return model.As(model.ErrNotFound, fmt.Errorf("there is no app %s, or you may not see it", app))
}

// Apps is view.Backend's.
func (b *Backend) Apps(q view.Query, may func(*view.App) bool) view.Page { return b.board.Apps(q, may) }

// Brief is view.Backend's.
func (b *Backend) Brief(app model.AppKey) (view.App, bool) { return b.board.Get(app) }

// Watch is view.Backend's.
func (b *Backend) Watch(ctx context.Context, topic view.Topic) <-chan struct{} {
	return b.board.Watch(ctx, topic)
}
