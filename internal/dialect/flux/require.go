package flux

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// remove ends the subscription and tells those who used it.
func (s *sources) remove(ctx context.Context, name object) error {
	s.end(name)
	return s.wakeUsers(ctx, name)
}

// find is what a source object asks for; the problem is for the user, the error
// one of the API server.
func (s *sources) find(ctx context.Context, name object) (d Declaration, problem, err error) {
	obj, err := s.cached(ctx, name)
	if err != nil {
		return d, nil, err
	}
	if obj == nil {
		return d, model.As(model.ErrNotFound, fmt.Errorf("%s not found: create it or fix the reference to it", name)), nil
	}
	d, err = s.declare(ctx, obj)
	return d, nil, err
}

// require makes sure that a source is subscribed to.
func (s *sources) require(ctx context.Context, name object) (problem, err error) {
	d, problem, err := s.find(ctx, name)
	if problem != nil || err != nil {
		return problem, err
	}
	return s.requireFor(ctx, d)
}

// requireFor is require of what is found already.
func (s *sources) requireFor(ctx context.Context, d Declaration) (problem, err error) {
	if within, ok := ofKey(d.Of); ok {
		return s.require(ctx, within)
	}
	sub := s.of(d.Key())
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if err := s.subscribe(ctx, sub, d, user{d.object(), partSource}, false); err != nil {
		return nil, err
	}
	if _, serves := s.Sources.State(d.Key()); serves || sub.problem == nil {
		return nil, nil
	}
	return unusable(d.object(), sub.problem), nil
}

// end ends a subscription.
func (s *sources) end(name object) {
	s.mu.Lock()
	_, subscribed := s.subs[name.key()]
	delete(s.subs, name.key())
	s.mu.Unlock()
	s.refs.drop(user{name, partSource})
	if subscribed {
		s.Sources.Remove(name.key())
	}
}

// unusable is the error about a source with a problem. The problem's own kind
// is left behind: it passes when the source changes.
func unusable(name object, problem error) error {
	return model.As(model.ErrNotFound, errors.New(name.String()+" can't be used: "+strings.TrimSpace(problem.Error())))
}
