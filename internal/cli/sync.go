package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// syncFlags are the flags of sync.
type syncFlags struct {
	to  reach
	sel selector
	waitFlags
	operationFlags
	withSource bool
}

func newSync(deps Deps) *cobra.Command {
	flags := syncFlags{to: reach{deps: deps}}
	cmd := &cobra.Command{
		Use:   "sync NAME|NAMESPACE/NAME",
		Short: "Sync an app now, and wait for the outcome",
		Long: `Asks the controller to sync an app and shows what becomes of it: for an
Application by its field operation, for Flux's kinds by the annotation
reconcile.fluxcd.io/requestedAt. Exits with 1, and the reason, if the sync fails.

The flags of Applications hold for this sync only. Sync options are those of
spec.syncPolicy.syncOptions, with what --sync-option says in their place.`,
		Example: `  fixpoint sync my-app
  fixpoint sync argocd/my-app --prune
  fixpoint sync argocd/my-app --resource apps:Deployment:my-app/web
  fixpoint sync argocd/my-app --revision v1.2.3 --dry-run
  fixpoint sync argocd/my-app --sync-option Replace=true --retry-limit 3
  fixpoint sync flux-system/my-app --with-source     fetch the repository first`,
		Args: oneArg("the name of an app"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(cmd); err != nil {
				return usage(cmd, err)
			}
			return flags.to.by(func(w way) error { return w.sync(cmd, &flags, args[0]) })
		},
	}
	flags.to.bindApp(cmd, &flags.sel)
	flags.waitFlags.bind(cmd)
	flags.operationFlags.bind(cmd)
	cmd.Flags().BoolVar(&flags.withSource, "with-source", false, "fetch the source first (Kustomizations, HelmReleases)")
	return cmd
}

func (k kube) sync(cmd *cobra.Command, f *syncFlags, name string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	app, err := k.find(ctx, f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	if err := f.fits(cmd, app); err != nil {
		return err
	}
	w := newWaiter(cmd, k.cluster, f.waitFlags)
	if app.kind.name != application.name {
		return w.reconcile(ctx, app, f.withSource)
	}
	r, err := f.request(cmd, app)
	if err != nil {
		return err
	}
	return w.operate(ctx, app, r)
}

// fits refuses flags that are for apps of the other kind.
func (f *syncFlags) fits(cmd *cobra.Command, app item) error {
	used := f.used(cmd)
	switch {
	case app.kind.name == application.name && f.withSource:
		return usagef(cmd, "--with-source is for Flux's kinds; 'fixpoint refresh %s' looks at the repository of an Application", app.path())
	case app.kind.name != application.name && len(used) > 0:
		return usagef(cmd, "for Applications only: %s; %s is applied as its spec says", strings.Join(used, ", "), app.title())
	}
	return nil
}
