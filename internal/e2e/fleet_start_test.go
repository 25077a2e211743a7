package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestFleetStart starts a controller onto apps of both dialects that are in sync, and counts
// what that asks of the API server and of Git, until all are judged.
func TestFleetStart(t *testing.T) {
	const n = 100 // of each dialect
	e := newEnvOn(t, ownCluster(t))
	e.eventually("ready", func() error { return e.ok("/readyz") })
	repo := e.repo("start", countedFiles(2*n))
	e.namespaces("start")
	e.apply(gitRepository(repo))
	e.declareAll(n, func(i int) string {
		return kustomization(fmt.Sprintf("start-%04d", i), repo, fmt.Sprintf("./apps/%04d", i), "  targetNamespace: start\n")
	})
	e.declareAll(n, func(i int) string {
		return application(fmt.Sprintf("start-%04d", i), repo, fmt.Sprintf("apps/%04d", n+i), "start")
	})
	commit := e.push(repo, "elsewhere", map[string]string{"README.md": "1"})
	e.untilAll(applicationKind, n, func(o *unstructured.Unstructured) bool {
		return at(o, "status", "sync", "status") == "Synced" && at(o, "status", "sync", "revision") == commit &&
			at(o, "status", "operationState", "phase") == "Succeeded"
	})
	e.untilAll(kustomizationKind, n, func(o *unstructured.Unstructured) bool {
		return hasCondition(o, "Ready", "True") == nil && strings.HasSuffix(at(o, "status", "lastAppliedRevision"), commit)
	})

	e.stopController()
	git := e.git.Requests()
	var reconciles float64
	counted := e.counted(func() {
		e.startController()
		e.eventually("all are judged", func() error {
			if found := e.judged(); found < 2*n {
				return fmt.Errorf("%d of %d apps are", found, 2*n)
			}
			return nil
		})
		reconciles = e.sum("fixpoint_reconcile_total")
	})
	git = e.git.Requests() - git
	t.Logf("a start onto %d apps: %.2f reconciles of each, %d requests to Git, %v", 2*n, reconciles/(2*n), git, counted)
	none(t, "a start onto apps in sync", counted)
	if w := counted.writes("applications") + counted.writes("kustomizations"); w > n/2 {
		t.Errorf("a start onto %d apps in sync: %v writes of them", 2*n, w)
	}
	if r := counted["GET applications"] + counted["GET kustomizations"] + counted["GET secrets"]; r > n/2 {
		t.Errorf("a start onto %d apps: %v reads one by one", 2*n, r)
	}
	if git > n {
		t.Errorf("a start onto %d apps of one repository: %d requests to Git", 2*n, git)
	}
}

// judged is how many apps the controller has found to be in sync.
func (e *env) judged() (found int) {
	e.t.Helper()
	for line := range strings.Lines(e.metrics()) {
		if strings.HasPrefix(line, "fixpoint_app_info{") && strings.Contains(line, `sync_status="Synced"`) {
			found++
		}
	}
	return found
}
