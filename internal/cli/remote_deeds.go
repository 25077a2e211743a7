package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/client"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// errand is something that was asked of a server, on its way.
type errand struct {
	server
	*teller
	app    item
	before client.AppDetail
	// taken: somebody has taken it up.
	taken bool
}

// errand reads an app before something is asked of it.
func (s server) errand(ctx context.Context, cmd *cobra.Command, app item, flags waitFlags) (*errand, error) {
	e := &errand{server: s, teller: newTeller(cmd, flags), app: app}
	return e, s.Get(ctx, nameOf(app), &e.before)
}

// await follows the app until look is done with what the server says of it.
func (e *errand) await(ctx context.Context, look func(client.AppDetail) (bool, error)) error {
	err := e.Watch(ctx, e.before.AppName, func(now client.AppDetail) (bool, error) {
		done, err := look(now)
		e.taken = e.taken || e.last != ""
		return done, err
	})
	if errors.Is(err, model.ErrNotFound) {
		err = errGone
	}
	return e.waited(e.app, e.taken, err)
}

// operate asks for an operation, and waits for its end.
func (e *errand) operate(ctx context.Context, deed, what string, dry bool, body any) error {
	e.takeBack = fmt.Sprintf("'fixpoint terminate %s' takes it back", e.app.path())
	if err := e.Ask(ctx, e.before.AppName, deed, body); err != nil {
		return err
	}
	e.asked(e.app, what, dry)
	if e.noWait {
		return nil
	}
	var end client.AppDetail
	err := e.await(ctx, func(now client.AppDetail) (bool, error) {
		o := now.Operation
		switch {
		case !e.isNew(o):
		case !o.Finished.IsZero() && isDone(o.Phase):
			end = now
			return true, nil
		default:
			e.end = fmt.Sprintf("'fixpoint terminate %s' ends it", e.app.path())
			e.progress(e.app, o.Phase+": "+o.Message)
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	whole, err := itemOfDetail(end, nil)
	if err != nil {
		return err
	}
	return e.conclude(whole, what)
}

// isNew reports whether an operation is one that somebody has asked for since.
func (e *errand) isNew(o *client.Operation) bool {
	was := e.before.Operation
	return o != nil && !o.Heal && (was == nil || !o.Started.Equal(was.Started))
}

// answered waits until the app has been looked at, and says how it is then.
func (e *errand) answered(ctx context.Context) (client.AppDetail, error) {
	var end client.AppDetail
	err := e.await(ctx, func(now client.AppDetail) (bool, error) {
		if now.Asked || e.isSame(now) {
			if now.Operation != nil && !isDone(now.Operation.Phase) {
				e.progress(e.app, now.Operation.Message)
			}
			return false, nil
		}
		end = now
		return true, nil
	})
	return end, err
}

// isSame reports whether the app's object is the one from before it was asked for
// something.
func (e *errand) isSame(now client.AppDetail) bool {
	version := func(d client.AppDetail) string {
		meta, _ := d.Declaration["metadata"].(map[string]any)
		return textOf(meta, "resourceVersion")
	}
	return version(now) == version(e.before)
}

func (s server) sync(cmd *cobra.Command, f *syncFlags, name string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	found, err := s.find(ctx, f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	if err := f.fits(cmd, found); err != nil {
		return err
	}
	e, err := s.errand(ctx, cmd, found, f.waitFlags)
	if err != nil {
		return err
	}
	if found.kind.name != application.name {
		return e.reconcile(ctx, "sync")
	}
	body, err := f.body(cmd, e.before)
	if err != nil {
		return err
	}
	return e.operate(ctx, "sync", "sync", f.dryRun, body)
}

// body is what the flags ask of an Application.
func (f *operationFlags) body(cmd *cobra.Command, detail client.AppDetail) (client.Sync, error) {
	app, err := itemOfDetail(detail, nil)
	if err != nil {
		return client.Sync{}, err
	}
	if len(f.revisions) > 1 || f.retry.refresh || cmd.Flags().Changed("retry-backoff-duration") || cmd.Flags().Changed("retry-backoff-factor") ||
		cmd.Flags().Changed("retry-backoff-max-duration") || f.retry.limit < 0 {
		return client.Sync{}, usagef(cmd, "a server takes one --revision and --retry-limit alone: give --kubeconfig for more")
	}
	// What is asked is checked as for a cluster.
	r, err := f.request(cmd, app)
	if err != nil {
		return client.Sync{}, err
	}
	out := client.Sync{Prune: f.prune, DryRun: f.dryRun, Force: f.force, NoHooks: f.applyOnly, Retries: int(f.retry.limit)}
	if len(f.revisions) > 0 {
		out.Revision = f.revisions[0]
	}
	out.Options, _ = r.sync["syncOptions"].([]string)
	resources, _ := r.sync["resources"].([]any)
	for _, raw := range resources {
		o, _ := raw.(map[string]any)
		out.Only = append(out.Only, client.Object{Group: textOf(o, "group"), Kind: textOf(o, "kind"), Namespace: textOf(o, "namespace"), Name: textOf(o, "name")})
	}
	return out, nil
}

// reconcile has one of Flux's apps applied, and its source fetched before that.
func (e *errand) reconcile(ctx context.Context, deed string) error {
	if e.before.Suspended {
		return fmt.Errorf("%s is suspended: 'fixpoint resume %s' first", e.app.title(), e.app.path())
	}
	if err := e.Ask(ctx, e.before.AppName, deed, struct{}{}); err != nil {
		return err
	}
	e.asked(e.app, "reconcile", false)
	if e.noWait {
		return nil
	}
	now, err := e.answered(ctx)
	if err != nil {
		return err
	}
	if now.Health == string(model.Degraded) {
		return failure(e.app, "it is not ready", now.Message, "correct that and push, or look with 'fixpoint get "+e.app.path()+" -o yaml'")
	}
	printf(e.out, "%s: %s, %s\n", e.app.title(), withText(now.Sync, " at ", revision(now.Revision)), readyWord(now.Health))
	return nil
}

func (s server) refresh(cmd *cobra.Command, f *refreshFlags, name string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	found, err := s.find(ctx, f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	e, err := s.errand(ctx, cmd, found, f.waitFlags)
	switch {
	case err != nil:
		return err
	case found.kind.name != application.name && f.hard:
		return usagef(cmd, "--hard is for Applications")
	case found.kind.name != application.name:
		return e.reconcile(ctx, "refresh")
	}
	if err := s.Ask(ctx, e.before.AppName, "refresh", map[string]bool{"hard": f.hard}); err != nil {
		return err
	}
	e.asked(found, map[bool]string{true: "hard", false: "normal"}[f.hard]+" refresh", false)
	if f.noWait {
		return nil
	}
	now, err := e.answered(ctx)
	if err != nil {
		return err
	}
	printf(e.out, "%s: %s at %s, %s\n", found.title(), now.Sync, revision(now.Revision), now.Health)
	return nil
}

func (s server) rollback(cmd *cobra.Command, f *rollbackFlags, name, id string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	app, err := s.application(ctx, cmd, f.sel, name)
	if err != nil {
		return err
	}
	entry, _, err := f.entry(app, id)
	if err != nil {
		return err
	}
	e, err := s.errand(ctx, cmd, app, f.waitFlags)
	if err != nil {
		return err
	}
	body := client.Rollback{ID: entry.ID, Prune: f.prune, DryRun: f.dryRun}
	if err := e.operate(ctx, "rollback", "rollback to "+entryText(entry), f.dryRun, body); err != nil {
		return err
	}
	f.remind(e.teller, app)
	return nil
}

func (s server) terminate(cmd *cobra.Command, f *terminateFlags, name string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	app, err := s.application(ctx, cmd, f.sel, name)
	if err != nil {
		return err
	}
	e, err := s.errand(ctx, cmd, app, f.waitFlags)
	if err != nil {
		return err
	}
	phase := app.text("status", "operationState", "phase")
	running, asked := phase != "" && !isDone(phase), e.before.Asked
	if !running && !asked {
		return fmt.Errorf("%s: no sync is under way%s", app.title(), lastSync(app, f.to.deps.now()))
	}
	if err := s.Ask(ctx, e.before.AppName, "terminate", struct{}{}); err != nil {
		return err
	}
	switch {
	case !running:
		printf(e.out, "%s: the sync that was asked for had not begun and is taken back\n", app.title())
		return nil
	case phase == "Terminating":
		printf(e.out, "%s: its sync is being terminated already\n", app.title())
	default:
		printf(e.out, "%s: termination asked for\n", app.title())
	}
	if f.noWait {
		return nil
	}
	e.last = "Terminating"
	started := app.text("status", "operationState", "startedAt")
	return e.await(ctx, func(now client.AppDetail) (bool, error) {
		whole, err := itemOfDetail(now, nil)
		return err == nil && e.terminated(whole, started), err
	})
}

func (s server) suspend(cmd *cobra.Command, f *suspendFlags, name string) error {
	app, err := s.find(cmd.Context(), f.sel, name, f.sel.kinds()...)
	if err != nil {
		return err
	}
	if err := f.fits(app); err != nil {
		return err
	}
	e, err := s.errand(cmd.Context(), cmd, app, waitFlags{})
	if err != nil {
		return err
	}
	if e.before.Suspended != f.suspended {
		deed := map[bool]string{true: "suspend", false: "resume"}[f.suspended]
		if err := s.Ask(cmd.Context(), e.before.AppName, deed, struct{}{}); err != nil {
			return err
		}
		// The next command must find it so. A server waits for that itself, but not for ever,
		// and another replica may answer this look, and the next command.
		err := e.await(cmd.Context(), func(now client.AppDetail) (bool, error) { return now.Suspended == f.suspended, nil })
		if err != nil {
			return err
		}
	}
	f.tell(e.teller, app, e.before.Suspended)
	return nil
}
