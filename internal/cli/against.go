package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// flagNames are those of a command's flags so far.
func flagNames(cmd *cobra.Command) map[string]bool {
	out := map[string]bool{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) { out[f.Name] = true })
	return out
}

// hideOthers keeps flags that were added since out of the help.
func hideOthers(cmd *cobra.Command, known map[string]bool) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Hidden = f.Hidden || !known[f.Name] })
}

// comparison are the objects that something renders to, before and after.
type comparison struct {
	title         string
	before, after []model.Object
}

// diffAgainst shows what the changes of a work tree do to what it renders to.
func diffAgainst(cmd *cobra.Command, deps Deps, flags *renderFlags, out format, dir, revision string) (bool, error) {
	now, err := placeOf(deps, dir, flags.root)
	if err != nil {
		return false, err
	}
	bench, err := flags.open(deps)
	if err != nil {
		return false, err
	}
	defer func() { _ = bench.Close() }()
	snap, err := bench.Base(cmd.Context(), now.top, revision)
	if err != nil {
		return false, fmt.Errorf("reading %s of the repository at %s: %w", revision, now.top, err)
	}
	old := now
	old.tree = snap.Tree
	all, warnings, err := compare(cmd.Context(), deps, flags, bench, old, now)
	if err != nil {
		return false, err
	}
	for _, w := range warnings {
		printf(cmd.ErrOrStderr(), "warning: %s\n", w)
	}
	shown, err := changes(all, revision)
	if err != nil {
		return false, err
	}
	if out != formatTable {
		doc := map[string]any{"against": revision, "commit": snap.Commit.ID, "differences": shown}
		return len(shown) > 0, out.data(cmd.OutOrStdout(), doc)
	}
	printDifferences(cmd.OutOrStdout(), shown)
	summariseAgainst(cmd.ErrOrStderr(), all, shown, revision, snap.Commit.ID)
	return len(shown) > 0, nil
}

// compare renders both versions: of each app that is declared below the
// directory, or of the directory itself where none is.
func compare(ctx context.Context, deps Deps, flags *renderFlags, bench Workbench, old, now place) ([]comparison, []string, error) {
	before, after := declaredBelow(ctx, deps, old), declaredBelow(ctx, deps, now)
	if len(before.apps)+len(after.apps) > 0 {
		return compareApps(ctx, bench, before, after, old, now)
	}
	spec, err := flags.settings(now)
	if err != nil {
		return nil, nil, err
	}
	c := comparison{title: now.path}
	is, err := bench.Render(ctx, model.RenderInput{Render: spec, Tree: now.tree})
	if err != nil {
		return nil, nil, err
	}
	was, err := bench.Render(ctx, model.RenderInput{Render: spec, Tree: old.tree})
	var warnings []string
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		warnings = append(warnings, "before the change it did not render: "+err.Error())
	}
	c.before, c.after = was.Objects, is.Objects
	return []comparison{c}, append(warnings, is.Warnings...), nil
}

// compareApps compares apps of the same name. One that does not render now is an
// error; one that did not before had no objects.
func compareApps(ctx context.Context, bench Workbench, before, after world, old, now place) (all []comparison, warnings []string, err error) {
	was := map[string]declaredApp{}
	for _, app := range before.apps {
		was[app.title] = app
	}
	render := func(w world, app declaredApp, at place) []model.Object {
		rendered, failed := w.render(ctx, bench, app, at)
		if failed != nil && at.tree == now.tree {
			err = errors.Join(err, fmt.Errorf("%s: %w", app.title, failed))
		} else if failed != nil {
			warnings = append(warnings, fmt.Sprintf("%s did not render before the change: %v", app.title, failed))
		}
		return rendered.Objects
	}
	for _, app := range after.apps {
		c := comparison{title: app.title, after: render(after, app, now)}
		if earlier, ok := was[app.title]; ok {
			c.before = render(before, earlier, old)
			delete(was, app.title)
		}
		all = append(all, c)
	}
	for _, app := range before.apps {
		if _, gone := was[app.title]; gone {
			all = append(all, comparison{title: app.title, before: render(before, app, old)})
		}
	}
	return all, warnings, err
}

// declaredBelow is what the manifests below a directory declare.
func declaredBelow(ctx context.Context, deps Deps, at place) world {
	c := &checker{ctx: ctx, deps: deps, top: at, folders: map[string][]string{}}
	if _, err := c.scan(); err != nil {
		return world{} // the directory did not exist then
	}
	return declare(deps, c.objectsFound())
}

// changes are the differences between what was and what is, in the order of the
// comparisons and of the objects.
func changes(all []comparison, revision string) ([]difference, error) {
	out := []difference{}
	for _, c := range all {
		before := map[model.ObjectKey]model.Object{}
		for _, o := range c.before {
			before[o.ObjectKey] = o
		}
		for _, o := range c.after {
			was, existed := before[o.ObjectKey]
			delete(before, o.ObjectKey)
			if existed && was.Digest == o.Digest {
				continue
			}
			if err := add(&out, c, was, o, revision); err != nil {
				return nil, err
			}
		}
		for _, o := range c.before {
			if _, gone := before[o.ObjectKey]; gone {
				if err := add(&out, c, o, model.Object{}, revision); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// add adds the difference of an object that was or is; a zero one is none.
func add(to *[]difference, c comparison, was, is model.Object, revision string) error {
	d := difference{Action: string(model.ActionUpdate), Reason: c.title}
	key, from, at := is.ObjectKey, is.ObjectKey.String()+" ("+revision+")", is.ObjectKey.String()
	switch {
	case was.JSON == nil:
		d.Action, from = string(model.ActionCreate), "/dev/null"
	case is.JSON == nil:
		d.Action, key = string(model.ActionDelete), was.ObjectKey
		from, at = key.String()+" ("+revision+")", "/dev/null"
	}
	d.Object = key.String()
	before, after, err := masked(was, is)
	if err != nil {
		return fmt.Errorf("showing %s: %w", key, err)
	}
	if before == after {
		return nil // the same in another form
	}
	if d.Diff, err = udiff.ToUnified(from, at, before, udiff.Lines(before, after), contextLines); err == nil {
		*to = append(*to, d)
	}
	return err
}

// masked are two objects as YAML, with the values of Secrets hidden.
func masked(was, is model.Object) (before, after string, err error) {
	hide := model.Mask{}
	texts := make([]string, 2)
	for i, o := range []model.Object{was, is} {
		if o.JSON == nil {
			continue
		}
		var body map[string]any
		if err := json.Unmarshal(o.JSON, &body); err != nil {
			return "", "", err
		}
		hide.Hide(body)
		text, err := yaml.Marshal(body)
		if err != nil {
			return "", "", err
		}
		texts[i] = string(text)
	}
	return texts[0], texts[1], nil
}

func summariseAgainst(w io.Writer, all []comparison, shown []difference, revision, commit string) {
	count := map[string]int{}
	for _, d := range shown {
		count[d.Action]++
	}
	what := plural(len(all), "app")
	if len(all) == 1 {
		what = all[0].title
	}
	if len(shown) == 0 {
		printf(w, "%s: nothing changes against %s (%s).\n", what, revision, short(commit))
		return
	}
	var parts []string
	for _, a := range []model.Action{model.ActionCreate, model.ActionUpdate, model.ActionDelete} {
		if n := count[string(a)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, a))
		}
	}
	printf(w, "%s against %s (%s): %s.\n", what, revision, short(commit), strings.Join(parts, ", "))
}
