package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

const refreshAnnotation = "argocd.argoproj.io/refresh"

// refreshFlags are the flags of refresh.
type refreshFlags struct {
	to  reach
	sel selector
	waitFlags
	hard bool
}

func newRefresh(deps Deps) *cobra.Command {
	flags := refreshFlags{to: reach{deps: deps}}
	cmd := &cobra.Command{
		Use:   "refresh NAME|NAMESPACE/NAME",
		Short: "Look at an app's repository and objects now",
		Long: `Makes the controller look at an app's repository and compare anew. An Application
without automated sync is not synced by it. For Flux's kinds it is the same as
'fixpoint sync --with-source', since Flux always applies what differs.`,
		Example: `  fixpoint refresh my-app
  fixpoint refresh argocd/my-app --hard     trust nothing that is remembered`,
		Args: oneArg("the name of an app"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.to.by(func(w way) error { return w.refresh(cmd, &flags, args[0]) })
		},
	}
	flags.to.bindApp(cmd, &flags.sel)
	flags.waitFlags.bind(cmd)
	cmd.Flags().BoolVar(&flags.hard, "hard", false, "compare every object by a dry run, trusting nothing that is remembered (Applications)")
	return cmd
}

func (k kube) refresh(cmd *cobra.Command, f *refreshFlags, name string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	app, err := k.find(ctx, f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	w := newWaiter(cmd, k.cluster, f.waitFlags)
	if app.kind.name == application.name {
		return w.refreshApplication(ctx, app, f.hard)
	}
	if f.hard {
		return usage(cmd, errors.New("--hard is for Applications"))
	}
	return w.reconcile(ctx, app, true)
}

// refreshApplication makes the controller look at an Application anew.
func (w *waiter) refreshApplication(ctx context.Context, app item, hard bool) error {
	mode := "normal"
	if hard {
		mode = "hard"
	}
	asked, err := w.patch(ctx, app, map[string]any{"metadata": map[string]any{"annotations": map[string]any{refreshAnnotation: mode}}})
	if err != nil {
		return err
	}
	printf(w.out, "%s: %s refresh asked for\n", app.title(), mode)
	if w.noWait {
		return nil
	}
	return w.await(ctx, asked, func(now item) (bool, error) {
		if _, waits := now.GetAnnotations()[refreshAnnotation]; waits {
			return false, nil
		}
		s := applicationState(now)
		printf(w.out, "%s: %s at %s, %s\n", app.title(), s.sync, revision(s.revision), s.health)
		return true, nil
	})
}
