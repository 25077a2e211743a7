package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
)

// approvedAnnotation is when somebody agreed to deletions that ask for it.
const approvedAnnotation = "argocd.argoproj.io/deletion-approved"

func newConfirm(Deps) *cobra.Command {
	var conn Connection
	var sel onlyApplication
	var yes bool
	cmd := &cobra.Command{
		Use:     "confirm NAME|NAMESPACE/NAME",
		Aliases: []string{"approve", "confirm-deletion"},
		Short:   "Agree to deletions of an Application that wait for it",
		Long: `Lists the objects whose deletion waits for somebody's agreement (Prune=confirm,
Delete=confirm), and agrees to it by the annotation
argocd.argoproj.io/deletion-approved. What waits is deleted then; what comes to
wait later asks again.`,
		Example: "  fixpoint confirm my-app\n  fixpoint confirm argocd/my-app --yes",
		Args:    oneArg("the name of an Application"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := conn.open()
			if err != nil {
				return err
			}
			app, err := sel.find(cmd.Context(), cmd, c, args[0])
			if err != nil {
				return err
			}
			spec, err := app.decoded()
			if err != nil {
				return err
			}
			waiting, err := unconfirmed(app, spec)
			if err != nil {
				return err
			}
			listUnconfirmed(cmd.OutOrStdout(), waiting, spec.DeletionTimestamp != nil)
			if !yes && !agreed(cmd, "Delete "+plural(len(waiting), "object")+"?") {
				return errors.New("nothing was agreed to: answer y, or give --yes")
			}
			return (&waiter{c, &teller{}}).approve(cmd.Context(), cmd.OutOrStdout(), app, spec, time.Now())
		},
	}
	conn.bind(cmd)
	sel.bind(cmd, conn.lister)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "don't ask")
	return cmd
}

// unconfirmed are the objects whose deletion waits: of an Application that is
// being deleted all that ask for it, and else those that are not declared any more.
func unconfirmed(app item, spec *v1alpha1.Application) ([]v1alpha1.ResourceStatus, error) {
	var waiting []v1alpha1.ResourceStatus
	for _, r := range spec.Status.Resources {
		if r.RequiresDeletionConfirmation && (r.RequiresPruning || spec.DeletionTimestamp != nil) {
			waiting = append(waiting, r)
		}
	}
	switch {
	case len(waiting) == 0:
		return nil, fmt.Errorf("%s: no deletion waits for anybody's agreement", app.title())
	case spec.DeletionTimestamp == nil && !isRunning(spec):
		return nil, fmt.Errorf("%s: no sync is under way that would delete: an agreement holds only for what waits when it is given. "+
			"Start one with 'fixpoint sync %s --prune --no-wait', then agree", app.title(), app.path())
	}
	return waiting, nil
}

// isRunning reports whether a sync is under way.
func isRunning(app *v1alpha1.Application) bool {
	s := app.Status.OperationState
	return s != nil && s.Phase != "" && !isDone(s.Phase)
}

func listUnconfirmed(w io.Writer, waiting []v1alpha1.ResourceStatus, deleting bool) {
	t := &table{header: []string{"OBJECT", "WHY"}}
	for _, r := range waiting {
		why := "not declared any more"
		if deleting {
			why = "the Application is being deleted"
		}
		t.add(objectText(refOf(r).ObjectKey), why)
	}
	t.print(w)
}

// approve agrees to what waits at now. The time is never before what it agrees to,
// however wrong this machine's clock is.
func (w *waiter) approve(ctx context.Context, out io.Writer, app item, spec *v1alpha1.Application, now time.Time) error {
	if s := spec.Status.OperationState; s != nil && now.Before(s.StartedAt.Time) {
		now = s.StartedAt.Time
	}
	if d := spec.DeletionTimestamp; d != nil && now.Before(d.Time) {
		now = d.Time
	}
	_, err := w.patch(ctx, app, map[string]any{"metadata": map[string]any{
		"annotations": map[string]any{approvedAnnotation: now.UTC().Format(time.RFC3339)},
	}})
	if err != nil {
		return err
	}
	printf(out, "%s: agreed; 'fixpoint get %s' shows how it goes on\n", app.title(), app.path())
	return nil
}
