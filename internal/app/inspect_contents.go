package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
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
func contents(ctx context.Context, p previewer, found engine.Inspection, manager string) ([]cli.Change, error) {
	var out []cli.Change
	for _, s := range found.Plan.Steps {
		if s.Action != model.ActionKeep {
			out = append(out, cli.Change{Step: s})
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, p.Parallel()))
	for i := range out {
		g.Go(func() error { return content(gctx, p, &out[i], found.Desired[out[i].Object.ObjectKey], manager) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	m := mask{}
	for _, c := range out {
		m.hide(c.Before)
		m.hide(c.After)
	}
	return out, nil
}

// content fills in one change. What the API server refuses is the change's own
// error, since a sync would come to it as well.
func content(ctx context.Context, p previewer, c *cli.Change, desired model.Object, manager string) (err error) {
	switch c.Action {
	case model.ActionCreate:
		if c.After, err = decoded(desired); err != nil {
			return err
		}
		// Without its namespace it can't be tried.
		if _, err := p.Preview(ctx, desired, manager); !errors.Is(err, model.ErrNotFound) {
			c.Err = err
		}
		return ctx.Err()
	case model.ActionUpdate, model.ActionCheck:
		if c.Before, err = p.Read(ctx, c.Object); err != nil && !errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("reading %s: %w", c.Object.ObjectKey, err)
		}
		c.After, c.Err = p.Preview(ctx, desired, manager)
		return ctx.Err()
	case model.ActionDelete:
		if c.Before, err = p.Read(ctx, c.Object); err != nil && !errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("reading %s: %w", c.Object.ObjectKey, err)
		}
	}
	return nil
}

func decoded(o model.Object) (map[string]any, error) {
	var body map[string]any
	if err := json.Unmarshal(o.JSON, &body); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", o.ObjectKey, err)
	}
	return body, nil
}

// mask numbers the values of Secrets, so that equal ones look equal and
// different ones different, and nothing else can be told.
type mask map[string]int

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// hide replaces the values of a Secret; other objects stay as they are.
func (m mask) hide(obj map[string]any) {
	if obj["kind"] != "Secret" || obj["apiVersion"] != "v1" {
		return
	}
	for _, field := range []string{"data", "stringData"} {
		m.values(obj[field])
	}
	meta, _ := obj["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	if _, ok := annotations[lastApplied]; ok {
		annotations[lastApplied] = m.of(annotations[lastApplied])
	}
}

func (m mask) values(of any) {
	data, _ := of.(map[string]any)
	for _, k := range slices.Sorted(maps.Keys(data)) {
		data[k] = m.of(data[k])
	}
}

func (m mask) of(value any) string {
	text := fmt.Sprint(value)
	if m[text] == 0 {
		m[text] = len(m) + 1
	}
	return fmt.Sprintf("(hidden value %d)", m[text])
}
