package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

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
	if errors.Is(err, model.ErrNotFound) {
		return false, fmt.Errorf("the clone at %s has no branch, tag or commit %q: correct the name, or fetch it: clones of CI often lack other branches", now.top, revision)
	}
	if err != nil {
		return false, fmt.Errorf("reading %s of the repository at %s: %w", revision, now.top, err)
	}
	now.revision = snap.Revision // the same for both: a commit by itself is no difference
	old := now
	old.tree = snap.Tree
	all, warnings, failed := compare(cmd, deps, flags, bench, old, now)
	if failed != nil && len(all) == 0 {
		return false, failed
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
		return len(shown) > 0, errors.Join(out.data(cmd.OutOrStdout(), doc), failed)
	}
	printByApp(cmd.OutOrStdout(), shown, len(all) > 1)
	summariseAgainst(cmd.ErrOrStderr(), all, shown, revision, snap.Commit.ID)
	return len(shown) > 0, failed
}

// compare renders both versions: of each app that is declared below the
// directory, or of the directory itself where none is. With an error there may
// be comparisons, too.
func compare(cmd *cobra.Command, deps Deps, flags *renderFlags, bench Workbench, old, now place) ([]comparison, []string, error) {
	ctx := cmd.Context()
	others, err := readManifests(flags.files, cmd.InOrStdin())
	if err != nil {
		return nil, nil, err
	}
	before, after := declaredBelow(ctx, deps, old, others), declaredBelow(ctx, deps, now, others)
	if len(before.apps)+len(after.apps) > 0 {
		before.build, after.build = flags.spec.Kustomize, flags.spec.Kustomize
		if err := flags.only(cmd, true, now.path+" declares apps, which have settings of their own"); err != nil {
			return nil, nil, err
		}
		return compareApps(ctx, bench, before, after, old, now)
	}
	spec, err := flags.settings(now)
	if err != nil {
		return nil, nil, err
	}
	c := comparison{title: now.path}
	is, err := bench.Render(ctx, model.RenderInput{Render: spec, Tree: now.tree})
	if err = cmp.Or(err, flags.fits(cmd, now, is.Tool)); err != nil {
		return nil, nil, err
	}
	was, err := bench.Render(ctx, model.RenderInput{Render: spec, Tree: old.tree})
	var warnings []string
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		warnings = append(warnings, "before the change it did not render: "+err.Error())
	}
	if len(was.Objects)+len(is.Objects) == 0 && err == nil {
		return nil, nil, fmt.Errorf("%s has nothing to compare: it declares no apps, and holds no objects now or before; name the directory of an app, a chart or an overlay", now.path)
	}
	c.before, c.after = was.Objects, is.Objects
	return []comparison{c}, append(warnings, is.Warnings...), nil
}

// declaredBelow is what the manifests below a directory declare. They may refer
// to others.
func declaredBelow(ctx context.Context, deps Deps, at place, others []manifest) world {
	c := newChecker(ctx, deps, nil, at, "")
	if _, err := c.scan(); err != nil {
		return world{} // the directory did not exist then
	}
	return declare(deps, c.manifests, others)
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

// printByApp prints the differences, under the name of their app if that is wanted.
func printByApp(w io.Writer, all []difference, named bool) {
	app := ""
	for _, d := range all {
		if named && d.Reason != app {
			app = d.Reason
			printf(w, "# %s\n", app)
		}
		printf(w, "%s", d.Diff)
	}
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
