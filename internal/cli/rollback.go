package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
)

// rollbackFlags are the flags of rollback.
type rollbackFlags struct {
	to  reach
	sel onlyApplication
	waitFlags
	prune, dryRun bool
}

func newRollback(deps Deps) *cobra.Command {
	flags := rollbackFlags{to: reach{deps: deps}}
	cmd := &cobra.Command{
		Use:   "rollback NAME|NAMESPACE/NAME [ID]",
		Short: "Go back to what an Application had deployed before",
		Long: `Deploys an entry of an Application's history once more, with the sources as they
were then; without ID the newest one that differs from what is deployed. It works
also while the repository can't be reached, as long as the controller has kept the
objects of that entry. Hooks do not run, as in Argo CD.

What the Application declares stays as it is, so it is OutOfSync afterwards; an
Application that syncs itself would undo the rollback and is refused.`,
		Example: `  fixpoint rollback my-app                  to what was deployed before
  fixpoint history my-app                   find the ID of another
  fixpoint rollback argocd/my-app 7 --prune
  fixpoint rollback argocd/my-app 7 --dry-run`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 2 {
				return usagef(cmd, "the name of an Application and at most an ID are expected, not %d arguments", len(args))
			}
			if len(args) == 2 {
				if _, err := strconv.ParseInt(args[1], 10, 64); err != nil {
					return usagef(cmd, "ID %q has to be a number", args[1])
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.to.by(func(w way) error { return w.rollback(cmd, &flags, args[0], append(args, "")[1]) })
		},
	}
	flags.to.bind(cmd)
	flags.sel.bind(cmd, flags.to.lister)
	flags.waitFlags.bind(cmd)
	cmd.Flags().BoolVar(&flags.prune, "prune", false, "delete what that entry does not declare")
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "ask the API server and write nothing")
	cmd.ValidArgsFunction = flags.completion
	return cmd
}

func (k kube) rollback(cmd *cobra.Command, f *rollbackFlags, name, id string) error {
	ctx, cancel := f.deadline(cmd.Context())
	defer cancel()
	app, err := f.sel.find(ctx, cmd, k.cluster, name)
	if err != nil {
		return err
	}
	r, err := f.request(app, id)
	if err != nil {
		return err
	}
	w := newWaiter(cmd, k.cluster, f.waitFlags)
	if err := w.operate(ctx, app, r); err != nil {
		return err
	}
	f.remind(w.teller, app)
	return nil
}

// remind says what a rollback leaves to do.
func (f *rollbackFlags) remind(t *teller, app item) {
	if !f.noWait && !f.dryRun {
		printf(t.err, "What %s declares is unchanged: correct its repository or targetRevision before the next sync.\n", app.title())
	}
}

// entry is what of the history is gone back to.
func (f *rollbackFlags) entry(app item, id string) (v1alpha1.RevisionHistory, *v1alpha1.Application, error) {
	none := v1alpha1.RevisionHistory{}
	spec, err := app.decoded()
	if err != nil {
		return none, nil, err
	}
	if isAutomated(spec) && !f.dryRun {
		return none, nil, fmt.Errorf("%s syncs itself (spec.syncPolicy.automated) and would undo a rollback at once: %s", app.title(), switchOff(app))
	}
	entry, err := earlier(app, spec.Status.History, id)
	return entry, spec, err
}

// request asks for an entry as Argo CD does: with its own sources and revisions,
// and without hooks.
func (f *rollbackFlags) request(app item, id string) (request, error) {
	entry, spec, err := f.entry(app, id)
	if err != nil {
		return request{}, err
	}
	sync := map[string]any{
		"prune": f.prune, "dryRun": f.dryRun,
		"syncStrategy": map[string]any{"apply": map[string]any{}},
	}
	if err := setEntry(app, entry.ID, sync); err != nil {
		return request{}, err
	}
	if options := optionsOf(spec); len(options) > 0 {
		sync["syncOptions"] = options
	}
	return request{what: "rollback to " + entryText(entry), sync: sync}, nil
}

// setEntry asks for the sources and revisions of an entry, with all their fields.
func setEntry(app item, id int64, sync map[string]any) error {
	entries, _, _ := unstructured.NestedSlice(app.Object, "status", "history")
	for _, raw := range entries {
		e, ok := raw.(map[string]any)
		if !ok || e["id"] != id {
			continue
		}
		for _, field := range []string{"revision", "revisions", "source", "sources"} {
			if v, ok := e[field]; ok {
				sync[field] = v
			}
		}
		if sync["source"] == nil && sync["sources"] == nil {
			return fmt.Errorf("entry %d of the history of %s does not say which sources it was made of: choose another", id, app.title())
		}
		return nil
	}
	return fmt.Errorf("entry %d of the history of %s can't be read", id, app.title())
}

// switchOff says how an Application is kept from syncing itself.
func switchOff(app item) string {
	return fmt.Sprintf(`switch that off first where it is declared, or with
  kubectl patch applications.argoproj.io %s -n %s --type merge -p '{"spec":{"syncPolicy":{"automated":{"enabled":false}}}}'`, app.GetName(), app.GetNamespace())
}

// completion offers names, then IDs.
func (f *rollbackFlags) completion(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return appNames(f.to.lister, &f.sel.selector)(cmd, args, word)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), patience)
	defer cancel()
	by, err := f.to.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	app, err := by.application(ctx, cmd, f.sel, args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return idsOf(app), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// idsOf are the entries that one can go back to, newest first.
func idsOf(app item) []string {
	spec, err := app.decoded()
	if err != nil {
		return nil
	}
	var out []string
	all := spec.Status.History
	for i := len(all) - 2; i >= 0; i-- {
		if !sameContent(all[i], all[len(all)-1]) {
			out = append(out, fmt.Sprintf("%d\t%s, %s", all[i].ID, revisionText(revisionsOf(all[i].Revision, all[i].Revisions)), all[i].DeployedAt.UTC().Format("2006-01-02 15:04")))
		}
	}
	return out
}
