package e2e

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// hookJob is a Job that is a hook. steer are annotations of its pods, more further
// ones of its own, each as "key: value".
func hookJob(name, phase, steer string, more ...string) string {
	own := append([]string{"argocd.argoproj.io/hook: " + phase}, more...)
	return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata: {name: %s, annotations: {%s}}
spec:
  backoffLimit: 0
  template:
    metadata: {annotations: {%s}}
    spec:
      restartPolicy: Never
      containers: [{name: work, image: example.com/work}]
`, name, strings.Join(own, ", "), steer)
}

// waved is an object with a sync wave.
func waved(wave int, manifest string) string {
	note := fmt.Sprintf("argocd.argoproj.io/sync-wave: %q", fmt.Sprint(wave))
	if strings.Contains(manifest, "annotations: {argocd") {
		return strings.Replace(manifest, "annotations: {argocd", "annotations: {"+note+", argocd", 1)
	}
	return strings.Replace(manifest, "metadata: {", "metadata: {annotations: {"+note+"}, ", 1)
}

// deployment has one replica, whose pod is steered by those annotations.
func deployment(name, steer string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}, annotations: {%[2]s}}
    spec: {containers: [{name: main, image: example.com/main}]}
`, name, steer)
}

// witness notes what happens to the objects of a namespace, in the order of the
// resource versions in which the API server had it happen.
type witness struct {
	mu   sync.Mutex
	seen []sight
	jobs map[string]map[string]bool // UIDs of Jobs by name and value of annotation "of"
}

// sight is something that has happened, and the resource version of it.
type sight struct {
	version int
	what    string
}

// witness watches some kinds of a namespace until the test ends.
func (e *env) witness(namespace string, kinds ...schema.GroupVersionKind) *witness {
	e.t.Helper()
	w := &witness{jobs: map[string]map[string]bool{}}
	for _, kind := range kinds {
		r, err := e.cluster.kind(kind, namespace)
		if err != nil {
			e.t.Fatal(err)
		}
		events, err := r.Watch(e.t.Context(), metav1.ListOptions{})
		if err != nil {
			e.t.Fatal(err)
		}
		e.t.Cleanup(events.Stop)
		go func() {
			for event := range events.ResultChan() {
				w.note(event)
			}
		}()
	}
	return w
}

func (w *witness) note(event watch.Event) {
	o, ok := event.Object.(*unstructured.Unstructured)
	if !ok || strings.HasPrefix(o.GetName(), "kube-root-ca") {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name := o.GetKind() + "/" + o.GetName()
	version, err := strconv.Atoi(o.GetResourceVersion())
	if err != nil {
		return
	}
	switch event.Type {
	case watch.Added:
		w.seen = append(w.seen, sight{version, name})
		of := name + " of " + o.GetAnnotations()["of"]
		if w.jobs[of] == nil {
			w.jobs[of] = map[string]bool{}
		}
		w.jobs[of][string(o.GetUID())] = true
	case watch.Deleted:
		w.seen = append(w.seen, sight{version, "-" + name})
	}
}

func (w *witness) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.seen, func(a, b sight) int { return cmp.Compare(a.version, b.version) })
	out := make([]string, len(w.seen))
	for i, s := range w.seen {
		out[i] = s.what
	}
	return out
}

// saw waits until all of these have happened.
func (w *witness) saw(names ...string) []string {
	var seen []string
	_ = within(patience, func() error { // whoever asks finds what is missing
		seen = w.all()
		for _, name := range names {
			if !slices.Contains(seen, name) {
				return errorf("%s has not happened", name)
			}
		}
		return nil
	})
	return seen
}

// before checks that events came in that order.
func (w *witness) before(t *testing.T, names ...string) {
	t.Helper()
	seen := w.saw(names...)
	last := -1
	for _, name := range names {
		i := slices.Index(seen, name)
		if i < 0 || i < last {
			t.Errorf("%s is not where it should be: want the order %q, got %q", name, names, seen)
			return
		}
		last = i
	}
}

// hookResult is the entry of the last operation for a hook: "PreSync Succeeded".
func hookResult(o *unstructured.Unstructured, name string) string {
	for _, r := range list(o, "status", "operationState", "syncResult", "resources") {
		if r["name"] == name {
			return fmt.Sprintf("%v %v", r["syncPhase"], r["hookPhase"])
		}
	}
	return ""
}

// done waits until the sync of a commit has ended well.
func (e *env) done(name, commit string) {
	e.t.Helper()
	e.synced(name, commit)
	e.eventually("the sync of "+name+" ends", func() error {
		o := e.app(name)
		if at(o, "status", "operationState", "phase") != "Succeeded" ||
			at(o, "status", "operationState", "syncResult", "revision") != at(o, "status", "sync", "revision") {
			return fmt.Errorf("%s", brief(o))
		}
		return nil
	})
}

