package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/compare"
	"github.com/fixpoint-cd/fixpoint/internal/engine"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// previewer reads objects, and what an apply would make of them.
type previewer interface {
	Read(context.Context, model.ObjectRef) (map[string]any, error)
	Preview(ctx context.Context, obj model.Object, manager string) (map[string]any, error)
	Parallel() int
}

// contents are the steps that change something, with what the objects are and
// would be, the values of Secrets hidden.
func contents(ctx context.Context, p previewer, found engine.Inspection, app model.App, paths compare.Paths) ([]cli.Change, error) {
	var out []cli.Change
	for _, s := range found.Plan.Steps {
		if s.Action != model.ActionKeep {
			out = append(out, cli.Change{Step: s})
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, p.Parallel()))
	for i := range out {
		desired := found.Desired[out[i].Object.ObjectKey]
		differ := compare.Differ{
			Rules: compare.For(app.Compare, desired.ObjectKey), Paths: paths, Manager: app.Manager,
			Former: app.Sync.Migrate, Desired: desired.JSON,
		}
		g.Go(func() error { return content(gctx, p, &out[i], desired, differ) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	m := model.Mask{}
	for _, c := range out {
		m.Cover(c.Before)
		m.Cover(c.After)
	}
	return out, nil
}

// content fills in one change. What the API server refuses is the change's own
// error, since a sync would come to it as well.
func content(ctx context.Context, p previewer, c *cli.Change, desired model.Object, differ compare.Differ) (err error) {
	switch c.Action {
	case model.ActionCreate:
		if c.After, err = decoded(desired); err != nil {
			return err
		}
		// Without its namespace it can't be tried.
		if _, err := p.Preview(ctx, desired, differ.Manager); !errors.Is(err, model.ErrNotFound) {
			c.Err = err
		}
		return ctx.Err()
	case model.ActionUpdate, model.ActionCheck:
		if c.Before, err = p.Read(ctx, c.Object); err != nil && !errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("reading %s: %w", c.Object.ObjectKey, err)
		}
		if c.After, c.Err = p.Preview(ctx, desired, differ.Manager); c.Err != nil {
			return ctx.Err()
		}
		live := c.Before
		if c.Before, c.After, err = differ.Counting(ctx, live, c.After); err == nil {
			c.Others = others(compare.RivalsIn(live, c.Before, c.After, differ.Manager, desired.JSON))
		}
		return err
	case model.ActionDelete:
		if c.Before, err = p.Read(ctx, c.Object); err != nil && !errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("reading %s: %w", c.Object.ObjectKey, err)
		}
	}
	return nil
}

// others are rivals as commands and pages show them.
func others(rivals []compare.Rival) []cli.Other {
	out := make([]cli.Other, 0, len(rivals))
	for _, r := range rivals {
		out = append(out, cli.Other{
			Manager: r.Manager, Operation: r.Operation, Subresource: r.Subresource, Time: r.Time, Fields: r.Paths, Text: r.String(),
		})
	}
	return out
}

func decoded(o model.Object) (map[string]any, error) {
	var body map[string]any
	if err := json.Unmarshal(o.JSON, &body); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", o.ObjectKey, err)
	}
	return body, nil
}
