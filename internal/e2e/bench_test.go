package e2e

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// rawWorkers is how many writes the bare loop has under way: as many as Fixpoint.
const rawWorkers = 16

// raw applies objects with a bare loop, by the kind of client that Fixpoint
// writes with: the limit that the API server sets.
func (e *env) raw(namespace string, manifests []string) time.Duration {
	e.t.Helper()
	cfg := rest.CopyConfig(e.cluster.rest)
	client, err := metadata.NewForConfig(metadata.ConfigFor(cfg))
	if err != nil {
		e.t.Fatal(err)
	}
	type item struct {
		gvr  schema.GroupVersionResource
		name string
		body []byte
	}
	var items []item
	for _, m := range manifests {
		u, err := parse([]byte(m))
		if err != nil {
			e.t.Fatal(err)
		}
		u.SetNamespace(namespace)
		mapping, err := e.cluster.mapper.RESTMapping(u.GroupVersionKind().GroupKind(), u.GroupVersionKind().Version)
		if err != nil {
			e.t.Fatal(err)
		}
		body, err := u.MarshalJSON()
		if err != nil {
			e.t.Fatal(err)
		}
		items = append(items, item{mapping.Resource, u.GetName(), body})
	}
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(rawWorkers)
	force := true
	for _, i := range items {
		g.Go(func() error {
			_, err := client.Resource(i.gvr).Namespace(namespace).Patch(context.Background(), i.name, types.ApplyPatchType, i.body,
				metav1.PatchOptions{FieldManager: "raw", Force: &force})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		e.t.Fatal(err)
	}
	return time.Since(began)
}

// TestBench prints what Fixpoint costs, beside the raw limit in the same run.
// It runs only when it is asked for, by make bench.
func TestBench(t *testing.T) {
	if os.Getenv("FIXPOINT_BENCH") == "" {
		t.Skip("a benchmark: run make bench")
	}
	e := newEnvOn(t, ownCluster(t))
	e.eventually("ready", func() error { return e.ok("/readyz") })
	fmt.Printf("\n%-58s %10s %10s %7s  %s\n", "work", "raw", "Fixpoint", "ratio", "requests")
	e.benchLarge()
	e.benchMany(100)
	e.benchRest()
}

// row prints a line of the table.
func row(work string, raw, took time.Duration, n counts) {
	ratio := "-"
	if raw > 0 {
		ratio = fmt.Sprintf("%.1f", float64(took)/float64(raw))
	}
	show := func(d time.Duration) string {
		if d == 0 {
			return "-"
		}
		return d.Round(100 * time.Microsecond).String()
	}
	var parts []string
	for _, k := range []string{"APPLY", "DELETE", "GET", "LIST"} {
		sum := 0.0
		for key, v := range n {
			if verb, resource, _ := strings.Cut(key, " "); verb == k && managed[strings.TrimSuffix(resource, " dry")] {
				sum += v
			}
		}
		parts = append(parts, fmt.Sprintf("%s %.0f", k, sum))
	}
	fmt.Printf("%-58s %10s %10s %7s  %s\n", work, show(raw), show(took), ratio, strings.Join(parts, ", "))
}

// managed are the resources that the bench's apps declare.
var managed = map[string]bool{"configmaps": true, "services": true, "serviceaccounts": true, "deployments": true}

// timed measures do, and what it asked of the API server.
func (e *env) timed(do func()) (time.Duration, counts) {
	var took time.Duration
	n := e.counted(func() {
		began := time.Now()
		do()
		took = time.Since(began)
	})
	return took, n
}

// benchLarge is one app of 1,000 ConfigMaps.
func (e *env) benchLarge() {
	const n = 1000
	files := many("app", n)
	var manifests []string
	for _, m := range files {
		manifests = append(manifests, m)
	}
	e.namespaces("raw", "large")
	raw := e.raw("raw", manifests)
	repo := e.repo("large", files)
	took, counted := e.timed(func() {
		e.apply(application("large", repo, "app", "large"))
		e.untilAllSynced("large", 1)
	})
	row("1 app x 1,000 ConfigMaps: first sync", raw, took, counted)

	took, counted = e.timed(func() {
		e.edit(applicationKind, "argocd", "large", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
		e.eventually("refreshed", func() error {
			return e.field(applicationKind, "argocd", "large", nil, "metadata", "annotations", "argocd.argoproj.io/refresh")
		})
	})
	row("  the same again, nothing changed", 0, took, counted)

	one := e.raw("raw", manifests[:1])
	took, counted = e.timed(func() {
		e.push(repo, "one", map[string]string{"app/cm-0000.yaml": strings.Replace(files["app/cm-0000.yaml"], "key: v1", "key: v2", 1)})
		e.until("large", "cm-0000", func(o *unstructured.Unstructured) bool {
			v, _, _ := unstructured.NestedString(o.Object, "data", "key")
			return v == "v2"
		})
	})
	row("  push of one object, until it is in the cluster", one, took, counted)
	e.benchDrift("large", one)
}

// benchDrift deletes and edits an object by hand.
func (e *env) benchDrift(namespace string, one time.Duration) {
	uid := e.get(configMapKind, namespace, "cm-0001").GetUID()
	took, counted := e.timed(func() {
		e.delete(configMapKind, namespace, "cm-0001")
		e.until(namespace, "cm-0001", func(o *unstructured.Unstructured) bool { return o.GetUID() != uid })
	})
	row("  object deleted by hand, until it is back", one, took, counted)
	took, counted = e.timed(func() {
		e.edit(configMapKind, namespace, "cm-0002", `{"data":{"key":"edited"}}`)
		e.until(namespace, "cm-0002", func(o *unstructured.Unstructured) bool {
			v, _, _ := unstructured.NestedString(o.Object, "data", "key")
			return v == "v1"
		})
	})
	row("  field edited by hand, until it is back", one, took, counted)
}

// until watches a ConfigMap until it is as wanted: no polling disturbs the count.
func (e *env) until(namespace, name string, want func(*unstructured.Unstructured) bool) {
	e.t.Helper()
	r, err := e.cluster.kind(configMapKind, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w, err := r.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		e.t.Fatal(err)
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		if o, ok := event.Object.(*unstructured.Unstructured); ok && event.Type != "DELETED" && want(o) {
			return
		}
	}
	e.t.Fatalf("ConfigMap %s/%s did not come to what was expected", namespace, name)
}

// untilAllSynced watches the Applications whose names begin so until n of them
// are Synced.
func (e *env) untilAllSynced(prefix string, n int) {
	e.t.Helper()
	r, err := e.cluster.kind(applicationKind, "argocd")
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w, err := r.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	defer w.Stop()
	synced := map[string]bool{}
	for event := range w.ResultChan() {
		o, ok := event.Object.(*unstructured.Unstructured)
		if !ok || !strings.HasPrefix(o.GetName(), prefix) {
			continue
		}
		status, _, _ := unstructured.NestedString(o.Object, "status", "sync", "status")
		delete(synced, o.GetName())
		if status == "Synced" {
			synced[o.GetName()] = true
		}
		if len(synced) == n {
			return
		}
	}
	e.t.Fatalf("%d of %d Applications became Synced", len(synced), n)
}

// small are the four objects of a small app.
func small() []string {
	return []string{
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 0\n  selector: {matchLabels: {app: web}}\n" +
			"  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: \"example.com/web:1\"}]}\n",
		"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
		configMap("web", "1"),
	}
}

// benchMany is n apps of four objects each, in one repository.
func (e *env) benchMany(n int) {
	files := map[string]string{}
	names := []string{"deployment", "account", "service", "settings"}
	var raw time.Duration
	for i := range n {
		for j, m := range small() {
			files[fmt.Sprintf("apps/%03d/%s.yaml", i, names[j])] = m
		}
		e.namespaces(fmt.Sprintf("raw-%03d", i), fmt.Sprintf("small-%03d", i))
	}
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(rawWorkers / 4)
	for i := range n {
		g.Go(func() error { e.raw(fmt.Sprintf("raw-%03d", i), small()); return nil })
	}
	_ = g.Wait() // raw fails the test itself
	raw = time.Since(began)
	repo := e.repo("small", files)
	took, counted := e.timed(func() {
		var g errgroup.Group
		g.SetLimit(rawWorkers)
		for i := range n {
			g.Go(func() error {
				e.apply(application(fmt.Sprintf("small-%03d", i), repo, fmt.Sprintf("apps/%03d", i), fmt.Sprintf("small-%03d", i)))
				return nil
			})
		}
		_ = g.Wait() // apply fails the test itself
		e.untilAllSynced("small-", n)
	})
	row(fmt.Sprintf("%d apps x 4 objects: first sync", n), raw, took, counted)
	one := e.raw("raw-000", small()[3:])
	took, counted = e.timed(func() {
		e.push(repo, "one", map[string]string{"apps/000/settings.yaml": configMap("web", "2")})
		e.until("small-000", "web", func(o *unstructured.Unstructured) bool {
			v, _, _ := unstructured.NestedString(o.Object, "data", "key")
			return v == "2"
		})
	})
	row(fmt.Sprintf("  push to one of %d apps, until it is in the cluster", n), one, took, counted)
}

// benchRest restarts the controller, and shows what it holds.
func (e *env) benchRest() {
	took, counted := e.timed(func() {
		e.stopController()
		e.startController()
		e.eventually("ready", func() error { return e.ok("/readyz") })
		e.delete(configMapKind, "large", "cm-0003")
		e.until("large", "cm-0003", func(o *unstructured.Unstructured) bool { return true })
	})
	row("restart with all in sync, then one object deleted", 0, took, counted)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("heap in use, the tests' own included: %d MiB\n\n", m.HeapInuse>>20)
}
