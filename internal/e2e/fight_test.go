package e2e

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestFight has somebody who changes an object each time that it is repaired: the
// repairs become seldom, the app says who it is, and its other objects are repaired
// at once all the same.
func TestFight(t *testing.T) {
	e := newEnv(t)
	e.namespaces("fight")
	repo := e.repo("fight", map[string]string{"a.yaml": configMap("a", "1"), "b.yaml": configMap("b", "1")})
	e.apply(application("fight", repo, ".", "fight"))
	e.synced("fight", "")
	r, err := e.cluster.kind(configMapKind, "fight")
	if err != nil {
		t.Fatal(err)
	}
	changes := 0
	e.eventually("the fight is told", func() error {
		if o := e.get(configMapKind, "fight", "a"); at(o, "data", "key") == "1" {
			changes++
			_, err := r.Patch(t.Context(), "a", types.MergePatchType, []byte(`{"data":{"key":"mine"}}`), metav1.PatchOptions{FieldManager: "rival-controller"})
			if err != nil {
				return err
			}
		}
		o := e.app("fight")
		for _, c := range list(o, "status", "conditions") {
			if text := fmt.Sprint(c["message"]); strings.Contains(text, "rival-controller") && strings.Contains(text, "key") {
				return nil
			}
		}
		return fmt.Errorf("after %d changes: %s", changes, brief(o))
	})
	if changes < 3 || changes > 20 {
		t.Errorf("it was told after %d changes", changes)
	}
	e.edit(configMapKind, "fight", "b", `{"data":{"key":"edited"}}`)
	e.holds("fight", "b", "key", "1")
}
