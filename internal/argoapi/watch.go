package argoapi

import (
	"maps"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// The types of events.
const (
	added    = "ADDED"
	modified = "MODIFIED"
	deleted  = "DELETED"
)

// change is an event of the stream of Applications.
type change struct {
	Type        string         `json:"type"`
	Application map[string]any `json:"application"`
}

// watchApps tells of the Applications that a selection finds: first of all, but for
// those that a list with the given resource version has told of, then of each change.
func watchApps(c *call) (any, error) {
	s, err := c.selection()
	if err != nil {
		return nil, err
	}
	if s.name != "" && len(s.query.Declared) == 0 {
		s.query.Declared = []string{c.Namespace}
	}
	signals, err := c.desk.Watch(c.r.Context(), view.TopicApps)
	if err != nil {
		return nil, err
	}
	now, err := c.find(s)
	if err != nil {
		return nil, err
	}
	out := c.stream()
	if err := out.begin(); err != nil {
		return nil, out.over(nil)
	}
	w := appWatch{stream: out, known: map[model.AppKey]map[string]any{}}
	if s.name == "" {
		w.since = number(c.query.Get("resourceVersion"))
	}
	last := time.Now()
	for err = w.tell(now); err == nil && c.next(signals, &last); err = w.look(s) {
	}
	if err == nil {
		_, err = c.desk.Apps(c.r.Context(), s.query) // why it is over
	}
	return nil, out.over(err)
}

// appWatch is a stream about Applications.
type appWatch struct {
	*stream
	known map[model.AppKey]map[string]any
	// state is that of the snapshot that was told.
	state state
	// since is the resource version up to which the client knows all; 0 is none.
	since uint64
}

// look tells what has changed, if anything has. Rights are those of now.
func (w *appWatch) look(s selection) error {
	state, err := w.c.state(s)
	if err != nil || state == w.state {
		return err
	}
	now, err := w.c.find(s)
	if err != nil {
		return err
	}
	return w.tell(now)
}

func (w *appWatch) tell(now snapshot) error {
	w.state = now.state
	gone := maps.Clone(w.known)
	for _, it := range now.items {
		before, was := gone[it.key]
		delete(gone, it.key)
		w.known[it.key] = it.object
		kind := added
		switch {
		case was && resourceVersion(before) == resourceVersion(it.object):
			continue
		case was:
			kind = modified
		case w.since > 0 && number(resourceVersion(it.object)) <= w.since:
			continue
		}
		if err := w.send(change{kind, it.object}); err != nil {
			return err
		}
	}
	w.since = 0
	for key, object := range gone {
		delete(w.known, key)
		if err := w.send(change{deleted, object}); err != nil {
			return err
		}
	}
	return nil
}
