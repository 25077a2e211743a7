package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/apply"
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

// TestReplaceWrite replaces objects: what is not declared goes, what servers and
// controllers set stays, and drift of what is declared is seen all the same.
func TestReplaceWrite(t *testing.T) {
	w := newWriter(t, "write-replace")
	const declared = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: $NS, annotations: {app: x}}\ndata: {key: \"1\"}"
	w.user("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: $NS, labels: {theirs: yes-it-is}, finalizers: [example.com/kept]}\ndata: {key: \"1\", other: \"2\"}")
	o := w.object(declared)
	w.watched(o)
	var live model.Live
	// The kinds have been asked for already.
	if got := w.asked(func() { live = w.write(o, model.Write{Replace: true}) }); got != "1 reads, 3 writes, 0 dry runs" {
		t.Errorf("replacing what exists without a record: %s", got)
	}
	w.has(o, "map[key:1]", "data")
	w.has(o, "", "metadata", "labels")
	w.has(o, "[example.com/kept]", "metadata", "finalizers")
	if live.Fields.IsZero() {
		t.Error("nothing of a replaced object is ours")
	}
	if got := w.asked(func() {
		live = w.write(w.object(strings.Replace(declared, `"1"`, `"2"`, 1)), model.Write{Replace: true})
	}); got != "1 reads, 2 writes, 0 dry runs" {
		t.Errorf("replacing what exists: %s", got)
	}
	w.drifts(o, live, `{"data":{"other":"theirs"}}`, false)
	w.drifts(o, live, `{"data":{"key":"theirs"}}`, true)
	w.edit(o, `{"metadata":{"finalizers":null}}`)

	made := w.object(strings.ReplaceAll(declared, "name: a", "name: made"))
	if got := w.asked(func() { live = w.write(made, model.Write{Replace: true}) }); got != "0 reads, 2 writes, 0 dry runs" {
		t.Errorf("replacing nothing: %s", got)
	}
	w.drifts(made, live, `{"data":{"key":"theirs"}}`, true)
	// Applied again, it loses what replacements have set and is no longer declared.
	fewer := w.object("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: made, namespace: $NS, annotations: {app: x}}\ndata: {new: \"1\"}")
	w.edit(made, `{"data":{"key":"1"}}`)
	w.write(made, model.Write{Replace: true})
	w.write(fewer, model.Write{})
	w.has(fewer, "1", "data", "new")
	for _, m := range w.live(fewer).GetManagedFields() {
		if m.Manager == writingManager+"-replace" {
			t.Errorf("the replacement's fields are still its own: %v", m)
		}
	}
}

