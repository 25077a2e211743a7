package source

import (
	"cmp"
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// subscription is what one key asks for and how that is.
type subscription struct {
	src   model.Source
	ask   askKey
	group *group // nil if the source is invalid
	index []string
	token string // of a Refresh that waits
	state model.SourceState
	id    string // of the snapshot, see outcome
}

// Set makes or changes a subscription. An equal source changes nothing; a changed
// one is looked at at once. With another URL or ref the state starts anew; with
// other credentials the last content stays until they have been tried.
func (s *Store) Set(key model.SourceKey, src model.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.subs[key]
	if old != nil && old.src.Equal(src) {
		return
	}
	sub := &subscription{src: src, ask: askOf(src)}
	if old != nil {
		s.leave(key, old)
		sub.token, sub.state.Handled = old.token, old.state.Handled
		if sameContent(old.src, src) {
			sub.state, sub.id = old.state, old.id
		}
	}
	s.subs[key] = sub
	if err := s.join(key, sub); err != nil {
		sub.state.Since = time.Now()
		sub.state.Err = &Failure{Since: sub.state.Since, err: err}
		s.handled(key, sub)
	}
	s.poke()
}

// place is where a source's group is, and how it is looked at.
type place struct {
	key   groupKey
	index []string // what a webhook may call it
	open  func() finder
}

// join puts a subscription into the group of its place and credentials.
func (s *Store) join(key model.SourceKey, sub *subscription) error {
	at, err := s.place(sub.src)
	if err != nil {
		return err
	}
	g := s.groups[at.key]
	if g == nil {
		g = &group{key: at.key, finder: at.open(), subs: map[model.SourceKey]*subscription{}}
		s.groups[at.key] = g
		g.finder.grant(cmp.Or(sub.src.Timeout, s.cfg.Timeout))
	}
	sub.group, sub.index = g, at.index
	g.subs[key] = sub
	s.byName.add(key, sub.index)
	s.lookNow(g)
	return nil
}

func (s *Store) place(src model.Source) (place, error) {
	switch src.Kind {
	case "", model.SourceGit:
		return s.gitPlace(src)
	default:
		return s.artifactPlace(src)
	}
}

// Fork subscribes key to what from is subscribed to, at another revision: a branch,
// a tag, a commit, as in Ref.Any. It is looked at once, and again only when somebody
// asks for it. The credentials are those of from. model.ErrNotFound if there is no
// such subscription.
func (s *Store) Fork(key, from model.SourceKey, revision string) error {
	s.mu.Lock()
	old := s.subs[from]
	s.mu.Unlock()
	if old == nil {
		return model.As(model.ErrNotFound, fmt.Errorf("there is no source %s", from))
	}
	src := old.src
	src.Ref, src.Suspended, src.Interval = model.Ref{Any: revision}, false, seldom
	s.Set(key, src)
	return nil
}

// seldom is the pause between two looks at what nobody follows.
const seldom = 365 * 24 * time.Hour

func (s *Store) leave(key model.SourceKey, sub *subscription) {
	if sub.group == nil {
		return
	}
	s.byName.remove(key, sub.index)
	delete(sub.group.subs, key)
	if len(sub.group.subs) == 0 {
		delete(s.groups, sub.group.key)
	}
}

// Remove ends a subscription. What was fetched stays on disk, and snapshots that
// were handed out stay readable.
func (s *Store) Remove(key model.SourceKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub, ok := s.subs[key]; ok {
		s.leave(key, sub)
		delete(s.subs, key)
	}
}

// Refresh looks at a repository now. When a look that began after this call has
// ended, well or not, token is State.Handled. A suspended subscription waits until
// it is resumed. A key that does not exist is ignored.
func (s *Store) Refresh(key model.SourceKey, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, ok := s.subs[key]
	if !ok {
		return
	}
	sub.token = token
	if sub.group == nil {
		s.handled(key, sub)
	} else {
		s.lookNow(sub.group)
	}
	s.poke()
}

// handled ends a Refresh without a look, for a source that cannot have one.
func (s *Store) handled(key model.SourceKey, sub *subscription) {
	if sub.token != "" {
		sub.state.Handled, sub.token = sub.token, ""
	}
	s.notices = append(s.notices, key)
}

// lookNow makes a group due; a look that runs already is followed by another.
func (s *Store) lookNow(g *group) {
	g.next = time.Time{}
	g.again = g.busy
}

// interval is the pause between two looks: the shortest that a subscriber asks
// for. 0 means that nobody asks.
func (s *Store) interval(g *group) time.Duration {
	var least time.Duration
	for _, sub := range g.subs {
		if sub.src.Suspended {
			continue
		}
		d := max(cmp.Or(sub.src.Interval, s.cfg.Interval), s.cfg.MinInterval)
		if least == 0 || d < least {
			least = d
		}
	}
	return least
}

// timeout is the longest that a subscriber grants.
func (s *Store) timeout(g *group) time.Duration {
	var most time.Duration
	for _, sub := range g.subs {
		most = max(most, cmp.Or(sub.src.Timeout, s.cfg.Timeout))
	}
	return cmp.Or(most, s.cfg.Timeout)
}
