package cli

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// requestAnnotation asks Flux's kinds for a reconcile; its value is handed back
// in status.lastHandledReconcileAt.
const requestAnnotation = "reconcile.fluxcd.io/requestedAt"

// reconcile makes the controller reconcile a Kustomization or HelmRelease, and
// its source before that if source is set.
func (w *waiter) reconcile(ctx context.Context, app item, source bool) error {
	if source {
		repo, err := w.sourceOf(ctx, app)
		if err != nil {
			return err
		}
		if err := w.request(ctx, repo); err != nil {
			return err
		}
	}
	return w.request(ctx, app)
}

// sourceOf is the source that an app names. A HelmRelease's chart template names
// that of the chart.
func (w *waiter) sourceOf(ctx context.Context, app item) (item, error) {
	for _, fields := range [][]string{{"spec", "sourceRef"}, {"spec", "chartRef"}, {"spec", "chart", "spec", "sourceRef"}} {
		name := app.text(append(slices.Clone(fields), "name")...)
		if name == "" {
			continue
		}
		namespace := first(app.text(append(slices.Clone(fields), "namespace")...), app.GetNamespace())
		word := app.text(append(slices.Clone(fields), "kind")...)
		for _, k := range sourceKinds {
			if k.name == word {
				return w.find(ctx, selector{namespace: namespace}, name, k)
			}
		}
		return item{}, fmt.Errorf("%s has a source of kind %q, which can't be fetched: leave out --with-source", app.title(), word)
	}
	return item{}, fmt.Errorf("%s names no source", app.title())
}

func (w *waiter) request(ctx context.Context, app item) error {
	if suspended, _, _ := unstructured.NestedBool(app.Object, "spec", "suspend"); suspended {
		return fmt.Errorf("%s is suspended: set its spec.suspend to false first", app.title())
	}
	token := stamp()
	asked, err := w.patch(ctx, app, map[string]any{"metadata": map[string]any{"annotations": map[string]any{requestAnnotation: token}}})
	if err != nil {
		return err
	}
	printf(w.out, "%s: reconcile asked for\n", app.title())
	if w.noWait {
		return nil
	}
	w.last = ""
	return w.await(ctx, asked, func(now item) (bool, error) { return w.judge(now, token) })
}

// judge reports whether a Flux object has handled the token, and how.
func (w *waiter) judge(now item, token string) (bool, error) {
	ready := conditionOf(now, "Ready")
	if ready == nil || now.text("status", "lastHandledReconcileAt") != token {
		return false, nil
	}
	message := textOf(ready, "message")
	switch metav1.ConditionStatus(textOf(ready, "status")) {
	case metav1.ConditionTrue:
		printf(w.out, "%s: %s\n", now.title(), brief(message, 0))
		return true, nil
	case metav1.ConditionFalse:
		return false, failure(now, textOf(ready, "reason"), message, "correct that and push, or look with 'fixpoint get "+now.path()+" -o yaml'")
	}
	w.progress(now, message)
	return false, nil
}