// drifts edits an object as somebody else, and waits until the mirror has seen
// that: ours is what was before, or not.
func (w *writer) drifts(o model.Object, was model.Live, patch string, want bool) {
	w.t.Helper()
	w.edit(o, patch)
	version := w.live(o).GetResourceVersion()
	var now model.Live
	err := within(patience, func() error {
		now, _ = w.Live(o.ObjectKey, model.AppKey{}, writingManager)
		if now.ResourceVersion != version {
			return fmt.Errorf("the mirror is at %s, not at %s", now.ResourceVersion, version)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if drifted := now.Fields != was.Fields || now.Time != was.Time; drifted != want {
		w.t.Errorf("%s after %s: drift seen: %v, want %v", o.ObjectKey, patch, drifted, want)
	}
}

// TestReplaceKeeps replaces objects of kinds in which servers set fields.
func TestReplaceKeeps(t *testing.T) {
	w := newWriter(t, "write-keeps")
	for name, c := range map[string]struct {
		first, second string
		keeps         [][]string
	}{
		"Service": {
			"apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: $NS}\nspec: {type: NodePort, selector: {a: b}, ports: [{port: 80, name: http}]}",
			"apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: $NS, labels: {new: label}}\nspec: {type: NodePort, selector: {a: c}, ports: [{port: 80, name: http}]}",
			[][]string{{"spec", "clusterIP"}, {"spec", "ports"}},
		},
		"Job": {
			"apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: $NS}\nspec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: none}]}}}",
			"apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: $NS, labels: {new: label}}\nspec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: none}]}}}",
			[][]string{{"spec", "selector"}, {"spec", "template", "metadata", "labels"}},
		},
		"ServiceAccount": {
			"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: sa, namespace: $NS}\nsecrets: [{name: given}]",
			"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: sa, namespace: $NS, labels: {new: label}}",
			[][]string{{"secrets"}},
		},
		"PersistentVolumeClaim": {
			"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: pvc, namespace: $NS}\nspec: {volumeName: some, storageClassName: slow, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}",
			"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: pvc, namespace: $NS, labels: {new: label}}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}",
			[][]string{{"spec", "volumeName"}, {"spec", "storageClassName"}, {"metadata", "finalizers"}},
		},
		"Namespace": {
			"apiVersion: v1\nkind: Namespace\nmetadata: {name: write-keeps-too}",
			"apiVersion: v1\nkind: Namespace\nmetadata: {name: write-keeps-too, labels: {new: label}}",
			[][]string{{"spec", "finalizers"}, {"metadata", "uid"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.user(c.first)
			o := w.object(c.second)
			before := w.live(o)
			w.write(o, model.Write{Replace: true})
			w.has(o, "label", "metadata", "labels", "new")
			for _, path := range c.keeps {
				was, _, _ := unstructured.NestedFieldNoCopy(before.Object, path...)
				if was == nil {
					t.Fatalf("%v was not there before", path)
				}
				w.has(o, fmt.Sprint(was), path...)
			}
		})
	}
}

// deploymentText is a Deployment with a text put into its container and one into its
// spec.
func deploymentText(name, container, spec string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: $NS, annotations: {app: x}}\n" +
		"spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: none" + container + "}]}}" + spec + "}"
}

// TestWriteAccepts writes what kubectl's own apply accepts and a server-side apply
// refuses.
func TestWriteAccepts(t *testing.T) {
	w := newWriter(t, "write-accepts")
	odd := w.object(deploymentText("odd", ", imge: x, ports: [{containerPort: 80, nme: y}]", ", replcas: 3"))
	w.watched(odd)
	live := w.write(odd, model.Write{})
	for _, field := range []string{"spec.replcas", "imge", "nme"} {
		if !strings.Contains(live.Warning, field) {
			t.Errorf("no warning of %s: %q", field, live.Warning)
		}
	}
	w.has(odd, "0", "spec", "replicas")
	w.known(odd)
	if same, err := w.Same(t.Context(), odd, writingManager); !same || err != nil {
		t.Errorf("a field that the kind does not have: same: %v, %v", same, err)
	}
	if live := w.write(odd, model.Write{NoValidate: true}); live.Warning != "" {
		t.Errorf("without validation there is a warning: %s", live.Warning)
	}
	if _, err := w.Apply(t.Context(), odd, writingManager, model.Write{Strict: true}); !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "replcas") {
		t.Errorf("strictly: %v", err)
	}

	recreate := w.object(deploymentText("strategy", "", ", strategy: {type: Recreate}"))
	w.watched(recreate)
	w.write(w.object(deploymentText("strategy", "", "")), model.Write{})
	if same, err := w.Same(t.Context(), recreate, writingManager); same || err != nil {
		t.Errorf("another strategy: same: %v, %v", same, err)
	}
	w.write(recreate, model.Write{})
	w.has(recreate, "map[type:Recreate]", "spec", "strategy")

	twice := w.object(deploymentText("twice", `, env: [{name: A, value: "1"}, {name: A, value: "2"}]`, ""))
	if _, err := w.Apply(t.Context(), twice, writingManager, model.Write{}); !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "Replace=true") {
		t.Errorf("an item named twice: %v", err)
	}
	if live := w.write(twice, model.Write{Replace: true}); !strings.Contains(live.Warning, "drift") {
		t.Errorf("replacing with an item named twice: %q", live.Warning)
	}
	w.has(twice, "0", "spec", "replicas")
}

// TestWriteOnce: what exists is left as it is where only a creation is asked for,
// and dry runs write nothing.
func TestWriteOnce(t *testing.T) {
	w := newWriter(t, "write-once")
	w.user("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs, namespace: $NS}\ndata: {key: theirs}")
	theirs := w.object("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs, namespace: $NS}\ndata: {key: ours}")
	w.write(theirs, model.Write{CreateOnly: true})
	w.has(theirs, "theirs", "data", "key")
	ours := w.object("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ours, namespace: $NS}\ndata: {key: ours}")
	for _, how := range []model.Write{{DryRun: true}, {DryRun: true, Replace: true}, {DryRun: true, CreateOnly: true}} {
		w.write(ours, how)
	}
	if w.live(ours) != nil {
		t.Error("a dry run has created it")
	}
	w.write(ours, model.Write{CreateOnly: true})
	w.has(ours, "ours", "data", "key")
	for _, how := range []model.Write{{DryRun: true}, {DryRun: true, Replace: true}} {
		w.write(theirs, how)
		w.has(theirs, "theirs", "data", "key")
	}
}

// TestMigration applies what kubectl's client-side apply has made: what is no
// longer declared goes, at the price of one read and one patch, once.
func TestMigration(t *testing.T) {
	w := newWriter(t, "write-migrate")
	with := deploymentText("m", `, env: [{name: GONE, value: "1"}]`, "")
	without := w.object(deploymentText("m", "", ""))
	w.watched(without)
	migrate := model.Write{Migrate: []string{"kubectl-client-side-apply"}}
	create := func(manager string) {
		t.Helper()
		old := w.parse(with)
		old.SetAnnotations(map[string]string{"app": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}"})
		if _, err := w.client(without).Create(t.Context(), old, metav1.CreateOptions{FieldManager: manager}); err != nil {
			t.Fatal(err)
		}
		w.settled(without)
	}
	gone := func() {
		t.Helper()
		w.remove(without)
	}
	env := []string{"spec", "template", "spec", "containers"}

	create("kubectl-client-side-apply")
	if got := w.asked(func() { w.write(without, model.Write{}) }); got != "0 reads, 1 writes, 0 dry runs" {
		t.Errorf("not migrating: %s", got)
	}
	if c := fmt.Sprint(w.at(without, env...)); !strings.Contains(c, "GONE") {
		t.Errorf("what was not taken over is gone: %s", c)
	}
	if got := w.asked(func() { w.write(without, migrate) }); got != "1 reads, 2 writes, 0 dry runs" {
		t.Errorf("migrating: %s", got)
	}
	if c := fmt.Sprint(w.at(without, env...)); strings.Contains(c, "GONE") {
		t.Errorf("what is not declared any more is there: %s", c)
	}
	w.has(without, "", "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
	if got := w.asked(func() { w.write(without, migrate) }); got != "0 reads, 1 writes, 0 dry runs" {
		t.Errorf("migrated already: %s", got)
	}
	gone()

	// The manager's own updates, as Argo CD's client-side apply leaves them; one pod
	// template follows the other, with none between.
	create(writingManager)
	w.write(without, migrate)
	if c := fmt.Sprint(w.at(without, env...)); strings.Contains(c, "GONE") {
		t.Errorf("what an update of our own set is there: %s", c)
	}
	if g := w.live(without).GetGeneration(); g != 2 {
		t.Errorf("the object was changed %d times", g-1)
	}
	gone()

	// A dry run changes nothing; another manager's updates stay its own.
	create("somebody")
	if got := w.asked(func() { w.write(without, model.Write{DryRun: true, Migrate: migrate.Migrate}) }); got != "0 reads, 0 writes, 1 dry runs" {
		t.Errorf("dry run: %s", got)
	}
	w.write(without, migrate)
	if c := fmt.Sprint(w.at(without, env...)); !strings.Contains(c, "GONE") {
		t.Errorf("what somebody else set is gone: %s", c)
	}
	w.write(without, model.Write{Migrate: []string{"somebody"}})
	if c := fmt.Sprint(w.at(without, env...)); strings.Contains(c, "GONE") {
		t.Errorf("what a named manager set is there: %s", c)
	}

	// An object that nobody wanted until now has no record: the answer tells.
	plain := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain, namespace: $NS}\ndata: {key: \"1\"%s}"
	o := w.object(fmt.Sprintf(plain, ""))
	w.watched(o)
	if _, err := w.client(o).Create(t.Context(), w.parse(fmt.Sprintf(plain, `, gone: "1"`)), metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"}); err != nil {
		t.Fatal(err)
	}
	if got := w.asked(func() { w.write(o, migrate) }); got != "1 reads, 3 writes, 0 dry runs" {
		t.Errorf("migrating without a record: %s", got)
	}
	w.has(o, "map[key:1]", "data")
}

func (w *writer) at(o model.Object, path ...string) any {
	w.t.Helper()
	v, _, _ := unstructured.NestedFieldNoCopy(w.live(o).Object, path...)
	return v
}

// settled waits until nobody has anything to do with a Deployment any more, and the
// mirror has it as it is.
func (w *writer) settled(o model.Object) {
	w.t.Helper()
	err := within(patience, func() error {
		for _, c := range list(w.live(o), "status", "conditions") {
			if c["reason"] == "NewReplicaSetAvailable" {
				return nil
			}
		}
		return fmt.Errorf("status: %v", w.at(o, "status"))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.known(o)
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

// TestDeletePolicies deletes a Deployment and looks at what it had made.
func TestDeletePolicies(t *testing.T) {
	w := newWriter(t, "write-delete")
	sets := func() []unstructured.Unstructured {
		r, err := shared.kind(deploymentKind.GroupVersion().WithKind("ReplicaSet"), w.namespace)
		if err != nil {
			t.Fatal(err)
		}
		list, err := r.List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return list.Items
	}
	count := func(want int) {
		t.Helper()
		if err := within(patience, func() error {
			if n := len(sets()); n != want {
				return fmt.Errorf("%d ReplicaSets, want %d", n, want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	o := w.object(deploymentText("d", "", ""))
	for _, c := range []struct {
		policy string
		left   int
	}{{"Foreground", 0}, {"Background", 0}, {"Orphan", 1}} {
		live := w.write(o, model.Write{})
		count(1)
		if err := w.Delete(t.Context(), o.ObjectRef, "another", c.policy); !errors.Is(err, model.ErrTransient) {
			t.Errorf("%s: deleting another: %v", c.policy, err)
		}
		if err := w.Delete(t.Context(), o.ObjectRef, live.UID, c.policy); err != nil {
			t.Fatal(err)
		}
		if err := within(patience, func() error {
			if w.live(o) != nil {
				return errors.New("it is still there")
			}
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", c.policy, err)
		}
		count(c.left)
	}
}

// TestDeleteOtherVersions deletes at a version that is not served, and what there is
// no kind of.
func TestDeleteOtherVersions(t *testing.T) {
	w := newWriter(t, "write-versions")
	o := w.object("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: $NS, annotations: {app: x}}")
	w.watched(o)
	uid := w.write(o, model.Write{}).UID
	old := o.ObjectRef
	old.Version = "v1beta1"
	if err := w.Release(t.Context(), old, uid); err != nil {
		t.Error(err)
	}
	if err := w.Delete(t.Context(), old, uid, "Background"); err != nil {
		t.Error(err)
	}
	w.vanished(o)
	unknown := model.ObjectRef{ObjectKey: model.ObjectKey{Group: "gone.example.com", Kind: "Gone", Namespace: "x", Name: "y"}, Version: "v1"}
	if err := errors.Join(w.Delete(t.Context(), unknown, uid, "Background"), w.Release(t.Context(), unknown, uid)); err != nil {
		t.Errorf("of a kind that is gone: %v", err)
	}
}

// TestImmutableFields changes what can't change: the error names the field, what it
// is and would become, and what helps; none has a Secret's value.
func TestImmutableFields(t *testing.T) {
	w := newWriter(t, "write-immutable")
	claim := "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c, namespace: $NS}\nspec: {storageClassName: slow, accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}"
	stateful := "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, namespace: $NS}\nspec: {replicas: 0, serviceName: one, selector: {matchLabels: {a: b}}, " +
		"template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: none}]}}}"
	crd := "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: fixeds.write.example.com}\nspec: {group: write.example.com, scope: Namespaced, " +
		"names: {kind: Fixed, plural: fixeds}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, " +
		"properties: {size: {type: integer, x-kubernetes-validations: [{rule: self == oldSelf, message: size is immutable}]}}}}}}}]}"
	w.watched(w.object(crd))
	for name, c := range map[string]struct {
		text, from, to string
		want           []string
		never          []string
	}{
		"Deployment": {
			deploymentText("d", "", ""), "{a: b}", "{a: changed}",
			[]string{"spec.selector", `spec.selector.matchLabels.a: "b" → "changed"`, "Force=true,Replace=true", "spec.force"}, nil,
		},
		"Job": {
			jobText, "image: one", "image: two",
			[]string{"spec.template", `containers[0].image: "one" → "two"`, "give the new Job another name"}, nil,
		},
		"Job's environment": {
			strings.NewReplacer("name: j,", "name: env,", "image: one", `image: one, env: [{name: P, value: "hunter2"}]`).Replace(jobText), "hunter2", "hunter3",
			[]string{"spec.template", "env[0].value differs"}, []string{"hunter"},
		},
		"Service": {
			"apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: $NS}\nspec: {ports: [{port: 80}]}", "spec: {", "spec: {clusterIP: 10.0.0.99, ",
			[]string{"spec.clusterIP", ` → "10.0.0.99"`, "Leave it out"}, nil,
		},
		"PersistentVolumeClaim's class": {
			claim, "slow", "fast",
			[]string{`spec.storageClassName: "slow" → "fast"`, "Of a claim only resources.requests may change", "its data may go"}, nil,
		},
		"StatefulSet": {
			stateful, "serviceName: one", "serviceName: two",
			[]string{`spec.serviceName: "one" → "two"`, "Of a StatefulSet only replicas", "--cascade=orphan"}, nil,
		},
		"ConfigMap": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: $NS}\nimmutable: true\ndata: {key: hunter2}", "hunter2", "hunter3",
			[]string{"data can't be changed", "data.key differs", "another name"}, []string{"hunter"},
		},
		"Secret": {
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: $NS}\nimmutable: true\nstringData: {key: hunter2}", "hunter2", "hunter3",
			[]string{"data can't be changed", "another name"}, []string{"hunter", "aHVudGVy"},
		},
		"Secret's type": {
			"apiVersion: v1\nkind: Secret\nmetadata: {name: t, namespace: $NS}\ntype: Opaque\nstringData: {key: hunter2}", "Opaque", "example.com/other",
			[]string{"type can't be changed"}, []string{"hunter", "aHVudGVy"},
		},
		"RoleBinding": {
			"apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: r, namespace: $NS}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: one}\nsubjects: []",
			"name: one", "name: two",
			[]string{"roleRef", `roleRef.name: "one" → "two"`}, nil,
		},
		"StorageClass": {
			"apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: write-immutable}\nprovisioner: example.com/one", "example.com/one", "example.com/two",
			[]string{"provisioner", `"example.com/one" → "example.com/two"`}, nil,
		},
		"PriorityClass": {
			"apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: write-immutable}\nvalue: 1", "value: 1", "value: 2",
			[]string{"value: 1 → 2"}, nil,
		},
		"CustomResourceDefinition": {
			crd, "scope: Namespaced", "scope: Cluster",
			[]string{`spec.scope: "Namespaced" → "Cluster"`, "never deleted"}, []string{"Force=true"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.write(w.object(c.text), model.Write{})
			if c.from == "scope: Namespaced" {
				w.established(w.object(c.text))
			}
			o := w.object(strings.Replace(c.text, c.from, c.to, 1))
			if name == "Deployment" {
				o = w.object(strings.ReplaceAll(c.text, c.from, c.to))
			}
			live, err := w.Apply(t.Context(), o, writingManager, model.Write{})
			if !errors.Is(err, model.ErrImmutable) || !errors.Is(err, model.ErrInvalid) {
				t.Fatalf("%v", err)
			}
			for _, text := range c.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("no %q in: %v", text, err)
				}
			}
			for _, text := range c.never {
				if strings.Contains(err.Error(), text) {
					t.Errorf("%q in: %v", text, err)
				}
			}
			if live.UID != string(w.live(o).GetUID()) {
				t.Errorf("the UID of what exists is %q", live.UID)
			}
		})
	}
	fixed := w.object("apiVersion: write.example.com/v1\nkind: Fixed\nmetadata: {name: f, namespace: $NS}\nspec: {size: 1}")
	if err := within(patience, func() error {
		_, err := w.Apply(t.Context(), fixed, writingManager, model.Write{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	fixed = w.object("apiVersion: write.example.com/v1\nkind: Fixed\nmetadata: {name: f, namespace: $NS}\nspec: {size: 2}")
	if _, err := w.Apply(t.Context(), fixed, writingManager, model.Write{}); !errors.Is(err, model.ErrImmutable) || !strings.Contains(err.Error(), "spec.size: 1 → 2") {
		t.Errorf("a rule of a custom resource: %v", err)
	}
	odd := w.object("apiVersion: write.example.com/v1\nkind: Fixed\nmetadata: {name: odd, namespace: $NS}\nspec: {size: 1, sze: 2}")
	if live := w.write(odd, model.Write{}); !strings.Contains(live.Warning, "spec.sze") {
		t.Errorf("an unknown field of a custom resource: %q", live.Warning)
	}
	// What is wrong besides would be wrong when it is created anew too.
	wrong := w.object(strings.NewReplacer("image: one", "image: two", "restartPolicy: Never", "restartPolicy: Sometimes").Replace(jobText))
	if _, err := w.Apply(t.Context(), wrong, writingManager, model.Write{}); errors.Is(err, model.ErrImmutable) || !errors.Is(err, model.ErrInvalid) {
		t.Errorf("an object that is wrong otherwise: %v", err)
	}
}

func (w *writer) established(o model.Object) {
	w.t.Helper()
	if err := within(patience, func() error { return hasCondition(w.live(o), "Established", "True") }); err != nil {
		w.t.Fatal(err)
	}
}
