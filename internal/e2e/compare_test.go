package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/itchyny/gojq"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/compare"
	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/target"
)

const (
	argoManager    = "argocd-controller"
	kubectlManager = "kubectl-client-side-apply"
)

// comparer compares objects on the real API server, as the engine does.
type comparer struct {
	*env
	ns     string
	app    model.AppKey
	target *target.Target

	mu   sync.Mutex
	told map[model.ObjectKey]int
}

func newComparer(t *testing.T, ns string) *comparer {
	t.Helper()
	c := &comparer{env: &env{t: t, cluster: shared}, ns: ns, app: model.AppKey{Dialect: "argo", Namespace: "argocd", Name: ns},
		told: map[model.ObjectKey]int{}}
	tgt, err := target.New(target.Config{
		REST: shared.rest, Health: func(map[string]any) model.Health { return model.Health{} }, NeedsContent: health.NeedsContent,
		Marks: []target.Mark{{Manager: argoManager, Alone: true,
			Owner: func(_, annotations map[string]string, _ model.ObjectKey) (model.AppKey, bool) {
				return c.app, annotations["test/app"] == ns
			}}},
		Notify: func(_ model.AppKey, key model.ObjectKey) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.told[key]++
		},
		KindsChanged: func() {}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.target = tgt
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tgt.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c.namespaces(ns)
	return c
}

// declared is an object of the app, in the app's namespace unless it says otherwise.
func (c *comparer) declared(text string) model.Object {
	c.t.Helper()
	u, err := parse([]byte(text))
	if err != nil {
		c.t.Fatal(err)
	}
	gvk := u.GroupVersionKind()
	ref := model.ObjectRef{ObjectKey: model.ObjectKey{Group: gvk.Group, Kind: gvk.Kind, Name: u.GetName()}, Version: gvk.Version}
	if namespaced, err := c.target.Namespaced(ref); err != nil {
		c.t.Fatal(err)
	} else if namespaced {
		u.SetNamespace(c.ns)
	}
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations["test/app"] = c.ns
	u.SetAnnotations(annotations)
	ref.Namespace = u.GetNamespace()
	body, err := json.Marshal(u.Object)
	if err != nil {
		c.t.Fatal(err)
	}
	return model.Object{ObjectRef: ref, JSON: body, Digest: model.DigestOf(body)}
}

// watch waits until the mirror knows all there is of the objects' kinds.
func (c *comparer) watch(objects ...model.Object) {
	c.t.Helper()
	var refs []model.ObjectRef
	var keys []model.ObjectKey
	for _, o := range objects {
		keys = append(keys, o.ObjectKey)
		o.ObjectRef.Name, o.ObjectRef.Namespace = "", ""
		refs = append(refs, o.ObjectRef)
	}
	c.target.Claim(c.app, keys, nil)
	c.eventually("kinds are listed", func() error {
		listed, err := c.target.Ensure(c.app, refs)
		if err == nil && !listed {
			err = fmt.Errorf("not yet")
		}
		return err
	})
}

// deploy applies objects as the app does.
func (c *comparer) deploy(objects ...model.Object) {
	c.t.Helper()
	c.watch(objects...)
	for _, o := range objects {
		if _, err := c.target.Apply(c.t.Context(), o, argoManager, model.Write{Migrate: []string{kubectlManager}}); err != nil {
			c.t.Fatalf("applying %s: %v", o.ObjectKey, err)
		}
	}
}

// live is the object as it is, once the mirror has seen that state of it.
func (c *comparer) live(o model.Object) *unstructured.Unstructured {
	c.t.Helper()
	var out *unstructured.Unstructured
	c.eventually("the mirror knows "+o.ObjectKey.String(), func() error {
		out = c.get(gvkOf(o), o.Namespace, o.Name)
		if out == nil {
			return fmt.Errorf("there is no %s", o.ObjectKey)
		}
		known, ok := c.target.Live(o.ObjectKey, c.app, argoManager)
		if !ok || known.ResourceVersion != out.GetResourceVersion() {
			return fmt.Errorf("the mirror has version %q, the cluster %q", known.ResourceVersion, out.GetResourceVersion())
		}
		return nil
	})
	return out
}

// aged waits until what our manager wrote of the object is old enough for its
// ownership alone to tell that nothing would change.
func (c *comparer) aged(o model.Object) {
	c.t.Helper()
	c.eventually("the write of "+o.ObjectKey.String()+" is past", func() error {
		live, ok := c.target.Live(o.ObjectKey, c.app, argoManager)
		if !ok || time.Since(time.Unix(live.Time, 0)) < 3*time.Second {
			return fmt.Errorf("not yet")
		}
		return nil
	})
}

func (c *comparer) differ(o model.Object, rules model.Comparison) compare.Differ {
	return compare.Differ{Rules: compare.For(rules, o.ObjectKey), Paths: jqPaths, Manager: argoManager,
		Former: []string{kubectlManager}, Desired: o.JSON}
}

// judge compares, and sees to it that comparing changes nothing.
func (c *comparer) judge(o model.Object, rules model.Comparison) model.Judgement {
	c.t.Helper()
	before := c.live(o)
	j, err := c.target.Compare(c.t.Context(), o, argoManager, model.Write{Migrate: []string{kubectlManager}}, c.differ(o, rules))
	if err != nil {
		c.t.Fatalf("comparing %s: %v", o.ObjectKey, err)
	}
	if after := c.live(o); before.GetUID() != after.GetUID() || before.GetGeneration() != after.GetGeneration() {
		c.t.Errorf("comparing %s has changed it", o.ObjectKey)
	}
	return j
}

func (c *comparer) same(what string, o model.Object, rules model.Comparison) {
	c.t.Helper()
	if j := c.judge(o, rules); !j.Same {
		c.t.Errorf("%s: %s is taken for changed: %s", what, o.ObjectKey, c.differences(o, rules))
	}
}

func (c *comparer) differs(what string, o model.Object, rules model.Comparison) {
	c.t.Helper()
	if j := c.judge(o, rules); j.Same {
		c.t.Errorf("%s: %s is taken for unchanged", what, o.ObjectKey)
	}
}

// differences are those that people would be shown.
func (c *comparer) differences(o model.Object, rules model.Comparison) []compare.Difference {
	c.t.Helper()
	after, err := c.target.Preview(c.t.Context(), o, argoManager)
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := c.differ(o, rules).Diff(c.t.Context(), c.live(o).Object, after)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// patch writes a part of an object as somebody else.
func (c *comparer) patch(o model.Object, manager, patch string, subresource ...string) {
	c.t.Helper()
	r, err := c.cluster.kind(gvkOf(o), o.Namespace)
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = r.Patch(c.t.Context(), o.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: manager}, subresource...)
	if err != nil {
		c.t.Fatal(err)
	}
}

// create creates an object the way a client-side apply does, with what it notes.
func (c *comparer) create(o model.Object, manager string) {
	c.t.Helper()
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(o.JSON); err != nil {
		c.t.Fatal(err)
	}
	annotations := u.GetAnnotations()
	annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(o.JSON) + "\n"
	u.SetAnnotations(annotations)
	r, err := c.cluster.resource(u)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := r.Create(c.t.Context(), u, metav1.CreateOptions{FieldManager: manager}); err != nil {
		c.t.Fatal(err)
	}
}

func gvkOf(o model.Object) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: o.Group, Version: o.Version, Kind: o.Kind}
}

// jqPaths evaluates jq in the test's own process.
func jqPaths(ctx context.Context, exprs []string, obj map[string]any) ([][]any, error) {
	var out [][]any
	text, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, err
	}
	for _, e := range exprs {
		q, err := gojq.Parse("path(" + e + ")")
		if err != nil {
			return nil, err
		}
		it := q.RunWithContext(ctx, plain)
		for v, more := it.Next(); more; v, more = it.Next() {
			if path, ok := v.([]any); ok {
				out = append(out, path)
			}
		}
	}
	return out, nil
}

func ignoring(f model.IgnoredFields) model.Comparison {
	f.Group, f.Kind = "*", "*"
	return model.Comparison{Ignore: []model.IgnoredFields{f}}
}
