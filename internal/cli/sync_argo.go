package cli

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// tokenName is the entry of operation.info by which a sync is recognised in
// the status.
const tokenName = "fixpoint-cli"

// operate syncs an Application by its operation field.
func (w *waiter) operate(ctx context.Context, app item, resources []any) error {
	if _, busy := app.Object["operation"]; busy {
		return fmt.Errorf("%s: another sync was asked for and has not begun: wait for it, or remove its field operation", app.title())
	}
	token := stamp()
	sync := map[string]any{"prune": w.flags.prune, "dryRun": w.flags.dryRun}
	if len(resources) > 0 {
		sync["resources"] = resources
	}
	asked, err := w.patch(ctx, app, map[string]any{
		"metadata": map[string]any{"resourceVersion": app.GetResourceVersion()},
		"operation": map[string]any{
			"initiatedBy": map[string]any{"username": cliManager},
			"info":        []any{map[string]any{"name": tokenName, "value": token}},
			"sync":        sync,
		},
	})
	if apierrors.IsConflict(err) {
		fresh, err := w.objects(app).Get(ctx, app.GetName(), metav1.GetOptions{})
		if err != nil {
			return w.explain("reading "+app.title(), err)
		}
		return w.operate(ctx, item{app.kind, fresh}, resources)
	}
	if err != nil {
		return err
	}
	printf(w.out, "%s: sync asked for\n", app.title())
	if w.flags.noWait {
		return nil
	}
	var end item
	err = w.await(ctx, asked, func(now item) (bool, error) {
		if !isOf(now, token) {
			return false, nil
		}
		phase := now.text("status", "operationState", "phase")
		if end = now; phase == "Succeeded" || phase == "Failed" || phase == "Error" {
			return true, nil
		}
		w.progress(now, phase+": "+now.text("status", "operationState", "message"))
		return false, nil
	})
	if err != nil {
		return err
	}
	return w.conclude(end)
}

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
func (w *waiter) conclude(app item) error {
	results, _, _ := unstructured.NestedSlice(app.Object, "status", "operationState", "syncResult", "resources")
	t := &table{header: []string{"KIND", "NAMESPACE", "NAME", "STATUS", "MESSAGE"}}
	for _, raw := range results {
		if r, ok := raw.(map[string]any); ok {
			t.add(kindText(textOf(r, "group"), textOf(r, "kind")), textOf(r, "namespace"), textOf(r, "name"), textOf(r, "status"), brief(textOf(r, "message"), 0))
		}
	}
	if len(t.rows) > 0 {
		t.print(w.out)
	}
	phase := app.text("status", "operationState", "phase")
	if phase != "Succeeded" {
		return failure(app, "sync "+strings.ToLower(phase), app.text("status", "operationState", "message"),
			fmt.Sprintf("'fixpoint diff %s' shows what is left to do", app.path()))
	}
	s := applicationState(app)
	printf(w.out, "%s: %s at %s, %s\n", app.title(), s.sync, revision(s.revision), s.health)
	return nil
}

// kindText is a kind with its group, as kubectl writes it.
func kindText(group, kind string) string {
	if group == "" {
		return kind
	}
	return kind + "." + group
}

// refreshApplication makes the controller look at an Application anew.
func (w *waiter) refreshApplication(ctx context.Context, app item) error {
	mode := "normal"
	if w.flags.hard {
		mode = "hard"
	}
	asked, err := w.patch(ctx, app, map[string]any{"metadata": map[string]any{"annotations": map[string]any{refreshAnnotation: mode}}})
	if err != nil {
		return err
	}
	printf(w.out, "%s: %s refresh asked for\n", app.title(), mode)
	if w.flags.noWait {
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

const refreshAnnotation = "argocd.argoproj.io/refresh"
