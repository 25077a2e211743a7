package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/target"
)

// writingManager is the field manager of these tests' writes.
const writingManager = "argocd-controller"

// writer is a target on the shared cluster, with a namespace of its own.
type writer struct {
	*target.Target
	t         *testing.T
	namespace string
}

// writers tells the namespaces of all tests apart, repeated ones too.
var writers atomic.Int32

func newWriter(t *testing.T, namespace string) *writer {
	t.Helper()
	made, err := target.New(target.Config{
		Name: "test", REST: shared.rest, Health: health.Of, NeedsContent: health.NeedsContent,
		Marks: []target.Mark{{Manager: writingManager, Alone: true, Owner: func(_, annotations map[string]string, _ model.ObjectKey) (model.AppKey, bool) {
			return model.AppKey{Dialect: "test", Name: annotations["app"]}, annotations["app"] != ""
		}}},
		Notify: func(model.AppKey, model.ObjectKey) {}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- made.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w := &writer{Target: made, t: t, namespace: fmt.Sprintf("%s-%d", namespace, writers.Add(1))}
	w.user("apiVersion: v1\nkind: Namespace\nmetadata: {name: $NS}")
	return w
}

// object is what a YAML text declares; $NS in it is the test's namespace.
func (w *writer) object(text string) model.Object {
	w.t.Helper()
	u := w.parse(text)
	raw, err := u.MarshalJSON()
	if err != nil {
		w.t.Fatal(err)
	}
	gvk := u.GroupVersionKind()
	return model.Object{
		ObjectRef: model.ObjectRef{
			ObjectKey: model.ObjectKey{Group: gvk.Group, Kind: gvk.Kind, Namespace: u.GetNamespace(), Name: u.GetName()}, Version: gvk.Version,
		},
		JSON: raw, Digest: model.DigestOf(raw), Annotations: u.GetAnnotations(), Labels: u.GetLabels(),
	}
}

func (w *writer) parse(text string) *unstructured.Unstructured {
	w.t.Helper()
	u, err := parse([]byte(strings.ReplaceAll(text, "$NS", w.namespace)))
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// user applies what a YAML text declares as somebody else.
func (w *writer) user(text string) {
	w.t.Helper()
	if err := shared.apply(w.t.Context(), w.parse(text)); err != nil {
		w.t.Fatal(err)
	}
}

// watched makes the mirror hold all objects of the kind.
func (w *writer) watched(o model.Object) {
	w.t.Helper()
	err := within(patience, func() error {
		synced, err := w.Ensure(model.AppKey{Dialect: "test", Name: "x"}, []model.ObjectRef{o.ObjectRef})
		if err == nil && !synced {
			err = errors.New("not listed yet")
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// write applies an object in some way, which has to succeed.
func (w *writer) write(o model.Object, how model.Write) model.Live {
	w.t.Helper()
	live, err := w.Apply(w.t.Context(), o, writingManager, how)
	if err != nil {
		w.t.Fatalf("writing %s: %v", o.ObjectKey, err)
	}
	return live
}

// asked counts what do asks of the API server: reads, writes and dry runs.
func (w *writer) asked(do func()) string {
	before := w.Requests()
	do()
	after := w.Requests()
	return fmt.Sprintf("%d reads, %d writes, %d dry runs", after.Reads-before.Reads, after.Writes-before.Writes, after.DryRuns-before.DryRuns)
}

// live reads an object; nil if there is none.
func (w *writer) live(o model.Object) *unstructured.Unstructured {
	w.t.Helper()
	r, err := shared.resource(w.unstructured(o))
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := r.Get(w.t.Context(), o.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func (w *writer) unstructured(o model.Object) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(o.JSON); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// has checks a field of the live object: the text of its value, "" if it has none.
func (w *writer) has(o model.Object, want string, path ...string) {
	w.t.Helper()
	v, ok, err := unstructured.NestedFieldNoCopy(w.live(o).Object, path...)
	got := ""
	if ok {
		got = fmt.Sprint(v)
	}
	if err != nil || got != want {
		w.t.Errorf("%s: %s is %q, want %q (%v)", o.ObjectKey, strings.Join(path, "."), got, want, err)
	}
}

// client is one for objects of the kind, as another program has it.
func (w *writer) client(o model.Object) interface {
	Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*unstructured.Unstructured, error)
	Create(context.Context, *unstructured.Unstructured, metav1.CreateOptions, ...string) (*unstructured.Unstructured, error)
} {
	w.t.Helper()
	r, err := shared.resource(w.unstructured(o))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *writer) edit(o model.Object, patch string) {
	w.t.Helper()
	if _, err := w.client(o).Patch(w.t.Context(), o.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
		w.t.Fatal(err)
	}
}

// known waits until the mirror has the object as it is.
func (w *writer) known(o model.Object) {
	w.t.Helper()
	err := within(patience, func() error {
		l, ok := w.Live(o.ObjectKey, model.AppKey{}, writingManager)
		if version := w.live(o).GetResourceVersion(); !ok || l.ResourceVersion != version {
			return fmt.Errorf("the mirror is at %q, not at %s", l.ResourceVersion, version)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// remove deletes an object and waits until it is gone, also for the mirror.
func (w *writer) remove(o model.Object) {
	w.t.Helper()
	if err := w.Delete(w.t.Context(), o.ObjectRef, string(w.live(o).GetUID()), "Background"); err != nil {
		w.t.Fatal(err)
	}
	w.vanished(o)
}

func (w *writer) vanished(o model.Object) {
	w.t.Helper()
	err := within(patience, func() error {
		_, known := w.Live(o.ObjectKey, model.AppKey{}, writingManager)
		if w.live(o) != nil || known {
			return errors.New("it is still there")
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
