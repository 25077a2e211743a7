package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

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
	w.settled(odd)
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
