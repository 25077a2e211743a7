package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// syncFlags are the flags of sync.
type syncFlags struct {
	conn Connection
	sel  selector
	waitFlags
	operationFlags
	withSource bool
}

func newSync(Deps) *cobra.Command {
	var flags syncFlags
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
		RunE: func(cmd *cobra.Command, args []string) error { return flags.sync(cmd, args[0]) },
	}
	flags.conn.bind(cmd)
	flags.sel.bind(cmd)
	flags.waitFlags.bind(cmd)
	flags.operationFlags.bind(cmd)
	cmd.Flags().BoolVar(&flags.withSource, "with-source", false, "fetch the source first (Kustomizations, HelmReleases)")
	cmd.ValidArgsFunction = appNames(&flags.conn, &flags.sel)
	return cmd
}

func (f *syncFlags) sync(cmd *cobra.Command, name string) error {
	if err := f.check(cmd); err != nil {
		return usage(cmd, err)
	}
	c, err := f.conn.open()
	if err != nil {
		return err
	}
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	app, err := c.find(ctx, f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	w := newWaiter(cmd, c, f.waitFlags)
	if app.kind.name == application.name {
		if f.withSource {
			return usagef(cmd, "--with-source is for Flux's kinds; 'fixpoint refresh %s' looks at the repository of an Application", app.path())
		}
		r, err := f.request(cmd, app)
		if err != nil {
			return err
		}
		return w.operate(ctx, app, r)
	}
	if used := f.used(cmd); len(used) > 0 {
		return usagef(cmd, "for Applications only: %s; %s is applied as its spec says", strings.Join(used, ", "), app.title())
	}
	return w.reconcile(ctx, app, f.withSource)
}
