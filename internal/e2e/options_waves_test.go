package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// count is how often something has happened, once that is as often as it should have been:
// a watch tells of it later than what the test waited for before.
func (w *witness) count(what string, want int) (n int) {
	_ = within(patience, func() error {
		n = len(slices.DeleteFunc(w.all(), func(s string) bool { return s != what }))
		if n < want {
			return errorf("%s: %d of %d times", what, n, want)
		}
		return nil
	})
	return n
}

// TestOptionWaveFails has a Deployment in wave 0 that never becomes available:
// wave 1 is not begun, the sync is repeated as often as retry.limit says, and a
// repaired commit needs no hand.
func TestOptionWaveFails(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-wavefails")
	repo := e.repo("opt-wavefails", map[string]string{"web.yaml": degraded("web"), "next.yaml": waved(1, configMap("next", "1"))})
	seen := e.record(applicationKind, "argocd", "opt-wavefails")
	e.apply(strings.Replace(application("opt-wavefails", repo, ".", "opt-wavefails"), "retry: {limit: 5, backoff: {duration: 1s,", "retry: {limit: 2, backoff: {duration: 100ms,", 1))
	o := e.operation("opt-wavefails", "Failed", "apps/Deployment/web", "progress deadline")
	seen.was(t, map[string]string{"status.operationState.phase": "Running", "status.operationState.message": "waiting for healthy state of apps/Deployment/web"})
	if got := at(o, "status", "operationState", "retryCount"); got != "2" {
		t.Errorf("retryCount is %s, want 2", got)
	}
	if got := outcome(o, "web"); !strings.HasPrefix(got, "SyncFailed") || !strings.Contains(got, "degraded") {
		t.Errorf("web: %s", got)
	}
	if err := e.absent(configMapKind, "opt-wavefails", "next"); err != nil {
		t.Error(err)
	}
	e.edit(applicationKind, "argocd", "opt-wavefails", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
	e.shows("opt-wavefails", map[string]string{"health.status": "Degraded", "sync.status": "OutOfSync"})
	e.warns("opt-wavefails", "SyncError", "apps/Deployment/web")

	commit := e.push(repo, "repaired", map[string]string{"web.yaml": deployment("web", "")})
	e.done("opt-wavefails", commit)
	e.holds("opt-wavefails", "next", "key", "1")
	attempts, want := 0, 4
	_ = within(patience, func() error { // it is logged after it is shown
		if attempts = strings.Count(e.logs.String(), `msg="sync ended" app=argo/argocd/opt-wavefails `); attempts < want {
			return errorf("%d syncs", attempts)
		}
		return nil
	})
	if attempts != want {
		t.Errorf("%d syncs, want a first one that fails, two repetitions, and that of the repaired commit", attempts)
	}
}

// TestOptionWaveWaits has a Deployment in wave 0 that takes its time, one that never
// comes and whose health does not count, and hooks that crash: what comes later waits
// for the first, not for the second, and never runs after the third.
func TestOptionWaveWaits(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-wavewaits")
	w := e.witness("opt-wavewaits", deploymentKind, configMapKind, jobKind)
	repo := e.repo("opt-wavewaits", map[string]string{
		"good/slow.yaml":    deployment("slow", never),
		"good/never.yaml":   noting(degraded("never"), `argocd.argoproj.io/ignore-healthcheck: "true"`),
		"good/next.yaml":    waved(1, configMap("next", "1")),
		"good/last.yaml":    waved(2, deployment("last", "localcluster.fixpoint-cd.github.io/ready-after: 1s")),
		"job/crash.yaml":    strings.NewReplacer("restartPolicy: Never", "restartPolicy: OnFailure").Replace(hookJob("crash", "PreSync", `localcluster.fixpoint-cd.github.io/crash-loop: "true"`)),
		"job/a.yaml":        configMap("after-job", "1"),
		"pod/crash.yaml":    "apiVersion: v1\nkind: Pod\nmetadata: {name: crash, annotations: {argocd.argoproj.io/hook: PreSync, localcluster.fixpoint-cd.github.io/crash-loop: \"true\"}}\nspec: {containers: [{name: work, image: example.com/work}]}\n",
		"pod/a.yaml":        configMap("after-pod", "1"),
		"gone/migrate.yaml": hookJob("gone", "PreSync", `localcluster.fixpoint-cd.github.io/crash-loop: "true"`),
		"gone/a.yaml":       configMap("after-gone", "1"),
	})
	for _, name := range []string{"job", "pod", "gone"} {
		e.apply(unretried(application("opt-crash-"+name, repo, name, "opt-wavewaits")))
	}
	e.apply(application("opt-wavewaits", repo, "good", "opt-wavewaits"))
	e.operation("opt-wavewaits", "Running", "waiting for healthy state of apps/Deployment/slow")
	e.release("opt-wavewaits", "slow")
	e.holds("opt-wavewaits", "next", "key", "1")
	if err := e.field(deploymentKind, "opt-wavewaits", "slow", int64(1), "status", "availableReplicas"); err != nil {
		t.Errorf("wave 1 was begun before wave 0 was there: %v", err)
	}
	e.done("opt-wavewaits", "")
	w.before(t, "Deployment/slow", "ConfigMap/next", "Deployment/last")
	for name, hook := range map[string]string{"job": "crash", "pod": "crash", "gone": "gone"} {
		o := e.operation("opt-crash-"+name, "Failed", hook)
		if got := hookResult(o, hook); got != "PreSync Failed" {
			t.Errorf("%s: %s", name, got)
		}
		if err := e.absent(configMapKind, "opt-wavewaits", "after-"+name); err != nil {
			t.Error(err)
		}
	}
}

// TestOptionWaveRollsOut changes a healthy Deployment of wave 0: wave 1 waits for the
// new pods, whatever its status still says of the old ones.
func TestOptionWaveRollsOut(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-rollout")
	files := func(version string) map[string]string {
		return map[string]string{
			"web.yaml":  deployment("web", "version: v"+version+", localcluster.fixpoint-cd.github.io/ready-after: 500ms"),
			"next.yaml": waved(1, configMap("next", version)),
		}
	}
	repo := e.repo("opt-rollout", files("0"))
	e.apply(application("opt-rollout", repo, ".", "opt-rollout"))
	e.done("opt-rollout", "")
	for version := 1; version <= 3; version++ {
		commit := e.push(repo, "roll", files(fmt.Sprint(version)))
		e.holds("opt-rollout", "next", "key", fmt.Sprint(version))
		o := e.get(deploymentKind, "opt-rollout", "web")
		if at(o, "status", "observedGeneration") != at(o, "metadata", "generation") || at(o, "status", "updatedReplicas") != "1" ||
			at(o, "status", "availableReplicas") != "1" || at(o, "status", "replicas") != "1" {
			t.Errorf("wave 1 was begun in the middle of a rollout: %s", brief(o))
		}
		e.done("opt-rollout", commit)
	}
}

// TestOptionPruneWaves prunes objects of several waves: the highest first, each gone
// before the next, also where a finalizer holds one of them.
func TestOptionPruneWaves(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-prunewaves")
	held := strings.Replace(waved(2, configMap("two", "1")), "metadata: {", "metadata: {finalizers: [example.com/held], ", 1)
	repo := e.repo("opt-prunewaves", map[string]string{
		"keep.yaml": configMap("keep", "1"), "a.yaml": waved(-1, configMap("minus", "1")), "b.yaml": configMap("zero", "1"),
		"c.yaml": waved(1, configMap("one", "1")), "d.yaml": held, "e.yaml": waved(3, configMap("three", "1")),
		"ns.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: opt-prunewaves-inner}\n",
		"in.yaml": strings.Replace(configMap("inner", "1"), "metadata: {", "metadata: {namespace: opt-prunewaves-inner, ", 1),
	})
	wn := e.witness("opt-prunewaves-inner", namespaceKind, configMapKind)
	w := e.witness("opt-prunewaves", configMapKind)
	e.apply(application("opt-prunewaves", repo, ".", "opt-prunewaves"))
	e.done("opt-prunewaves", "")
	w.before(t, "ConfigMap/minus", "ConfigMap/zero", "ConfigMap/one", "ConfigMap/two", "ConfigMap/three")
	commit := e.push(repo, "less", map[string]string{
		"a.yaml": "", "b.yaml": "", "c.yaml": "", "d.yaml": "", "e.yaml": "", "ns.yaml": "", "in.yaml": "", "keep.yaml": configMap("keep", "2"),
	})
	e.operation("opt-prunewaves", "Running", "waiting for deletion of ConfigMap/two")
	e.holds("opt-prunewaves", "keep", "key", "2")
	for _, name := range []string{"minus", "zero", "one"} {
		e.holds("opt-prunewaves", name, "key", "1")
	}
	if seen := w.saw("-ConfigMap/three"); !slices.Contains(seen, "-ConfigMap/three") {
		t.Errorf("the highest wave is not gone: %q", seen)
	}
	e.edit(configMapKind, "opt-prunewaves", "two", `{"metadata":{"finalizers":null}}`)
	e.done("opt-prunewaves", commit)
	w.before(t, "-ConfigMap/three", "-ConfigMap/two", "-ConfigMap/one", "-ConfigMap/zero", "-ConfigMap/minus")
	wn.before(t, "-ConfigMap/inner", "-Namespace/opt-prunewaves-inner")
	if at(e.app("opt-prunewaves"), "status", "operationState", "syncResult", "revision") != commit {
		t.Errorf("%s", brief(e.app("opt-prunewaves")))
	}
}

// TestOptionLift has a CustomResourceDefinition and a Namespace in wave 5, and a hook
// and an object of before that need them: they come first.
func TestOptionLift(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-lift")
	const group = "lift.options.example.com"
	gadget := schema.GroupVersionKind{Group: group, Version: "v1", Kind: "Gizmo"}
	inNew := func(manifest string) string {
		return strings.Replace(manifest, "metadata: {", "metadata: {namespace: opt-lift-new, ", 1)
	}
	repo := e.repo("opt-lift", map[string]string{
		"crd.yaml": waved(5, definition(group, "Gizmo")),
		"ns.yaml":  waved(5, "apiVersion: v1\nkind: Namespace\nmetadata: {name: opt-lift-new}\n"),
		"cr.yaml":  waved(1, custom(group, "Gizmo", "g")),
		"a.yaml":   configMap("lift-a", "1"), "z.yaml": waved(4, configMap("lift-z", "1")),
		"early.yaml": noting(custom("early."+group, "Early", "e"), "argocd.argoproj.io/hook: PreSync"), "early-crd.yaml": waved(5, definition("early."+group, "Early")),
		"pre.yaml": inNew(hookPod("lift-pre", "PreSync")), "in.yaml": inNew(waved(2, configMap("lift-in", "1"))),
	})
	w := e.witness("", namespaceKind, crdKind, podKind, configMapKind)
	e.apply(strings.Replace(application("opt-lift", repo, ".", "opt-lift"), "namespace: argocd}",
		"namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}", 1))
	t.Cleanup(func() {
		e.delete(crdKind, "", "gizmos."+group)
		e.delete(crdKind, "", "earlys.early."+group)
	})
	e.done("opt-lift", "")
	w.before(t, "Namespace/opt-lift-new", "Pod/lift-pre", "ConfigMap/lift-a", "CustomResourceDefinition/gizmos."+group, "ConfigMap/lift-in", "ConfigMap/lift-z")
	if e.get(gadget, "opt-lift", "g") == nil {
		t.Error("the object of the new kind is not there")
	}
	if r := resource(e.app("opt-lift"), "Gizmo", "g"); r["status"] != "Synced" || fmt.Sprint(r["syncWave"]) != "1" {
		t.Errorf("the object of the new kind is shown as %v", r)
	}
	w.before(t, "CustomResourceDefinition/earlys.early."+group, "ConfigMap/lift-a")
	if got := hookResult(e.app("opt-lift"), "e"); got != "PreSync Succeeded" {
		t.Errorf("the hook of a kind that the app brings: %q", got)
	}
	if n := w.count("CustomResourceDefinition/gizmos."+group, 1); n != 1 {
		t.Errorf("the definition was made %d times", n)
	}
}

// TestOptionKindOrder applies many kinds at once: each comes before what needs it.
func TestOptionKindOrder(t *testing.T) {
	e := newEnv(t)
	kinds := map[string]string{
		"ServiceAccount": "v1", "Role": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1", "Secret": "v1",
		"Service": "v1", "ResourceQuota": "v1", "PersistentVolumeClaim": "v1", "CronJob": "batch/v1", "Ingress": "networking.k8s.io/v1",
	}
	specs := map[string]string{
		"RoleBinding": "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: o}\n", "Service": "spec: {ports: [{port: 80}]}\n",
		"PersistentVolumeClaim": "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
		"CronJob":               "spec: {schedule: 0 0 1 1 *, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}\n",
		"Ingress":               "spec: {defaultBackend: {service: {name: o, port: {number: 80}}}}\n",
	}
	files := map[string]string{"deploy.yaml": deployment("o", ""), "cm.yaml": configMap("o", "1")}
	watched := []schema.GroupVersionKind{namespaceKind, deploymentKind, configMapKind}
	for kind, version := range kinds {
		files[kind+".yaml"] = "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: o}\n" + specs[kind]
		gv, err := schema.ParseGroupVersion(version)
		if err != nil {
			t.Fatal(err)
		}
		watched = append(watched, gv.WithKind(kind))
	}
	w := e.witness("opt-kinds", watched...)
	repo := e.repo("opt-kinds", files)
	e.apply(application("opt-kinds", repo, ".", "opt-kinds"))
	e.operation("opt-kinds", "Succeeded")
	for _, later := range []string{"Secret", "ConfigMap", "ServiceAccount"} {
		w.before(t, "Namespace/opt-kinds", "ResourceQuota/o", later+"/o", "PersistentVolumeClaim/o", "Role/o", "Service/o", "Deployment/o", "Ingress/o")
		w.before(t, "PersistentVolumeClaim/o", "RoleBinding/o", "Service/o", "CronJob/o", "Ingress/o")
	}
	o := e.shows("opt-kinds", map[string]string{"sync.status": "Synced"})
	for kind := range kinds {
		if r := resource(o, kind, "o"); r["status"] != "Synced" {
			t.Errorf("%s: %v", kind, r)
		}
	}
}
