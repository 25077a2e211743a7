package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// terminateFlags are the flags of terminate.
type terminateFlags struct {
	to  reach
	sel onlyApplication
	waitFlags
}

func newTerminate(deps Deps) *cobra.Command {
	flags := terminateFlags{to: reach{deps: deps}}
	cmd := &cobra.Command{
		Use:     "terminate NAME|NAMESPACE/NAME",
		Aliases: []string{"terminate-op"},
		Short:   "End the sync of an Application that is under way",
		Long: `Asks the controller to end the running sync of an Application, and waits until it
has: hooks that run are deleted, what was applied stays. A sync that was asked for
and has not begun is taken back.`,
		Example: "  fixpoint terminate my-app",
		Args:    oneArg("the name of an Application"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.to.by(func(w way) error { return w.terminate(cmd, &flags, args[0]) })
		},
	}
	flags.to.bind(cmd)
	flags.sel.bind(cmd, flags.to.lister)
	flags.waitFlags.bind(cmd)
	return cmd
}

func (k kube) terminate(cmd *cobra.Command, f *terminateFlags, name string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	app, err := f.sel.find(ctx, cmd, k.cluster, name)
	if err != nil {
		return err
	}
	return newWaiter(cmd, k.cluster, f.waitFlags).terminate(ctx, app, k.deps.now())
}

// terminate ends what runs, or takes back what has not begun.
func (w *waiter) terminate(ctx context.Context, app item, at time.Time) error {
	phase := app.text("status", "operationState", "phase")
	_, asked := app.Object["operation"]
	body := map[string]any{"metadata": map[string]any{"resourceVersion": app.GetResourceVersion()}}
	switch running := phase != "" && !isDone(phase); {
	case running && phase != "Terminating":
		body["status"] = map[string]any{"operationState": map[string]any{"phase": "Terminating"}}
	case running:
		printf(w.out, "%s: its sync is being terminated already\n", app.title())
		return w.awaitEnd(ctx, app)
	case asked:
		body["operation"] = nil
	default:
		return fmt.Errorf("%s: no sync is under way%s", app.title(), lastSync(app, at))
	}
	now, err := w.patch(ctx, app, body)
	if apierrors.IsConflict(err) {
		if app, err = w.again(ctx, app); err != nil {
			return err
		}
		return w.terminate(ctx, app, at)
	}
	if err != nil {
		return err
	}
	if body["status"] == nil {
		printf(w.out, "%s: the sync that was asked for had not begun and is taken back\n", app.title())
		return nil
	}
	printf(w.out, "%s: termination asked for\n", app.title())
	if w.noWait {
		return nil
	}
	return w.awaitEnd(ctx, now)
}

// awaitEnd waits until the operation that runs in app has ended.
func (w *waiter) awaitEnd(ctx context.Context, app item) error {
	started := app.text("status", "operationState", "startedAt")
	w.last = "Terminating"
	return w.await(ctx, app, func(now item) (bool, error) {
		return w.terminated(now, started), nil
	})
}

// terminated reports whether the operation that began at started has ended, and tells
// how.
func (t *teller) terminated(now item, started string) bool {
	phase := now.text("status", "operationState", "phase")
	message := now.text("status", "operationState", "message")
	switch {
	case now.text("status", "operationState", "startedAt") != started:
		printf(t.out, "%s: its sync has ended, and another has begun\n", now.title())
	case phase == "Succeeded":
		printf(t.out, "%s: its sync had succeeded before it could be terminated\n", now.title())
	case isDone(phase):
		printf(t.out, "%s: its sync has ended, %s: %s\n", now.title(), strings.ToLower(phase), brief(message, 0))
		if _, asked := now.Object["operation"]; asked {
			printf(t.err, "Another sync was asked for and begins now; 'fixpoint terminate %s' ends that, too.\n", now.path())
		}
	default:
		t.progress(now, phase+": "+message)
		return false
	}
	return true
}

// lastSync says how the last sync ended.
func lastSync(app item, now time.Time) string {
	phase := app.text("status", "operationState", "phase")
	if phase == "" {
		return ": it has had none yet"
	}
	text := "; the last one " + strings.ToLower(phase)
	if phase == "Error" {
		text = "; the last one ended with an error"
	}
	if at, err := time.Parse(time.RFC3339, app.text("status", "operationState", "finishedAt")); err == nil {
		text += " " + age(at, now) + " ago"
	}
	return text
}
