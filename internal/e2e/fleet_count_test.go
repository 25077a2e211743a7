package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestFleetReconciles declares many apps at once and counts how often each is worked on and
// written, and what a push costs that is of none of them.
func TestFleetReconciles(t *testing.T) {
	for what, path := range map[string]func(i int) string{
		"objects of their own":    func(i int) string { return fmt.Sprintf("apps/%04d", i) },
		"objects that they share": func(i int) string { return fmt.Sprintf("apps/%04d", i%5) },
	} {
		t.Run(what, func(t *testing.T) {
			const n = 200
			e := newEnvOn(t, ownCluster(t))
			e.eventually("ready", func() error { return e.ok("/readyz") })
			repo := e.repo("count", countedFiles(n))
			e.namespaces("count")
			reconciles, writes := e.costOf(func() {
				e.declareFleet("count", repo, n, path)
				e.untilApps(n, func(o *unstructured.Unstructured) bool { return at(o, "status", "sync", "status") == "OutOfSync" })
			})
			t.Logf("declared: %.2f reconciles and %.2f writes of each app", reconciles/n, writes/n)
			if reconciles > 4*n || writes > 2*n { // one before there is content, one with it
				t.Errorf("declaring %d apps: %v reconciles, %v writes", n, reconciles, writes)
			}
			reconciles, writes = e.costOf(func() {
				commit := e.push(repo, "elsewhere", map[string]string{"README.md": "1"})
				e.untilApps(n, func(o *unstructured.Unstructured) bool { return at(o, "status", "sync", "revision") == commit })
			})
			t.Logf("a push of nothing of theirs: %.2f reconciles and %.2f writes of each app", reconciles/n, writes/n)
			if reconciles > 2*n || writes > 1.2*n { // the revision that each is compared with
				t.Errorf("a push that concerns none of %d apps: %v reconciles, %v writes", n, reconciles, writes)
			}
		})
	}
}

// countedFiles are n folders with a ConfigMap each.
func countedFiles(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("apps/%04d/settings.yaml", i)] = configMap(fmt.Sprintf("settings-%04d", i), "1")
	}
	return files
}

// declareFleet declares n Applications that nobody syncs.
func (e *env) declareFleet(name, repo string, n int, path func(int) string) {
	e.t.Helper()
	e.declareAll(n, func(i int) string { return manual(fmt.Sprintf("%s-%04d", name, i), repo, path(i), name) })
}

// declareAll applies n manifests, as fast as it goes.
func (e *env) declareAll(n int, manifest func(int) string) {
	e.t.Helper()
	var g errgroup.Group
	g.SetLimit(rawWorkers)
	for i := range n {
		g.Go(func() error {
			u, err := parse([]byte(manifest(i)))
			if err != nil {
				return err
			}
			return e.cluster.apply(context.Background(), u)
		})
	}
	if err := g.Wait(); err != nil {
		e.t.Fatal(err)
	}
}

// costOf counts the reconciles of Applications and the writes of them that do causes.
func (e *env) costOf(do func()) (reconciles, writes float64) {
	e.t.Helper()
	before := e.sum("fixpoint_reconcile_total")
	counted := e.counted(do)
	return e.sum("fixpoint_reconcile_total") - before, counted["PATCH applications"]
}

// sum is that of all samples of a metric, 0 where there are none.
func (e *env) sum(metric string) (sum float64) {
	e.t.Helper()
	for line := range strings.Lines(e.metrics()) {
		if rest, ok := strings.CutPrefix(line, metric+"{"); ok {
			_, value, _ := strings.Cut(rest, "} ")
			var n float64
			if _, err := fmt.Sscan(value, &n); err != nil {
				e.t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}

// untilApps is untilAll of Applications.
func (e *env) untilApps(n int, want func(*unstructured.Unstructured) bool) {
	e.t.Helper()
	e.untilAll(applicationKind, n, want)
}

// untilAll watches the objects of a kind until n of them were as wanted. A watch that the API
// server ends is begun anew.
func (e *env) untilAll(gvk schema.GroupVersionKind, n int, want func(*unstructured.Unstructured) bool) {
	e.t.Helper()
	r, err := e.cluster.kind(gvk, metav1.NamespaceAll)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
	defer cancel()
	are := map[string]bool{}
	for ctx.Err() == nil {
		w, err := r.Watch(ctx, metav1.ListOptions{})
		if err != nil {
			e.t.Fatal(err)
		}
		for event := range w.ResultChan() {
			if o, ok := event.Object.(*unstructured.Unstructured); ok && o.GetKind() == gvk.Kind && want(o) {
				are[o.GetName()] = true
			}
			if len(are) >= n {
				w.Stop()
				return
			}
		}
	}
	e.t.Fatalf("%d of %d %ss came to what was expected", len(are), n, gvk.Kind)
}
