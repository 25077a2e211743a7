package worker

import (
	"context"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// kept is a tree that keeps the files which were given to a worker in advance:
// they are read again when it tells that it uses them.
type kept struct {
	model.Tree
	files map[string][]byte
}

func keep(t model.Tree) *kept { return &kept{t, map[string][]byte{}} }

// ReadFile reads a file.
func (k *kept) ReadFile(name string) ([]byte, error) {
	if data, ok := k.files[name]; ok {
		return data, nil
	}
	return k.Tree.ReadFile(name)
}

// Prefetch makes the files below a directory cheap to read, where the tree can.
func (k *kept) Prefetch(dir string) error {
	if p, ok := k.Tree.(interface{ Prefetch(dir string) error }); ok {
		return p.Prefetch(dir)
	}
	return nil
}

// keepingHost is a host whose trees are kept ones: for one tree always the same.
type keepingHost struct {
	model.RenderHost

	mu    sync.Mutex
	trees map[model.Tree]*kept
}

// Remote is the content of another source.
func (h *keepingHost) Remote(ctx context.Context, src model.Source) (*model.Snapshot, error) {
	snap, err := h.RenderHost.Remote(ctx, src)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trees[snap.Tree] == nil {
		h.trees[snap.Tree] = keep(snap.Tree)
	}
	copied := *snap
	copied.Tree = h.trees[snap.Tree]
	return &copied, nil
}

// keeping is in with trees that keep.
func keeping(in model.RenderInput) model.RenderInput {
	in.Tree = keep(in.Tree)
	refs := map[string]model.Tree{}
	for name, t := range in.Refs {
		refs[name] = keep(t)
	}
	in.Refs = refs
	if in.Host != nil {
		in.Host = &keepingHost{RenderHost: in.Host, trees: map[model.Tree]*kept{}}
	}
	return in
}
