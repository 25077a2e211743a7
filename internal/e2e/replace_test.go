package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

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
