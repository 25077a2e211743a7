package live

import (
	"context"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// viewer is somebody who looks at a tree.
type viewer struct {
	c     *Cluster
	roots []model.ResourceState
	dirty chan struct{}
	held  map[place]*scope

	mu   sync.Mutex
	uids map[string]bool
	keys map[model.ObjectKey]bool
	// claims: claims without an owner may be of the tree.
	claims bool
}

// Watch has the places of a tree watched while ctx lasts, for all viewers together. The
// channel gets a value when the tree may have changed, first when all places were read;
// several changes may be one. It is closed when ctx ends, and when the connection does.
//
// Where the roots change, Watch them anew and then end the old ctx: what both need goes
// on being watched.
func (s *Service) Watch(ctx context.Context, c *Cluster, roots []model.ResourceState) <-chan struct{} {
	out := make(chan struct{}, 1)
	v := &viewer{
		c: c, roots: roots, dirty: make(chan struct{}, 1), held: map[place]*scope{},
		uids: map[string]bool{}, keys: map[model.ObjectKey]bool{},
	}
	for _, r := range roots {
		v.keys[r.Object.ObjectKey] = true
	}
	if !c.spawn(func() { defer close(out); v.run(ctx, out) }) {
		close(out)
	}
	return out
}

func (v *viewer) run(ctx context.Context, out chan<- struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(v.c.ctx, cancel)()
	defer func() {
		for _, s := range v.held {
			v.c.release(s, v)
		}
	}()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		lost := v.look(ctx)
		select {
		case out <- struct{}{}:
		default: // the one before has not been taken yet
		}
		wait := v.c.cfg.Pause
		if lost {
			wait = v.c.cfg.Patience // and then ask once more
			v.changed(nil)
		}
		pause.Reset(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-v.dirty:
		case <-ctx.Done():
			return
		}
	}
}

// look notes what is in the tree and holds the places that it is made of; it reports
// whether the cluster could not be asked for its kinds.
func (v *viewer) look(ctx context.Context) (lost bool) {
	h := v.c.gather(ctx, v.roots, func(p place) {
		if v.held[p] == nil {
			if s := v.c.hold(p, v); s != nil {
				v.held[p] = s
			}
		}
	})
	if h.lost {
		return true
	}
	uids := map[string]bool{}
	for _, n := range h.tree().Nodes {
		if n.UID != "" {
			uids[n.UID] = true
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.uids, v.claims = uids, len(h.claims()) > 0
	return false
}

// changed hears of a changed item, or, where that is nil, that anything may have
// changed.
func (v *viewer) changed(i *item) {
	if i != nil && !v.concerned(i) {
		return
	}
	select {
	case v.dirty <- struct{}{}:
	default:
	}
}

func (v *viewer) concerned(i *item) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.uids[i.node.UID] || v.keys[i.node.Ref.ObjectKey] {
		return true
	}
	for _, o := range i.owners {
		if v.uids[o.uid] {
			return true
		}
	}
	return v.claims && len(i.owners) == 0 && i.node.Ref.Kind == claimKind.Kind
}
