package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// cliManager is the field manager of what the commands write.
const cliManager = "fixpoint-cli"

// syncFlags are the flags of sync and refresh.
type syncFlags struct {
	conn       Connection
	sel        selector
	timeout    time.Duration
	noWait     bool
	prune      bool
	dryRun     bool
	resources  []string
	withSource bool
	hard       bool
}

// wait binds the flags of both commands.
func (f *syncFlags) bind(cmd *cobra.Command) {
	f.conn.bind(cmd)
	f.sel.bind(cmd)
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Minute, "how long to wait for the outcome")
	cmd.Flags().BoolVar(&f.noWait, "no-wait", false, "ask for it and return at once")
	cmd.ValidArgsFunction = appNames(&f.conn, &f.sel)
}

func newSync(Deps) *cobra.Command {
	var flags syncFlags
	cmd := &cobra.Command{
		Use:   "sync NAME|NAMESPACE/NAME",
		Short: "Sync an app now, and wait for the outcome",
		Long: `Asks the controller to sync an app and shows what becomes of it: for an
Application by its field operation, for Flux's kinds by the annotation
reconcile.fluxcd.io/requestedAt. Exits with 1, and the reason, if the sync fails.`,
		Example: `  fixpoint sync my-app
  fixpoint sync argocd/my-app --prune
  fixpoint sync argocd/my-app --resource apps:Deployment:my-app/web
  fixpoint sync flux-system/my-app --with-source     fetch the repository first`,
		Args: oneArg("the name of an app"),
		RunE: func(cmd *cobra.Command, args []string) error { return flags.sync(cmd, args[0]) },
	}
	flags.bind(cmd)
	f := cmd.Flags()
	f.BoolVar(&flags.prune, "prune", false, "delete what is no longer declared (Applications)")
	f.BoolVar(&flags.dryRun, "dry-run", false, "ask the API server and write nothing (Applications)")
	f.StringArrayVar(&flags.resources, "resource", nil, "only this object, as GROUP:KIND:NAMESPACE/NAME; repeatable (Applications)")
	f.BoolVar(&flags.withSource, "with-source", false, "fetch the source first (Kustomizations, HelmReleases)")
	return cmd
}

func (f *syncFlags) sync(cmd *cobra.Command, name string) error {
	resources, err := resourcesOf(f.resources)
	if err != nil {
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
	w := &waiter{cluster: c, flags: f, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
	isArgo := app.kind.name == application.name
	switch {
	case !isArgo && (f.prune || f.dryRun || len(resources) > 0):
		return usagef(cmd, "--prune, --dry-run and --resource are for Applications; %s prunes as its spec.prune says", app.title())
	case isArgo && f.withSource:
		return usagef(cmd, "--with-source is for Flux's kinds; 'fixpoint refresh %s' looks at the repository of an Application", app.path())
	case isArgo:
		return w.operate(ctx, app, resources)
	}
	return w.reconcile(ctx, app, f.withSource)
}

func (f *syncFlags) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, f.timeout, errTimeout)
}

var errTimeout = errors.New("timed out")

// resourcesOf reads --resource.
func resourcesOf(texts []string) ([]any, error) {
	var out []any
	for _, t := range texts {
		parts := strings.SplitN(t, ":", 3)
		if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
			return nil, fmt.Errorf("--resource %q has to be GROUP:KIND:NAMESPACE/NAME, such as apps:Deployment:my-app/web or :ConfigMap:my-app/settings", t)
		}
		namespace, name, ok := strings.Cut(parts[2], "/")
		if !ok {
			namespace, name = "", parts[2]
		}
		r := map[string]any{"kind": parts[1], "name": name}
		for k, v := range map[string]string{"group": parts[0], "namespace": namespace} {
			if v != "" {
				r[k] = v
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// waiter asks for work and shows what becomes of it.
type waiter struct {
	*cluster
	flags    *syncFlags
	out, err io.Writer
	last     string
}

// progress prints a line if it is another than the last one.
func (w *waiter) progress(app item, text string) {
	if text = brief(text, 160); text != "" && text != w.last {
		w.last = text
		printf(w.err, "%s: %s\n", app.title(), text)
	}
}

func (w *waiter) patch(ctx context.Context, app item, body map[string]any) (item, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return item{}, err
	}
	out, err := w.objects(app).Patch(ctx, app.GetName(), types.MergePatchType, data, metav1.PatchOptions{FieldManager: cliManager})
	if err != nil {
		return item{}, w.explain("asking "+app.title(), err)
	}
	return item{app.kind, out}, nil
}

// await follows an object until look is done. At a timeout it says whether
// anybody took the request up.
func (w *waiter) await(ctx context.Context, app item, look func(item) (bool, error)) error {
	taken := false
	err := w.follow(ctx, w.objects(app), app.GetName(), func(u *unstructured.Unstructured) (bool, error) {
		done, err := look(item{app.kind, u})
		taken = taken || w.last != ""
		return done, err
	})
	switch {
	case errors.Is(err, errTimeout) && !taken:
		return fmt.Errorf("no controller took the request for %s up within %s: is 'fixpoint controller' running, and does it watch namespace %q? The request stands until one does", app.title(), w.flags.timeout, app.GetNamespace())
	case errors.Is(err, errTimeout):
		return fmt.Errorf("%s is not done after %s (%s): wait longer with --timeout, or look at it with 'fixpoint get %s'", app.title(), w.flags.timeout, w.last, app.path())
	case errors.Is(err, errGone):
		return fmt.Errorf("%s: %w", app.title(), err)
	}
	return err
}

// stamp tells requests apart.
func stamp() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// failure is the end of a command whose sync failed.
func failure(app item, what, message, hint string) error {
	return fmt.Errorf("%s: %s: %s: %s", app.title(), what, cmp.Or(strings.TrimSpace(message), "no reason was given"), hint)
}