// TestHooks syncs an app with hooks in every phase and with waves: each comes when
// what is before it has ended or is healthy, and hooks run anew with each commit.
func TestHooks(t *testing.T) {
	e := newEnv(t)
	e.namespaces("hooks")
	w := e.witness("hooks", jobKind, configMapKind, deploymentKind)
	files := map[string]string{
		"migrate.yaml": hookJob("migrate", "PreSync", "localcluster.fixpoint-cd.github.io/run-for: 1s"),
		"db.yaml":      waved(0, deployment("db", "localcluster.fixpoint-cd.github.io/ready-after: 2s")),
		"up.yaml":      waved(1, hookJob("page-up", "Sync", "")),
		"web.yaml":     waved(2, configMap("web", "1")),
		"down.yaml":    waved(3, hookJob("page-down", "Sync", "", "argocd.argoproj.io/hook-delete-policy: HookSucceeded")),
		"check.yaml":   hookJob("check", "PostSync", "", "argocd.argoproj.io/hook-delete-policy: HookSucceeded"),
		"cleanup.yaml": hookJob("cleanup", "SyncFail", ""),
	}
	repo := e.repo("hooks", files)
	e.apply(application("hooks", repo, ".", "hooks"))
	e.done("hooks", "")
	w.before(t, "Job/migrate", "Deployment/db", "Job/page-up", "ConfigMap/web", "Job/page-down", "Job/check")
	o := e.app("hooks")
	for name, want := range map[string]string{
		"migrate": "PreSync Succeeded", "page-up": "Sync Succeeded", "page-down": "Sync Succeeded", "check": "PostSync Succeeded", "cleanup": "",
	} {
		if got := hookResult(o, name); got != want {
			t.Errorf("result of %s: %q, want %q", name, got, want)
		}
	}
	// Those that have succeeded go if they say so; the others stay until they are
	// made anew, and are nobody's to keep.
	for _, gone := range []string{"page-down", "check"} {
		e.eventually(gone+" is deleted", func() error { return e.absent(jobKind, "hooks", gone) })
	}
	e.eventually("the finalizer is off", func() error {
		if o := e.get(jobKind, "hooks", "migrate"); o == nil || slices.Contains(o.GetFinalizers(), model.HookFinalizer) {
			return fmt.Errorf("migrate: %v", o)
		}
		return nil
	})
	first := e.get(jobKind, "hooks", "migrate").GetUID()
	db := e.get(deploymentKind, "hooks", "db").GetResourceVersion()

	commit := e.push(repo, "again", map[string]string{"web.yaml": waved(2, configMap("web", "2"))})
	e.done("hooks", commit)
	e.holds("hooks", "web", "key", "2")
	if again := e.get(jobKind, "hooks", "migrate").GetUID(); again == first {
		t.Error("the hook has not run again")
	}
	if got := e.get(deploymentKind, "hooks", "db").GetResourceVersion(); got != db {
		t.Error("an object that has not changed was written")
	}
	if err := e.absent(jobKind, "hooks", "cleanup"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"Job/migrate", "Job/page-up", "Job/page-down", "Job/check"} {
		if n := w.count(name, 2); n != 2 {
			t.Errorf("%s was made %d times in two syncs", name, n)
		}
	}
}

// TestHookFails has a hook that fails: nothing of the app is applied, the SyncFail
// hook runs, and a repaired commit needs no hand.
func TestHookFails(t *testing.T) {
	e := newEnv(t)
	e.namespaces("hookfails")
	repo := e.repo("hookfails", map[string]string{
		"migrate.yaml": hookJob("migrate", "PreSync", `localcluster.fixpoint-cd.github.io/exit-code: "1"`),
		"web.yaml":     configMap("web", "1"),
		"cleanup.yaml": hookJob("cleanup", "SyncFail", ""),
	})
	text := strings.Replace(application("hookfails", repo, ".", "hookfails"), "retry: {limit: 5,", "retry: {limit: 0,", 1)
	e.apply(text)
	e.eventually("the sync fails", func() error {
		o := e.app("hookfails")
		if at(o, "status", "operationState", "phase") != "Failed" {
			return fmt.Errorf("%s", brief(o))
		}
		return nil
	})
	o := e.app("hookfails")
	if got := hookResult(o, "migrate"); got != "PreSync Failed" {
		t.Errorf("migrate: %s", got)
	}
	if got := hookResult(o, "cleanup"); got != "SyncFail Succeeded" {
		t.Errorf("cleanup: %s", got)
	}
	if err := e.absent(configMapKind, "hookfails", "web"); err != nil {
		t.Error(err)
	}
	if got := at(o, "status", "operationState", "message"); !strings.Contains(got, "migrate") {
		t.Errorf("message: %s", got)
	}
	commit := e.push(repo, "repaired", map[string]string{"migrate.yaml": hookJob("migrate", "PreSync", "")})
	e.synced("hookfails", commit)
	e.holds("hookfails", "web", "key", "1")
}

