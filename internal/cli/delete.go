package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/client"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The ways of deleting an Application.
const (
	cascadeForeground = "foreground"
	cascadeBackground = "background"
	cascadeNone       = "none"
)

// The finalizers by which the deletion of an Application takes its objects along.
const (
	resourcesFinalizer  = "resources-finalizer.argocd.argoproj.io"
	foregroundFinalizer = resourcesFinalizer + "/foreground"
	backgroundFinalizer = resourcesFinalizer + "/background"
)

// deleteFlags are the flags of delete.
type deleteFlags struct {
	to      reach
	sel     selector
	cascade string
	yes     bool
	waitFlags
}

func newDelete(deps Deps) *cobra.Command {
	flags := deleteFlags{to: reach{deps: deps}}
	cmd := &cobra.Command{
		Use:   "delete NAME|NAMESPACE/NAME",
		Short: "Delete an app, with its objects or without",
		Long: `Deletes an app and waits until it is gone. An Application's objects are deleted each
after what descends from it (--cascade foreground), or what descends follows later
(background), or they stay (none). A Kustomization or HelmRelease says itself what becomes
of its objects: spec.prune, spec.deletionPolicy, spec.suspend.

An Application that is being deleted and does not come to its end is let go of with
--cascade none: what is left of its objects stays.`,
		Example: "  fixpoint delete my-app\n  fixpoint delete argocd/my-app --cascade none --yes",
		Args:    oneArg("the name of an app"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.cascade != "" && !slices.Contains([]string{cascadeForeground, cascadeBackground, cascadeNone}, flags.cascade) {
				return usagef(cmd, "--cascade is %s, %s or %s", cascadeForeground, cascadeBackground, cascadeNone)
			}
			return flags.to.by(func(w way) error { return w.delete(cmd, &flags, args[0]) })
		},
	}
	flags.to.bindApp(cmd, &flags.sel)
	flags.waitFlags.bind(cmd)
	cmd.Flags().StringVar(&flags.cascade, "cascade", "", "what becomes of an Application's objects: foreground (default), background, none")
	cmd.Flags().BoolVarP(&flags.yes, "yes", "y", false, "don't ask")
	_ = cmd.RegisterFlagCompletionFunc("cascade", cobra.FixedCompletions([]string{cascadeForeground, cascadeBackground, cascadeNone}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// fits refuses what Flux's kinds can't be asked for.
func (f *deleteFlags) fits(cmd *cobra.Command, app item) error {
	if app.kind.name != application.name && f.cascade != "" {
		return usagef(cmd, "--cascade is for Applications: a %s says itself what becomes of its objects", app.kind.name)
	}
	return nil
}

// ask asks whether it is meant; goes counts the objects that go along, by kind. nil says
// that they stay.
func (f *deleteFlags) ask(cmd *cobra.Command, app item, goes map[string]int, why string) error {
	text := "Delete " + app.title() + " alone, so that its objects stay"
	switch {
	case len(goes) > 0:
		text = "Delete " + app.title() + " and " + kindsText(goes)
	case goes != nil:
		text = "Delete " + app.title() + ", of which no objects are known"
	case why != "":
		text += ", since " + why
	}
	if f.yes || agreed(cmd, text+"?") {
		return nil
	}
	return errors.New("nothing was deleted: answer y, or give --yes")
}

// kindsText counts objects: "3 objects (1 ConfigMap, 2 Deployment)".
func kindsText(counts map[string]int) string {
	total := 0
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		total += counts[kind]
		parts = append(parts, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	return plural(total, "object") + " (" + strings.Join(parts, ", ") + ")"
}

func (k kube) delete(cmd *cobra.Command, f *deleteFlags, name string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	app, err := k.find(ctx, f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	if err := f.fits(cmd, app); err != nil {
		return err
	}
	goes, why := f.recorded(app)
	if err := f.ask(cmd, app, goes, why); err != nil {
		return err
	}
	w := newWaiter(cmd, k.cluster, f.waitFlags)
	if app.kind.name == application.name {
		if app, err = w.finalize(ctx, app, f.cascade); err != nil {
			return err
		}
	}
	uid := app.GetUID()
	err = w.objects(app).Delete(ctx, app.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err != nil && !apierrors.IsNotFound(err) {
		return k.explain("deleting "+app.title(), err)
	}
	return w.gone(app, func() error {
		return w.follow(ctx, w.objects(app), app.GetName(), func(u *unstructured.Unstructured) (bool, error) {
			w.progress(app, blockingIn(item{app.kind, u}))
			return u.GetUID() != uid, nil
		})
	})
}

// gone waits for the end of a deletion.
func (t *teller) gone(app item, follow func() error) error {
	if t.noWait {
		printf(t.out, "%s: deletion asked for\n", app.title())
		return nil
	}
	t.end = fmt.Sprintf("'fixpoint delete %s --cascade none' lets go of an Application, and leaves the rest", app.path())
	err := follow()
	if err == nil || errors.Is(err, errGone) || errors.Is(err, model.ErrNotFound) {
		printf(t.out, "%s: is gone\n", app.title())
		return nil
	}
	return t.waited(app, true, err)
}

// finalize has the Application's finalizers say what becomes of its objects.
func (w *waiter) finalize(ctx context.Context, app item, cascade string) (item, error) {
	is := func(f string) bool {
		return f == resourcesFinalizer || f == foregroundFinalizer || f == backgroundFinalizer
	}
	held := slices.DeleteFunc(slices.Clone(app.GetFinalizers()), is)
	switch cascade {
	case cascadeBackground:
		held = append(held, backgroundFinalizer)
	case cascadeForeground, "":
		held = append(held, resourcesFinalizer)
	}
	deleting := app.GetDeletionTimestamp() != nil
	if deleting && cascade != cascadeNone || slices.Equal(held, app.GetFinalizers()) {
		return app, nil // none can be added to what is being deleted
	}
	now, err := w.patch(ctx, app, map[string]any{"metadata": map[string]any{"resourceVersion": app.GetResourceVersion(), "finalizers": held}})
	if apierrors.IsConflict(err) {
		if app, err = w.again(ctx, app); err != nil {
			return item{}, err
		}
		return w.finalize(ctx, app, cascade)
	}
	return now, err
}

// recorded are the objects that go along, by kind, as the app's status has them; none,
// and why, where they stay.
func (f *deleteFlags) recorded(app item) (goes map[string]int, why string) {
	goes = map[string]int{}
	if app.kind.name == application.name {
		if f.cascade == cascadeNone {
			return nil, ""
		}
		resources, _, _ := unstructured.NestedSlice(app.Object, "status", "resources")
		for _, raw := range resources {
			r, _ := raw.(map[string]any)
			health, _ := r["health"].(map[string]any)
			if textOf(r, "kind") != "" && textOf(health, "status") != "Missing" {
				goes[textOf(r, "kind")]++
			}
		}
		return goes, ""
	}
	suspended, _, _ := unstructured.NestedBool(app.Object, "spec", "suspend")
	prune, is, _ := unstructured.NestedBool(app.Object, "spec", "prune")
	policy := app.text("spec", "deletionPolicy")
	switch {
	case suspended:
		return nil, "it is suspended"
	case policy == "Orphan":
		return nil, "spec.deletionPolicy is Orphan"
	case is && !prune && policy != "Delete" && policy != "WaitForTermination":
		return nil, "spec.prune is false"
	}
	entries, _, _ := unstructured.NestedSlice(app.Object, "status", "inventory", "entries")
	for _, raw := range entries {
		e, _ := raw.(map[string]any)
		if parts := strings.Split(textOf(e, "id"), "_"); len(parts) == 4 {
			goes[parts[3]]++
		}
	}
	return goes, ""
}

// blockingIn is what an app's conditions say of its deletion.
func blockingIn(app item) string {
	conditions, _, _ := unstructured.NestedSlice(app.Object, "status", "conditions")
	for _, raw := range conditions {
		c, _ := raw.(map[string]any)
		if textOf(c, "type") == "DeletionError" {
			return textOf(c, "message")
		}
	}
	return ""
}

func (s server) delete(cmd *cobra.Command, f *deleteFlags, name string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	app, err := s.find(ctx, f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	if err := f.fits(cmd, app); err != nil {
		return err
	}
	e, err := s.errand(ctx, cmd, app, f.waitFlags)
	if err != nil {
		return err
	}
	if err := f.ask(cmd, app, f.told(e.before), e.before.Deletion.Why); err != nil {
		return err
	}
	q := url.Values{}
	if f.cascade != "" {
		q.Set("cascade", f.cascade)
	}
	if err := s.Delete(ctx, e.before.AppName, q); err != nil {
		return err
	}
	return e.gone(app, func() error {
		return e.Watch(ctx, e.before.AppName, func(now client.AppDetail) (bool, error) {
			e.progress(app, strings.Join(now.Blocking, "; "))
			return now.UID != e.before.UID, nil
		})
	})
}

// told are the objects that go along, by kind, as the server has them; nil where they
// stay.
func (f *deleteFlags) told(app client.AppDetail) map[string]int {
	if f.cascade == cascadeNone || f.cascade == "" && app.Deletion.Cascade == cascadeNone {
		return nil
	}
	goes := map[string]int{}
	for _, r := range app.Resources {
		if r.Live && !r.Stays {
			goes[r.Object.Kind]++
		}
	}
	return goes
}
