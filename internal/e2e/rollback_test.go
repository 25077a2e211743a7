package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// degraded is a Deployment that never becomes available and says so soon.
func degraded(name string) string {
	return strings.Replace(deployment(name, `localcluster.fixpoint-cd.github.io/crash-loop: "true"`),
		"spec:\n  selector", "spec:\n  progressDeadlineSeconds: 1\n  selector", 1)
}

// TestRollback goes back to what was deployed before, by its id in the history, with
// the repository gone; and syncs to a commit that is asked for by name.
func TestRollback(t *testing.T) {
	e := newEnv(t)
	e.namespaces("rollback")
	repo := e.repo("rollback", map[string]string{"a.yaml": configMap("a", "1"), "old.yaml": configMap("old", "1")})
	e.apply(manual("rollback", repo, ".", "rollback"))
	e.shows("rollback", map[string]string{"sync.status": "OutOfSync"})
	e.operate("rollback", "first", `{}`, "Succeeded")
	first := at(e.app("rollback"), "status", "sync", "revision")
	second := e.push(repo, "two", map[string]string{"a.yaml": configMap("a", "2"), "old.yaml": ""})
	e.shows("rollback", map[string]string{"sync.status": "OutOfSync", "sync.revision": second})
	e.operate("rollback", "second", `{"prune":true}`, "Succeeded")
	e.holds("rollback", "a", "key", "2")
	e.eventually("pruned", func() error { return e.absent(configMapKind, "rollback", "old") })

	third := e.push(repo, "three", map[string]string{"a.yaml": configMap("a", "3")})
	e.shows("rollback", map[string]string{"sync.status": "OutOfSync", "sync.revision": third})
	// By commit, from the repository: what was never deployed is not in the history.
	e.operate("rollback", "third", fmt.Sprintf(`{"revision":%q}`, third), "Succeeded")
	e.holds("rollback", "a", "key", "3")

	e.git.Close()
	history := list(e.app("rollback"), "status", "history")
	if len(history) != 3 || history[0]["revision"] != first {
		t.Fatalf("history: %v", history)
	}
	source := fmt.Sprintf(`{"repoURL":%q,"targetRevision":"main","path":"."}`, org+repo)
	o := e.operate("rollback", "back", fmt.Sprintf(`{"revision":%q,"source":%s}`, first, source), "Succeeded")
	if got := at(o, "status", "operationState", "syncResult", "revision"); got != first {
		t.Errorf("rolled back to %s, want %s", got, first)
	}
	e.holds("rollback", "a", "key", "1")
	e.holds("rollback", "old", "key", "1")
	o = e.app("rollback")
	if history := list(o, "status", "history"); len(history) != 4 || history[3]["revision"] != first {
		t.Errorf("history after the rollback: %v", history)
	}
}

// TestSyncToCommit syncs to an older commit, which is fetched for it, and refuses
// that while the app is kept at its branch.
func TestSyncToCommit(t *testing.T) {
	e := newEnv(t)
	e.namespaces("tocommit")
	repo := e.repo("tocommit", map[string]string{"a.yaml": configMap("a", "1")})
	old := e.push(repo, "two", map[string]string{"a.yaml": configMap("a", "2")})
	e.push(repo, "three", map[string]string{"a.yaml": configMap("a", "3")})
	e.apply(manual("tocommit", repo, ".", "tocommit"))
	e.shows("tocommit", map[string]string{"sync.status": "OutOfSync"})
	e.operate("tocommit", "older", fmt.Sprintf(`{"revision":%q}`, old), "Succeeded")
	e.holds("tocommit", "a", "key", "2")
	e.shows("tocommit", map[string]string{"sync.status": "OutOfSync"})
	e.operate("tocommit", "nothing", `{"revision":"no-such-branch"}`, "Error")
	e.holds("tocommit", "a", "key", "2")
	// What was pushed a moment ago is what a sync is of.
	e.push(repo, "four", map[string]string{"a.yaml": configMap("a", "4")})
	e.operate("tocommit", "newest", `{}`, "Succeeded")
	if got, err := e.data("tocommit", "a", "key"); err != nil || got != "4" {
		t.Errorf("synced %q (%v), want what was pushed before the request", got, err)
	}

	e.edit(applicationKind, "argocd", "tocommit", `{"spec":{"syncPolicy":{"automated":{"selfHeal":true}}}}`)
	o := e.operate("tocommit", "refused", fmt.Sprintf(`{"revision":%q}`, old), "Error")
	if got := at(o, "status", "operationState", "message"); !strings.Contains(got, "automated") {
		t.Errorf("message: %s", got)
	}
	e.holds("tocommit", "a", "key", "4")
}

// TestAutomaticRollback has an app that asks to go back when a commit ends badly:
// it does, says so, leaves the commit alone, and follows the next one.
func TestAutomaticRollback(t *testing.T) {
	e := newEnv(t)
	e.namespaces("autoback")
	repo := e.repo("autoback", map[string]string{"web.yaml": deployment("web", ""), "a.yaml": configMap("a", "1")})
	e.apply(strings.Replace(application("autoback", repo, ".", "autoback"), "namespace: argocd}",
		`namespace: argocd, annotations: {fixpoint-cd.github.io/rollback: "true"}}`, 1))
	e.synced("autoback", "")
	e.shows("autoback", map[string]string{"health.status": "Healthy"})

	seen := e.record(configMapKind, "autoback", "a")
	bad := e.push(repo, "bad", map[string]string{"web.yaml": degraded("web"), "a.yaml": configMap("a", "2")})
	seen.was(t, map[string]string{"data.key": "2"})
	e.holds("autoback", "a", "key", "1") // it goes back by itself
	e.eventually("it is told", func() error {
		o := e.app("autoback")
		for _, c := range list(o, "status", "conditions") {
			if strings.Contains(fmt.Sprint(c["message"]), "rolled back") && strings.Contains(fmt.Sprint(c["message"]), bad[:7]) {
				return nil
			}
		}
		return fmt.Errorf("%s", brief(o))
	})
	e.shows("autoback", map[string]string{"sync.status": "OutOfSync", "health.status": "Healthy"})
	e.stopController()
	e.startController()
	e.shows("autoback", map[string]string{"sync.status": "OutOfSync", "health.status": "Healthy"})
	e.holds("autoback", "a", "key", "1")

	// A commit that changes none of its objects is no reason to try again.
	other := e.push(repo, "elsewhere", map[string]string{"README.md": "nothing of the app\n"})
	e.shows("autoback", map[string]string{"sync.status": "OutOfSync", "sync.revision": other})
	e.holds("autoback", "a", "key", "1")

	good := e.push(repo, "good", map[string]string{"web.yaml": deployment("web", ""), "a.yaml": configMap("a", "3")})
	e.synced("autoback", good)
	e.holds("autoback", "a", "key", "3")
}
