package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// compareApps compares apps of the same name. One that does not render now is an
// error, and is not compared; one that did not before had no objects.
func compareApps(ctx context.Context, bench Workbench, before, after world, old, now place) (all []comparison, warnings []string, err error) {
	for _, p := range pairsOf(before.apps, after.apps) {
		c := comparison{title: p.title()}
		if p.after != nil {
			is, failed := after.render(ctx, bench, *p.after, now)
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", c.title, failed))
				continue
			}
			c.after = is.Objects
		}
		if p.before != nil {
			was, failed := before.render(ctx, bench, *p.before, old)
			if failed != nil {
				warnings = append(warnings, fmt.Sprintf("%s did not render before the change: %v", c.title, failed))
			}
			c.before = was.Objects
		}
		all = append(all, c)
	}
	return all, warnings, err
}

// pair is an app before and after a change; nil where there was none, or is none.
type appPair struct{ before, after *declaredApp }

func (p appPair) title() string {
	if p.after != nil {
		return p.after.title
	}
	return p.before.title
}

// pairsOf finds the earlier declaration of each app: that of the same file, as
// the clusters of a repository may have apps of one name, or else one whose file
// declares no such app any more. Apps that are gone come last.
func pairsOf(before, after []declaredApp) []appPair {
	type identity struct {
		model.AppKey
		file string
	}
	of := func(a *declaredApp) identity { return identity{a.App.Key, a.file} }
	stays := map[identity]*appPair{}
	out := make([]appPair, len(after))
	for i := range after {
		out[i].after = &after[i]
		stays[of(&after[i])] = &out[i]
	}
	var moved []*declaredApp
	for i := range before {
		if p := stays[of(&before[i])]; p != nil {
			p.before = &before[i]
		} else {
			moved = append(moved, &before[i])
		}
	}
	var gone []appPair
	for _, was := range moved {
		if p := fresh(out, was.App.Key); p != nil {
			p.before = was
		} else {
			gone = append(gone, appPair{before: was})
		}
	}
	return slices.Concat(out, gone)
}

// fresh is the first app of that name that was not there before.
func fresh(pairs []appPair, key model.AppKey) *appPair {
	for i := range pairs {
		if p := &pairs[i]; p.before == nil && p.after != nil && p.after.App.Key == key {
			return p
		}
	}
	return nil
}
