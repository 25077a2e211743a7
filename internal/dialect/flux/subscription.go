package flux

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// subscription is what is remembered of a source object between two reconciles.
type subscription struct {
	mu sync.Mutex
	// uid and generation are those of the object that the store follows; version
	// tells what it asked for then, and read what its needs held, "" for nothing.
	uid           types.UID
	generation    int64
	version, read string
	// problem says why the store has nothing, or nothing new.
	problem error
	// lacking says which sources can't be used that it is made of.
	lacking error
	// told is what those who use the source were told last.
	told string
	// revision is the last one that the parts of the source were told of.
	revision string
	// denied is the look at the source that made us read its needs again.
	denied time.Time
	// asked is the newest requestedAt token that was handed to the store.
	asked string
	// written is what our last write made of the object, as remembered; nil once the cache
	// was seen to have it.
	written *unstructured.Unstructured
}

// subscribe gives the store what is declared, if that or what it needs is another than before. Needs are read when the declaration changes,
// when one of them has changed, when the source denies access, and when force
// is set. The error is one of the API server; what is wrong with a need is
// sub.problem.
func (s *sources) subscribe(ctx context.Context, sub *subscription, d Declaration, u user, force bool) error {
	if sub.uid == d.UID && d.Generation < sub.generation {
		return nil
	}
	if d.Invalid != nil || d.Static || d.Of != "" {
		sub.uid, sub.generation, sub.version, sub.read = d.UID, d.Generation, d.version(), ""
		sub.problem = d.Invalid
		s.refs.drop(u)
		s.Sources.Remove(d.Key())
		return nil
	}
	if !force && !s.refs.stale(u) && !s.isDenied(sub, d) && sub.isOf(d) {
		return nil
	}
	contents, err := s.refs.get(ctx, s.Live, u, d.Refs())
	if err != nil {
		return err
	}
	source, problem := d.With(contents)
	sub.problem = problem
	read := contents.version()
	if problem != nil || sub.isOf(d) && sub.read == read {
		return nil
	}
	sub.uid, sub.generation, sub.version, sub.read = d.UID, d.Generation, d.version(), read
	s.Sources.Set(d.Key(), source)
	return nil
}

// isOf reports whether the store has what is declared.
func (s *subscription) isOf(d Declaration) bool {
	return s.version == d.version() && s.read != "" && s.problem == nil
}

// isDenied reports whether the store's last look was refused and the needs have
// not been read since.
func (s *sources) isDenied(sub *subscription, d Declaration) bool {
	state, _ := s.Sources.State(d.Key())
	if len(d.Needs) == 0 || !errors.Is(state.Err, model.ErrDenied) || state.Checked.Equal(sub.denied) {
		return false
	}
	sub.denied = state.Checked
	return true
}