// TestHookStuck has a hook whose pod can't start: a newer commit ends the wait, as
// does whoever asks for it.
func TestHookStuck(t *testing.T) {
	e := newEnv(t)
	e.namespaces("hookstuck")
	stuck := hookJob("migrate", "PreSync", "localcluster.fixpoint-cd.github.io/waiting-reason: ImagePullBackOff")
	repo := e.repo("hookstuck", map[string]string{"migrate.yaml": stuck, "web.yaml": configMap("web", "1")})
	e.apply(application("hookstuck", repo, ".", "hookstuck"))
	waits := func(commit string) {
		e.eventually("the sync waits for the hook", func() error {
			o := e.app("hookstuck")
			if at(o, "status", "operationState", "phase") != "Running" || e.get(jobKind, "hookstuck", "migrate") == nil ||
				!strings.Contains(at(o, "status", "operationState", "message"), "migrate") ||
				(commit != "" && at(o, "status", "operationState", "syncResult", "revision") != commit) {
				return fmt.Errorf("%s", brief(o))
			}
			return nil
		})
	}
	waits("")
	commit := e.push(repo, "repaired", map[string]string{"migrate.yaml": hookJob("migrate", "PreSync", ""), "web.yaml": configMap("web", "2")})
	e.synced("hookstuck", commit)
	e.holds("hookstuck", "web", "key", "2")

	commit = e.push(repo, "stuck again", map[string]string{"migrate.yaml": stuck, "web.yaml": configMap("web", "3")})
	waits(commit)
	e.edit(applicationKind, "argocd", "hookstuck", `{"status":{"operationState":{"phase":"Terminating"}}}`)
	e.eventually("the operation ends", func() error {
		o := e.app("hookstuck")
		if at(o, "status", "operationState", "phase") != "Failed" || !strings.Contains(at(o, "status", "operationState", "message"), "terminated") {
			return fmt.Errorf("%s", brief(o))
		}
		return nil
	})
	e.eventually("its hook is gone", func() error { return e.absent(jobKind, "hookstuck", "migrate") })
	e.holds("hookstuck", "web", "key", "2")
}

// TestHookNames runs hooks that have a generateName, and deletes a running hook
// under the controller's hands.
func TestHookNames(t *testing.T) {
	e := newEnv(t)
	e.namespaces("hooknames")
	generated := strings.Replace(hookJob("x", "PreSync", ""), "name: x", "generateName: seed-", 1)
	repo := e.repo("hooknames", map[string]string{"a.yaml": generated, "web.yaml": configMap("web", "1")})
	e.apply(application("hooknames", repo, ".", "hooknames"))
	e.synced("hooknames", "")
	seeds := func() []string {
		r, err := e.cluster.kind(jobKind, "hooknames")
		if err != nil {
			t.Fatal(err)
		}
		all, err := r.List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, o := range all.Items {
			names = append(names, o.GetName())
		}
		return names
	}
	if got := seeds(); len(got) != 1 || !strings.HasPrefix(got[0], "seed-") || !strings.Contains(got[0], "-presync-") {
		t.Errorf("hooks %q", got)
	}
	busy := hookJob("busy", "PostSync", "localcluster.fixpoint-cd.github.io/run-for: 3s")
	began := e.push(repo, "busy", map[string]string{"busy.yaml": busy, "web.yaml": configMap("web", "busy")})
	e.eventually("the hook runs", func() error {
		if e.get(jobKind, "hooknames", "busy") == nil {
			return fmt.Errorf("%s", brief(e.app("hooknames")))
		}
		return nil
	})
	uid := e.get(jobKind, "hooknames", "busy").GetUID()
	e.push(repo, "elsewhere", map[string]string{"README.md": "nothing of the app\n"})
	e.eventually("the sync goes on to its end", func() error {
		o := e.app("hooknames")
		if at(o, "status", "operationState", "phase") != "Succeeded" || at(o, "status", "operationState", "syncResult", "revision") != began {
			return fmt.Errorf("%s", brief(o))
		}
		return nil
	})
	if o := e.get(jobKind, "hooknames", "busy"); o == nil || o.GetUID() != uid {
		t.Error("a commit elsewhere has ended the hook")
	}
	e.push(repo, "not busy", map[string]string{"busy.yaml": ""})
	slow := hookJob("slow", "PostSync", "localcluster.fixpoint-cd.github.io/run-for: 60s")
	e.push(repo, "slow", map[string]string{"slow.yaml": slow, "web.yaml": configMap("web", "2")})
	e.eventually("the hook runs", func() error {
		if e.get(jobKind, "hooknames", "slow") == nil {
			return fmt.Errorf("%s", brief(e.app("hooknames")))
		}
		return nil
	})
	e.delete(jobKind, "hooknames", "slow")
	e.eventually("its deletion is told", func() error {
		o := e.app("hooknames")
		if at(o, "status", "operationState", "phase") == "Succeeded" || !strings.Contains(at(o, "status", "operationState", "message"), "slow") {
			return fmt.Errorf("%s", brief(o))
		}
		return nil
	})
	e.push(repo, "no slow one", map[string]string{"slow.yaml": ""})
	e.synced("hooknames", "")
}
