package source

import (
	"context"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/overlay"
)

// view is a commit as one ask wants it: verified, with or without submodules,
// some of its files, and files of other sources.
type view struct {
	of       *good
	snapshot *model.Snapshot
	id       string
}

// outcome makes of a commit what is asked for. Where that fails, the last view
// that was good still serves.
func (r *repository) outcome(ctx context.Context, key askKey, src model.Source, f found) outcome {
	out := outcome{err: f.err, restored: f.restored}
	if f.good != nil {
		v, err := r.view(ctx, key, src, f.good)
		if err == nil {
			r.views[key] = v
			out.snapshot, out.id = v.snapshot, v.id
			return out
		}
		if out.err == nil {
			out.err = r.refError(err)
		}
	}
	have := r.views[key]
	if have == nil && src.Verify != nil {
		if have = r.lastVerified(ctx, key, src); have != nil {
			r.views[key], out.restored = have, true
		}
	}
	if have != nil {
		out.snapshot, out.id = have.snapshot, have.id
	}
	return out
}

func (r *repository) view(ctx context.Context, key askKey, src model.Source, g *good) (*view, error) {
	parts, partsID, err := r.access.store.included(src.Git.Include)
	if err != nil {
		return nil, err
	}
	id := digestOf(key, g.id, g.name, g.tag, partsID)
	if have := r.views[key]; have != nil && have.of == g && have.id == id {
		return have, nil
	}
	who, err := r.verify(src.Verify, g)
	if err != nil {
		return nil, err
	}
	if src.Verify != nil {
		r.keepVerified(ctx, src, g)
	}
	tree, err := r.treeOf(src, g, parts)
	if err != nil {
		return nil, err
	}
	return &view{of: g, id: id, snapshot: &model.Snapshot{
		URL: shownURL(src.URL), Ref: g.name, Revision: g.id, Commit: g.commit, Verified: who, Tree: tree,
	}}, nil
}

// shownURL is a URL as the user wrote it, without credentials.
func shownURL(raw string) string {
	if r, _, err := parseURL(raw, true); err == nil && r.scheme == "ssh" {
		return r.String() // its user is no secret
	}
	return withoutUserinfo(raw)
}

func (r *repository) treeOf(src model.Source, g *good, parts []overlay.Include) (model.Tree, error) {
	tree := g.tree.with(treeFlags{submodules: src.Git.Submodules, lfs: src.Git.LFS})
	if src.Ignore == nil && len(src.Git.Sparse) == 0 && len(parts) == 0 {
		return tree, nil
	}
	return overlay.New(tree, overlay.Options{
		Sparse: src.Git.Sparse, Include: parts, Ignore: src.Ignore, Cache: r.access.store.views,
	})
}
