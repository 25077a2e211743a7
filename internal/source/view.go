package source

import (
	"context"
	"errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// errTryAgain marks an error that passes without the user doing anything, so
// that the next look comes soon.
var errTryAgain = errors.New("try again")

// view is a commit as one ask wants it: verified, with or without submodules,
// some of its files.
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
	if have := r.views[key]; have != nil {
		out.snapshot, out.id = have.snapshot, have.id
	}
	return out
}

func (r *repository) view(_ context.Context, key askKey, src model.Source, g *good) (*view, error) {
	id := digestOf(key, g.id, g.name)
	if have := r.views[key]; have != nil && have.of == g && have.id == id {
		return have, nil
	}
	v := &view{of: g, id: id}
	v.snapshot = &model.Snapshot{
		URL: r.url, Ref: g.name, Revision: g.id, Commit: g.commit,
		Tree: g.tree.with(treeFlags{submodules: src.Git.Submodules, lfs: src.Git.LFS}),
	}
	return v, nil
}
