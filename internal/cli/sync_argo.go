package cli

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// tokenName is the entry of operation.info by which a sync is recognised in
// the status.
const tokenName = "fixpoint-cli"

// request is what an Application is asked for by its field operation.
type request struct {
	// what it is called, such as "sync".
	what string
	// sync and retry are fields of the operation; retry may be nil.
	sync, retry map[string]any
}

// operate has an operation carried out.
func (w *waiter) operate(ctx context.Context, app item, r request) error {
	if app.GetDeletionTimestamp() != nil {
		return fmt.Errorf("%s is being deleted, and is not synced any more: 'fixpoint get %s' shows what that waits for", app.title(), app.path())
	}
	if _, busy := app.Object["operation"]; busy {
		return fmt.Errorf("%s: another sync was asked for and has not begun: wait for it, or take it back with 'fixpoint terminate %s'", app.title(), app.path())
	}
	w.takeBack = fmt.Sprintf("'fixpoint terminate %s' takes it back", app.path())
	token := stamp()
	operation := map[string]any{
		"initiatedBy": map[string]any{"username": w.whoami(ctx)},
		"info":        []any{map[string]any{"name": tokenName, "value": token}},
		"sync":        r.sync,
	}
	if r.retry != nil {
		operation["retry"] = r.retry
	}
	asked, err := w.patch(ctx, app, map[string]any{
		"metadata":  map[string]any{"resourceVersion": app.GetResourceVersion()},
		"operation": operation,
	})
	if apierrors.IsConflict(err) {
		fresh, err := w.again(ctx, app)
		if err != nil {
			return err
		}
		return w.operate(ctx, fresh, r)
	}
	if err != nil {
		return err
	}
	dry, _ := r.sync["dryRun"].(bool)
	w.asked(app, r.what, dry)
	if w.noWait {
		return nil
	}
	end, err := w.ended(ctx, asked, token)
	if err != nil {
		return err
	}
	return w.conclude(end, r.what)
}

// asked says that something was asked for.
func (t *teller) asked(app item, what string, dry bool) {
	if dry {
		what = "dry run of a " + what
	}
	printf(t.out, "%s: %s asked for\n", app.title(), what)
}

// ended waits for the end of the operation that bears the token.
func (w *waiter) ended(ctx context.Context, asked item, token string) (item, error) {
	var end item
	terminate := fmt.Sprintf("'fixpoint terminate %s' ends ", asked.path())
	err := w.await(ctx, asked, func(now item) (bool, error) {
		phase, message := now.text("status", "operationState", "phase"), now.text("status", "operationState", "message")
		switch {
		case isOf(now, token) && isDone(phase):
			end = now
			return true, nil
		case isOf(now, token):
			w.end = terminate + "it"
			w.progress(now, phase+": "+message)
		case phase != "" && !isDone(phase):
			w.end = terminate + "the one that is under way"
			w.progress(now, "waits for the sync that is under way: "+message)
		}
		return false, nil
	})
	return end, err
}

func isDone(phase string) bool { return phase == "Succeeded" || phase == "Failed" || phase == "Error" }

// isOf reports whether the operation that the status tells of is the token's.
func isOf(app item, token string) bool {
	info, _, _ := unstructured.NestedSlice(app.Object, "status", "operationState", "operation", "info")
	for _, raw := range info {
		if i, ok := raw.(map[string]any); ok && textOf(i, "name") == tokenName && textOf(i, "value") == token {
			return true
		}
	}
	return false
}

// conclude prints what a sync did, and makes its failure an error.
func (t *teller) conclude(app item, what string) error {
	results, _, _ := unstructured.NestedSlice(app.Object, "status", "operationState", "syncResult", "resources")
	all := &table{header: []string{"KIND", "NAMESPACE", "NAME", "STATUS", "MESSAGE"}}
	for _, raw := range results {
		if r, ok := raw.(map[string]any); ok {
			all.add(kindText(textOf(r, "group"), textOf(r, "kind")), textOf(r, "namespace"), textOf(r, "name"), textOf(r, "status"), brief(textOf(r, "message"), 0))
		}
	}
	if len(all.rows) > 0 {
		all.print(t.out)
	}
	phase := app.text("status", "operationState", "phase")
	if phase != "Succeeded" {
		return failure(app, what+" "+strings.ToLower(phase), app.text("status", "operationState", "message"),
			fmt.Sprintf("'fixpoint diff %s' shows what is left to do", app.path()))
	}
	return t.result(app)
}

// result prints the state after a sync, and what was synced where that is not what
// the app follows.
func (t *teller) result(app item) error {
	spec, err := app.decoded()
	if err != nil {
		return err
	}
	status := spec.Status
	follows := revisionText(revisionsOf(status.Sync.Revision, status.Sync.Revisions))
	what := ""
	if r := status.OperationState.SyncResult; r != nil {
		if synced := revisionText(revisionsOf(r.Revision, r.Revisions)); synced != "" && synced != follows {
			what = synced + " is synced; "
		}
	}
	printf(t.out, "%s: %s%s, %s\n", app.title(), what, withText(status.Sync.Status, " at ", follows), status.Health.Status)
	return nil
}

// kindText is a kind with its group, as kubectl writes it.
func kindText(group, kind string) string {
	if group == "" {
		return kind
	}
	return kind + "." + group
}
