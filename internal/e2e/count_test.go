package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// many are n ConfigMaps of about 1 KB in one directory.
func many(dir string, n int) map[string]string {
	files := map[string]string{}
	filler := strings.Repeat("0123456789abcdef", 60)
	for i := range n {
		name := fmt.Sprintf("cm-%04d", i)
		files[dir+"/"+name+".yaml"] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {key: v1, filler: %s}\n", name, filler)
	}
	return files
}

// counted runs do and returns what the API server counted meanwhile.
func (e *env) counted(do func()) counts {
	e.t.Helper()
	before, err := e.cluster.requests()
	if err != nil {
		e.t.Fatal(err)
	}
	do()
	after, err := e.cluster.requests()
	if err != nil {
		e.t.Fatal(err)
	}
	return after.since(before)
}

// ownCluster starts a control plane that nothing else talks to.
func ownCluster(t *testing.T, args ...string) *cluster {
	t.Helper()
	//nolint:usetesting // a short path that outlives what cleans up after the test: etcd's socket is in it
	dir, err := os.MkdirTemp("", "fp")
	if err != nil {
		t.Fatal(err)
	}
	c, err := startCluster(dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	return c
}

// TestRequests counts what Fixpoint asks of the API server. Our own checks here
// read no ConfigMap while something is counted.
func TestRequests(t *testing.T) {
	const n = 1000
	e := newEnvOn(t, ownCluster(t))
	repo := e.repo("many", many("app", n))
	e.namespaces("many")

	first := e.counted(func() {
		e.apply(application("many", repo, "app", "many"))
		e.synced("many", "")
	})
	t.Logf("first sync of %d ConfigMaps: %v", n, first)
	if w := first.writes("configmaps"); w > 1.05*n {
		t.Errorf("first sync: %v writes for %d objects", w, n)
	}
	if r := first.reads("configmaps"); r > 0.05*n {
		t.Errorf("first sync: %v reads for %d objects", r, n)
	}

	again := e.counted(func() {
		e.edit(applicationKind, "argocd", "many", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
		e.eventually("refreshed", func() error {
			return e.field(applicationKind, "argocd", "many", nil, "metadata", "annotations", "argocd.argoproj.io/refresh")
		})
	})
	none(t, "reconciled again with no change", again)

	var commit string
	change := e.counted(func() {
		file := many("app", 1)["app/cm-0000.yaml"]
		commit = e.push(repo, "change one", map[string]string{"app/cm-0000.yaml": strings.Replace(file, "key: v1", "key: v2", 1)})
		e.synced("many", commit)
	})
	t.Logf("one object changed by a push: %v", change)
	if w := change.writes("configmaps"); w != 1 || change.reads("configmaps") != 0 {
		t.Errorf("a push that changes one object: %v", change)
	}
	e.holds("many", "cm-0000", "key", "v2")

	uid := string(e.get(configMapKind, "many", "cm-0001").GetUID())
	writes, err := e.cluster.requests()
	if err != nil {
		t.Fatal(err)
	}
	e.delete(configMapKind, "many", "cm-0001")
	e.eventually("restored", func() error {
		if o := e.get(configMapKind, "many", "cm-0001"); o == nil || string(o.GetUID()) == uid {
			return fmt.Errorf("cm-0001 is not back")
		}
		return nil
	})
	e.synced("many", commit)
	after, err := e.cluster.requests()
	if err != nil {
		t.Fatal(err)
	}
	// One delete is the test's own.
	if d := after.since(writes); d.writes("configmaps") != 2 || d["DELETE configmaps"] != 1 {
		t.Errorf("one object deleted by hand: %v", d)
	}

	restart := e.counted(func() {
		e.stopController()
		e.startController()
		next := e.push(repo, "elsewhere", map[string]string{"README.md": "hello"})
		e.synced("many", next)
	})
	t.Logf("restart with everything in sync: %v", restart)
	if w := restart.writes("configmaps"); w != 0 {
		t.Errorf("restart: %v writes", w)
	}
	if r := restart["LIST configmaps"]; r > n/500+1 {
		t.Errorf("restart: %v list pages for %d objects", r, n)
	}
	if r := restart["GET configmaps"]; r != 0 {
		t.Errorf("restart: %v reads", r)
	}
}

func none(t *testing.T, what string, n counts) {
	t.Helper()
	if n.writes("configmaps") != 0 || n.reads("configmaps") != 0 {
		t.Errorf("%s: %v", what, n)
	}
}
