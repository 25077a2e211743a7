package e2e

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

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
