package e2e

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/apply"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const jobText = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: $NS, annotations: {app: x}}\n" +
	"spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: one}]}}}"

// do does one task on an object.
func (w *writer) do(o model.Object, task apply.Task) model.Result {
	w.t.Helper()
	task.Object = o.ObjectRef
	opt := apply.Options{Objects: map[model.ObjectKey]model.Object{o.ObjectKey: o}, UIDs: map[model.ObjectKey]string{}, Manager: writingManager}
	if l, ok := w.Live(o.ObjectKey, model.AppKey{}, writingManager); ok {
		opt.UIDs[o.ObjectKey] = l.UID
	}
	return apply.Do(w.t.Context(), w, []apply.Task{task}, opt)[0]
}

// TestForceWrite creates a Job anew whose template has changed, at once where it
// goes at once, and later where something holds it.
func TestForceWrite(t *testing.T) {
	w := newWriter(t, "write-force")
	one := w.object(jobText)
	w.watched(one)
	update := apply.Task{Step: model.Step{Action: model.ActionUpdate}}
	first := w.do(one, apply.Task{Step: model.Step{Action: model.ActionCreate}})
	if first.Err != nil || first.State != model.HookStateRunning || !slices.Equal(first.Images, []string{"one"}) {
		t.Fatalf("creating: %+v", first)
	}
	two := w.object(strings.Replace(jobText, "image: one", "image: two", 1))
	if r := w.do(two, update); !errors.Is(r.Err, model.ErrImmutable) || r.State != model.HookStateFailed || r.Live.UID != first.Live.UID {
		t.Fatalf("without force: %+v", r)
	}
	update.Traits.Force = model.Yes
	r := w.do(two, update)
	if r.Err != nil || r.Live.UID == first.Live.UID || r.State != model.HookStateRunning || r.Action != model.ActionUpdate {
		t.Fatalf("with force: %+v", r)
	}

	w.known(two)
	w.edit(two, `{"metadata":{"finalizers":["example.com/held"]}}`)
	three := w.object(strings.Replace(jobText, "image: one", "image: three", 1))
	held := w.do(three, update)
	if held.Err != nil || held.Action != model.ActionDelete || held.State != model.HookStateRunning {
		t.Fatalf("while it is held: %+v", held)
	}
	w.edit(two, `{"metadata":{"finalizers":null}}`)
	w.vanished(two)
	if r := w.do(three, apply.Task{Step: model.Step{Action: model.ActionCreate}}); r.Err != nil || r.Live.UID == held.Live.UID {
		t.Errorf("after it was let go: %+v", r)
	}

	// Replaced by force, it is created anew without being asked first.
	w.known(three)
	before := w.live(three).GetUID()
	update.Traits.Replace = model.Yes
	if r := w.do(three, update); r.Err != nil || r.Live.UID == string(before) {
		t.Errorf("replaced by force: %+v", r)
	}
}

// TestReleaseHook makes hooks: they outlive their deletion until they are released,
// and keep the finalizers of others.
func TestReleaseHook(t *testing.T) {
	w := newWriter(t, "write-hooks")
	o := w.object(strings.Replace(jobText, "namespace: $NS", "namespace: $NS, finalizers: [example.com/one, example.com/two]", 1))
	w.watched(o)
	r := w.do(o, apply.Task{Step: model.Step{Action: model.ActionCreate}, Phase: model.PhasePreSync, Hook: true, Mark: "1700000000.0/PreSync"})
	if r.Err != nil || r.Phase != model.PhasePreSync || !r.Hook || r.Live.Operation != "1700000000.0/PreSync" || !r.Live.Held {
		t.Fatalf("creating: %+v", r)
	}
	uid := r.Live.UID
	if err := w.Delete(t.Context(), o.ObjectRef, uid, "Background"); err != nil {
		t.Fatal(err)
	}
	if w.live(o) == nil {
		t.Fatal("the hook is gone before it was released")
	}
	if err := w.Release(t.Context(), o.ObjectRef, "another"); err != nil {
		t.Fatal(err)
	}
	w.has(o, "[example.com/one example.com/two "+model.HookFinalizer+"]", "metadata", "finalizers")
	if got := w.asked(func() {
		if err := w.Release(t.Context(), o.ObjectRef, uid); err != nil {
			t.Fatal(err)
		}
	}); got != "1 reads, 1 writes, 0 dry runs" {
		t.Errorf("releasing: %s", got)
	}
	w.has(o, "[example.com/one example.com/two]", "metadata", "finalizers")
	if l, _ := w.Live(o.ObjectKey, model.AppKey{}, writingManager); l.Held {
		t.Error("the record says that it is still held")
	}
	if err := w.Release(t.Context(), o.ObjectRef, uid); err != nil {
		t.Errorf("releasing again: %v", err)
	}
	w.edit(o, `{"metadata":{"finalizers":null}}`)
	w.vanished(o)
	if err := w.Release(t.Context(), o.ObjectRef, uid); err != nil {
		t.Errorf("releasing what is gone: %v", err)
	}
}
