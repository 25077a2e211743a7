package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// pipeline is an app with hooks in all phases, waves, and an object that is pruned
// with each version: "of" tells which version made a Job.
func pipeline(version int) map[string]string {
	of := fmt.Sprintf("of: %q", fmt.Sprint(version))
	files := map[string]string{
		"pre.yaml":  hookJob("pre", "PreSync", "localcluster.fixpoint-cd.github.io/run-for: 300ms", of),
		"mid.yaml":  waved(1, hookJob("mid", "Sync", "", of)),
		"post.yaml": hookJob("post", "PostSync", "", of, "argocd.argoproj.io/hook-delete-policy: HookSucceeded"),
		"last.yaml": waved(2, configMap("last", fmt.Sprint(version))),
		"db.yaml":   waved(0, deployment("db", "localcluster.fixpoint-cd.github.io/ready-after: 300ms")),
	}
	for i := range 10 {
		files[fmt.Sprintf("cm-%d.yaml", i)] = configMap(fmt.Sprintf("cm-%d", i), fmt.Sprint(version))
	}
	files[fmt.Sprintf("only-%d.yaml", version)] = waved(-1, configMap(fmt.Sprintf("only-%d", version), "x"))
	if version > 0 {
		files[fmt.Sprintf("only-%d.yaml", version-1)] = ""
	}
	return files
}

// TestKillHooks kills the controller at random moments of syncs with hooks, waves
// and prunes, a hundred times: each sync comes to the same end, and each of its
// hooks is made once.
func TestKillHooks(t *testing.T) {
	const kills = 100
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	e := newEnvOn(t, ownCluster(t))
	e.stopController()
	e.stopOnce = func() {}
	p := e.startProcess()
	t.Cleanup(func() { p.kill(t) })
	e.namespaces("killhooks")
	w := e.witness("killhooks", jobKind)
	repo := e.repo("killhooks", pipeline(0))
	e.apply(application("killhooks", repo, ".", "killhooks"))
	e.done("killhooks", "")

	versions, phases := 0, map[string]int{}
	for done := 0; done < kills; versions++ {
		commit := e.push(repo, "next", pipeline(versions+1))
		for try := 1; done < kills; try++ { // each a little later: a slow machine gets on, too
			time.Sleep(time.Duration(random.IntN(600+100*try)) * time.Millisecond)
			o := e.app("killhooks")
			phases[at(o, "status", "operationState", "phase")]++
			p.kill(t)
			done++
			p = e.startProcess()
			if o := e.app("killhooks"); at(o, "status", "sync", "revision") == commit && at(o, "status", "sync", "status") == "Synced" &&
				at(o, "status", "operationState", "phase") == "Succeeded" {
				break
			}
		}
		e.done("killhooks", commit)
		e.endState(versions + 1)
	}
	t.Logf("%d kills in %d syncs; the operation's phase at the kill: %v", kills, versions, phases)
	if phases["Running"] == 0 {
		t.Error("no kill came in the middle of a sync")
	}
	for version := range versions + 1 {
		for _, name := range []string{"pre", "mid", "post"} {
			if n := w.made(fmt.Sprintf("Job/%s of %d", name, version)); n != 1 {
				t.Errorf("hook %s of version %d was made %d times", name, version, n)
			}
		}
	}
}

// made waits until a hook has been made, and says how often.
func (w *witness) made(hook string) (n int) {
	_ = within(patience, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if n = len(w.jobs[hook]); n == 0 {
			return errorf("%s was not made", hook)
		}
		return nil
	})
	return n
}

// endState expects exactly what a version of the pipeline declares.
func (e *env) endState(version int) {
	e.t.Helper()
	e.eventually(fmt.Sprintf("the end state of version %d", version), func() error {
		r, err := e.cluster.kind(configMapKind, "killhooks")
		if err != nil {
			return err
		}
		all, err := r.List(e.t.Context(), listAll)
		if err != nil {
			return err
		}
		var got []string
		for _, o := range all.Items {
			if !strings.HasPrefix(o.GetName(), "kube-root-ca") {
				v, _, _ := unstructured.NestedString(o.Object, "data", "key")
				got = append(got, o.GetName()+"="+v)
			}
		}
		want := []string{fmt.Sprintf("last=%d", version), fmt.Sprintf("only-%d=x", version)}
		for i := range 10 {
			want = append(want, fmt.Sprintf("cm-%d=%d", i, version))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		if o := e.get(jobKind, "killhooks", "post"); o != nil {
			return fmt.Errorf("the hook post is still there: %s", brief(o))
		}
		return nil
	})
}
