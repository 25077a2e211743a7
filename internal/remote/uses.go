package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Sources is the part of the source store that is needed.
type Sources interface {
	Set(model.SourceKey, model.Source)
	Remove(model.SourceKey)
	States([]model.SourceKey) ([]model.SourceState, bool)
}

// patience is how long a render waits for content that is fetched for the first
// time. An app whose content takes longer is rendered again when it is there.
const patience = 3 * time.Second

// ErrFetching is for content that is not there yet. It is model.ErrTransient, and
// what asked for it is told when it has come.
var ErrFetching = model.As(model.ErrTransient, errors.New("still being fetched"))

// Uses are the sources that renders have asked for, and who did. Its methods
// may be called from several goroutines.
type Uses struct {
	sources Sources
	// wake renders an app again.
	wake func(model.AppKey)

	// mu is held while the sources are changed, so that these and uses always say
	// the same.
	mu   sync.Mutex
	uses map[model.SourceKey]*use
	// rounds count the renders of each app.
	rounds map[model.AppKey]int
}

// use is a source that some apps' renders use.
type use struct {
	url string
	// apps use it, as of that round.
	apps map[model.AppKey]int
	// news is closed and replaced when the state has changed.
	news chan struct{}
}

// NewUses keeps its subscriptions in sources, under keys of their own.
func NewUses(sources Sources, wake func(model.AppKey)) *Uses {
	return &Uses{sources: sources, wake: wake, uses: map[model.SourceKey]*use{}, rounds: map[model.AppKey]int{}}
}

// Fetch is the newest content of src, credentials included, for an app's render.
// From now on the app is rendered again when it changes.
func (u *Uses) Fetch(ctx context.Context, app model.AppKey, src model.Source) (*model.Snapshot, error) {
	key, err := keyOf(src)
	if err != nil {
		return nil, err
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		news := u.note(key, app, src)
		states, ok := u.sources.States([]model.SourceKey{key})
		switch {
		case ok && states[0].Snapshot != nil:
			return states[0].Snapshot, nil
		case ok && states[0].Err != nil:
			return nil, states[0].Err
		}
		select {
		case <-news:
		case <-deadline.C:
			return nil, fmt.Errorf("%s: %w", Redact(src.URL), ErrFetching)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// note subscribes to a source for an app.
func (u *Uses) note(key model.SourceKey, app model.AppKey, src model.Source) <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	it := u.uses[key]
	if it == nil {
		it = &use{url: Redact(src.URL), apps: map[model.AppKey]int{}, news: make(chan struct{})}
		u.uses[key] = it
		u.sources.Set(key, src)
	}
	it.apps[app] = u.rounds[app]
	return it.news
}

// keyOf tells sources apart by all that they ask for, credentials included.
func keyOf(src model.Source) (model.SourceKey, error) {
	text, err := json.Marshal(src)
	if err != nil {
		return "", model.Invalidf("source %s: %w", Redact(src.URL), err)
	}
	return model.SourceKey("remote/" + model.DigestOf(text).String()), nil
}

// Changed says that a subscription of the store has news. Others' are ignored.
func (u *Uses) Changed(key model.SourceKey) {
	u.mu.Lock()
	it := u.uses[key]
	var apps []model.AppKey
	if it != nil {
		close(it.news)
		it.news = make(chan struct{})
		apps = slices.Collect(maps.Keys(it.apps))
	}
	u.mu.Unlock()
	for _, app := range apps {
		u.wake(app)
	}
}

// Begin says that an app is about to be rendered.
func (u *Uses) Begin(app model.AppKey) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rounds[app]++
}

// End says that all of an app has been rendered, or found unchanged: what it has
// not asked for since Begin it does not use any more. The texts tell which of what
// it uses can't be reached, so that older content stands for it; sorted.
func (u *Uses) End(app model.AppKey) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var troubles []string
	for key, it := range u.uses {
		round, uses := it.apps[app]
		if !uses {
			continue
		}
		if round < u.rounds[app] {
			u.dropLocked(key, it, app)
			continue
		}
		if states, ok := u.sources.States([]model.SourceKey{key}); ok && states[0].Err != nil {
			troubles = append(troubles, fmt.Sprintf("%s is used as it was last seen: %v", it.url, states[0].Err))
		}
	}
	slices.Sort(troubles)
	return troubles
}

// Forget ends the subscriptions that only this app used.
func (u *Uses) Forget(app model.AppKey) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.rounds, app)
	for key, it := range u.uses {
		u.dropLocked(key, it, app)
	}
}

func (u *Uses) dropLocked(key model.SourceKey, it *use, app model.AppKey) {
	if delete(it.apps, app); len(it.apps) == 0 {
		delete(u.uses, key)
		u.sources.Remove(key)
	}
}
