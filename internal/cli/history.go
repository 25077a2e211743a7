package cli

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
)

func newHistory(deps Deps) *cobra.Command {
	to := reach{deps: deps}
	var sel onlyApplication
	var out format
	cmd := &cobra.Command{
		Use:   "history NAME|NAMESPACE/NAME",
		Short: "List what an Application has deployed",
		Long: `Lists the full syncs of an Application that succeeded, oldest first, as its
status.history has them; the last one is what is deployed. 'fixpoint rollback'
goes back to one of them by its ID. How many are kept is said by
spec.revisionHistoryLimit.`,
		Example: "  fixpoint history my-app\n  fixpoint history argocd/my-app -o json",
		Args:    oneArg("the name of an Application"),
		RunE: func(cmd *cobra.Command, args []string) error {
			by, err := to.open()
			if err != nil {
				return err
			}
			app, err := by.application(cmd.Context(), cmd, sel, args[0])
			if err != nil {
				return err
			}
			if out != formatTable {
				entries, _, _ := unstructured.NestedSlice(app.Object, "status", "history")
				return out.data(cmd.OutOrStdout(), append([]any{}, entries...))
			}
			spec, err := app.decoded()
			if err != nil {
				return err
			}
			if len(spec.Status.History) == 0 {
				printf(cmd.ErrOrStderr(), "%s has no history yet: every full sync that succeeds adds to it.\n", app.title())
				return nil
			}
			historyTable(spec.Status.History, deps.now()).print(cmd.OutOrStdout())
			return nil
		},
	}
	to.bind(cmd)
	sel.bind(cmd, to.lister)
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

func (k kube) application(ctx context.Context, cmd *cobra.Command, sel onlyApplication, name string) (item, error) {
	return sel.find(ctx, cmd, k.cluster, name)
}

func historyTable(entries []v1alpha1.RevisionHistory, now time.Time) *table {
	t := &table{header: []string{"ID", "DEPLOYED AT", "AGE", "REVISION", "BY", "SOURCE"}}
	for i, e := range entries {
		id := strconv.FormatInt(e.ID, 10)
		if i == len(entries)-1 {
			id += " (current)"
		}
		t.add(id, e.DeployedAt.UTC().Format(time.RFC3339), age(e.DeployedAt.Time, now), revisionText(revisionsOf(e.Revision, e.Revisions)),
			initiator(e.InitiatedBy), sourceTexts(sourcesOf(e.Source, e.Sources)))
	}
	return t
}

// initiator is who asked for an operation.
func initiator(by v1alpha1.OperationInitiator) string {
	if by.Username == "" && by.Automated {
		return "automated"
	}
	return by.Username
}

// sameContent reports whether two entries deployed the same.
func sameContent(a, b v1alpha1.RevisionHistory) bool {
	return slices.Equal(revisionsOf(a.Revision, a.Revisions), revisionsOf(b.Revision, b.Revisions)) &&
		reflect.DeepEqual(sourcesOf(a.Source, a.Sources), sourcesOf(b.Source, b.Sources))
}

// earlier is the entry of an id, or for "" the newest one that deployed something
// else than what is deployed now.
func earlier(app item, entries []v1alpha1.RevisionHistory, id string) (v1alpha1.RevisionHistory, error) {
	none := v1alpha1.RevisionHistory{}
	if len(entries) == 0 {
		return none, fmt.Errorf("%s has no history: there is nothing to go back to; every full sync that succeeds adds to it", app.title())
	}
	current := entries[len(entries)-1]
	if id == "" {
		for _, e := range slices.Backward(entries) {
			if !sameContent(e, current) {
				return e, nil
			}
		}
		return none, fmt.Errorf("%s has deployed nothing else than what is deployed now: there is nothing to go back to", app.title())
	}
	for _, e := range entries {
		if strconv.FormatInt(e.ID, 10) != id {
			continue
		}
		if sameContent(e, current) {
			return none, fmt.Errorf("%s has %s deployed already: nothing changes; 'fixpoint sync %s' repairs what differs",
				app.title(), entryText(e), app.path())
		}
		return e, nil
	}
	return none, fmt.Errorf("%s has no entry %s in its history, which goes from %d to %d: 'fixpoint history %s' lists it", app.title(), id, entries[0].ID, current.ID, app.path())
}

// entryText names an entry: "3 (e47ca13)".
func entryText(e v1alpha1.RevisionHistory) string {
	return fmt.Sprintf("%d (%s)", e.ID, revisionText(revisionsOf(e.Revision, e.Revisions)))
}
