package source

import (
	"errors"
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/overlay"
)

// included is the content of other subscriptions, and a digest that changes with
// it. model.ErrIncludeUnavailable if there is none.
func (s *Store) included(list []model.Include) ([]overlay.Include, string, error) {
	if len(list) == 0 {
		return nil, "", nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []overlay.Include
	var ids []string
	for _, i := range list {
		sub, err := s.available(i.Source)
		if err != nil {
			return nil, "", model.As(model.ErrIncludeUnavailable, fmt.Errorf("the included source %s is not available: %w", i.Source, err))
		}
		snap := sub.state.Snapshot
		out = append(out, overlay.Include{Name: string(i.Source), Tree: snap.Tree, From: i.From, To: i.To})
		ids = append(ids, digestOf(sub.id, snap.URL, snap.Ref, snap.Revision, snap.Digest))
	}
	return out, digestOf(ids), nil
}

// available is a subscription that has content. s.mu is held.
func (s *Store) available(key model.SourceKey) (*subscription, error) {
	if s.inCircle(key, map[model.SourceKey]bool{}) {
		return nil, model.Invalidf("sources include one another in a circle; take one of the includes away")
	}
	sub, ok := s.subs[key]
	switch {
	case !ok:
		return nil, model.As(model.ErrTransient, errors.New("there is no such source; create it or correct the name"))
	case sub.state.Snapshot != nil:
		return sub, nil
	case sub.state.Err != nil:
		return nil, model.As(model.ErrTransient, errors.New("it has no content: "+sub.state.Err.Error()))
	}
	return nil, model.As(model.ErrTransient, errors.New("it has not been fetched yet"))
}

// inCircle reports whether a subscription includes itself, or something that
// does. s.mu is held.
func (s *Store) inCircle(key model.SourceKey, way map[model.SourceKey]bool) bool {
	if way[key] {
		return true
	}
	sub, ok := s.subs[key]
	if !ok {
		return false
	}
	way[key] = true
	defer delete(way, key)
	for _, i := range sub.src.Git.Include {
		if s.inCircle(i.Source, way) {
			return true
		}
	}
	return false
}

// lookAtIncluding looks at the subscriptions that have a part of one of those
// that changed. s.mu is held.
func (s *Store) lookAtIncluding(changed []model.SourceKey) {
	for _, sub := range s.subs {
		if sub.group == nil || sub.src.Suspended {
			continue
		}
		for _, i := range sub.src.Git.Include {
			for _, key := range changed {
				if i.Source == key {
					s.lookNow(sub.group)
				}
			}
		}
	}
}
