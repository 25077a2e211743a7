package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var replicaSetKind = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSet"}

// named is the first object of a kind whose name begins so; nil if there is none.
func (e *env) named(gvk schema.GroupVersionKind, namespace, prefix string) *unstructured.Unstructured {
	e.t.Helper()
	r, err := e.cluster.kind(gvk, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	all, err := r.List(context.Background(), metav1.ListOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	for i := range all.Items {
		if strings.HasPrefix(all.Items[i].GetName(), prefix) {
			return &all.Items[i]
		}
	}
	return nil
}

// TestOptionPrunePropagationPolicy prunes Deployments: in the foreground after what
// they own, in the background before it, and as an orphan without it; as options of
// apps, and of a request.
func TestOptionPrunePropagationPolicy(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-propagation")
	w := e.witness("opt-propagation", deploymentKind, replicaSetKind)
	files := map[string]string{}
	policies := []string{"foreground", "background", "orphan", "asked"}
	for _, policy := range policies {
		files[policy+"/keep.yaml"], files[policy+"/web.yaml"] = configMap("keep-"+policy, "1"), deployment(policy, "")
	}
	repo := e.repo("opt-propagation", files)
	for _, policy := range policies[:3] {
		e.apply(optioned(application("opt-"+policy, repo, policy, "opt-propagation"), "PrunePropagationPolicy="+policy))
	}
	e.apply(manual("opt-asked", repo, "asked", "opt-propagation"))
	e.shows("opt-asked", map[string]string{"sync.status": "OutOfSync"})
	e.operate("opt-asked", "first", `{}`, "Succeeded")
	sets := map[string]string{}
	for _, policy := range policies {
		e.synced("opt-"+policy, "")
		sets[policy] = "ReplicaSet/" + e.named(replicaSetKind, "opt-propagation", policy).GetName()
		delete(files, policy+"/web.yaml")
	}
	commit := e.push(repo, "less", map[string]string{
		"foreground/web.yaml": "", "background/web.yaml": "", "orphan/web.yaml": "", "asked/web.yaml": "",
	})
	e.shows("opt-asked", map[string]string{"sync.status": "OutOfSync", "sync.revision": commit})
	e.operate("opt-asked", "orphaning", `{"prune":true,"syncOptions":["PrunePropagationPolicy=orphan"]}`, "Succeeded")
	for _, policy := range policies {
		e.synced("opt-"+policy, commit)
	}
	w.before(t, "-"+sets["foreground"], "-Deployment/foreground")
	w.before(t, "-Deployment/background", "-"+sets["background"])
	for _, policy := range []string{"orphan", "asked"} {
		w.saw("-Deployment/" + policy)
		if slices.Contains(w.all(), "-"+sets[policy]) {
			t.Errorf("%s: the ReplicaSet went with the Deployment", policy)
		}
	}
}

// TestOptionPruneLast prunes an object of a wave that is in the middle before the
// next wave, and with PruneLast=true, its own or the app's, after the last one.
func TestOptionPruneLast(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-prunelast", "opt-prunelast-app")
	at3 := func(name string) string { return waved(3, configMap(name, "1")) }
	repo := e.repo("opt-prunelast", map[string]string{
		"keep.yaml": configMap("keep", "1"), "early.yaml": at3("early"), "late.yaml": asking(at3("late"), "PruneLast=true"),
	})
	e.apply(application("opt-prunelast", repo, ".", "opt-prunelast"))
	e.apply(optioned(application("opt-prunelast-app", repo, ".", "opt-prunelast-app"), "PruneLast=true"))
	w, wa := e.witness("opt-prunelast", configMapKind), e.witness("opt-prunelast-app", configMapKind)
	e.done("opt-prunelast", "")
	e.done("opt-prunelast-app", "")
	commit := e.push(repo, "less", map[string]string{
		"early.yaml": "", "late.yaml": "", "new3.yaml": at3("new3"), "new5.yaml": waved(5, configMap("new5", "1")),
	})
	e.done("opt-prunelast", commit)
	e.done("opt-prunelast-app", commit)
	w.before(t, "ConfigMap/new3", "-ConfigMap/early", "ConfigMap/new5", "-ConfigMap/late")
	wa.before(t, "ConfigMap/new3", "ConfigMap/new5", "-ConfigMap/early")
	wa.before(t, "ConfigMap/new5", "-ConfigMap/late")
	for _, name := range []string{"early", "late"} {
		if got := outcome(e.app("opt-prunelast"), name); !strings.HasPrefix(got, "Pruned") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestOptionPruneFalse keeps what is no longer declared where it, or the app, says
// so; an object's own Prune=true counts more than the app's word.
func TestOptionPruneFalse(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("opt-prunefalse", map[string]string{
		"keep.yaml": configMap("keep", "1"), "plain.yaml": configMap("plain", "1"),
		"never.yaml": asking(configMap("never", "1"), "Prune=false"), "always.yaml": asking(configMap("always", "1"), "Prune=true"),
		"extra.yaml": noting(asking(configMap("extra", "1"), "Prune=false"), "argocd.argoproj.io/compare-options: IgnoreExtraneous"),
	})
	apps := []string{"opt-prunefalse", "opt-prunefalse-app", "opt-prunefalse-hand"}
	e.apply(application(apps[0], repo, ".", apps[0]))
	e.apply(optioned(application(apps[1], repo, ".", apps[1]), "Prune=false"))
	e.apply(optioned(manual(apps[2], repo, ".", apps[2]), "Prune=false"))
	e.shows(apps[2], map[string]string{"sync.status": "OutOfSync"})
	e.operate(apps[2], "first", `{}`, "Succeeded")
	for _, app := range apps {
		e.synced(app, "")
	}
	commit := e.push(repo, "less", map[string]string{"plain.yaml": "", "never.yaml": "", "always.yaml": "", "extra.yaml": "", "keep.yaml": configMap("keep", "2")})
	e.shows(apps[2], map[string]string{"sync.revision": commit})
	e.operate(apps[2], "second", `{"prune":true}`, "Succeeded")
	for i, app := range apps {
		e.holds(app, "keep", "key", "2")
		o := e.shows(app, map[string]string{"operationState.phase": "Succeeded", "operationState.syncResult.revision": commit, "sync.status": "OutOfSync"})
		if got := at(o, "status", "operationState", "message"); !strings.Contains(got, "successfully synced") {
			t.Errorf("%s: %s", app, got)
		}
		for _, name := range []string{"never", "plain", "always", "extra"} {
			kept := name == "never" || name == "extra" || name == "plain" && i > 0
			err := e.absent(configMapKind, app, name)
			if kept != (err != nil) {
				t.Errorf("%s: %s is kept: %v", app, name, err != nil)
			}
			if got := outcome(o, name); kept != strings.HasPrefix(got, "PruneSkipped") {
				t.Errorf("%s: result of %s: %s", app, name, got)
			}
			if r := resource(o, "ConfigMap", name); kept && (r["status"] != "OutOfSync" || fmt.Sprint(r["requiresPruning"]) != "true") {
				t.Errorf("%s: %s is shown as %v", app, name, r)
			}
		}
	}
	// What is IgnoreExtraneous is OutOfSync itself, and the app is not.
	for _, name := range []string{"never", "plain"} {
		e.delete(configMapKind, apps[0], name)
	}
	o := e.shows(apps[0], map[string]string{"sync.status": "Synced"})
	if r := resource(o, "ConfigMap", "extra"); r["status"] != "OutOfSync" {
		t.Errorf("extra is shown as %v", r)
	}
}

// TestOptionPruneConfirm asks before it prunes: the sync goes on until somebody
// agrees, and an agreement of before it is none.
func TestOptionPruneConfirm(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("opt-confirm", map[string]string{
		"keep.yaml": configMap("keep", "1"), "plain.yaml": configMap("plain", "1"), "precious.yaml": asking(configMap("precious", "1"), "Prune=confirm"),
	})
	e.apply(application("opt-confirm", repo, ".", "opt-confirm"))
	e.apply(optioned(application("opt-confirm-app", repo, ".", "opt-confirm-app"), "Prune=confirm"))
	approve := func(app string, when time.Time) {
		e.edit(applicationKind, "argocd", app, fmt.Sprintf(
			`{"metadata":{"annotations":{"argocd.argoproj.io/deletion-approved":%q}}}`, when.UTC().Format(time.RFC3339)))
	}
	for _, app := range []string{"opt-confirm", "opt-confirm-app"} {
		e.done(app, "")
		approve(app, time.Now().Add(-time.Hour))
	}
	commit := e.push(repo, "less", map[string]string{"plain.yaml": "", "precious.yaml": "", "keep.yaml": configMap("keep", "2")})
	o := e.operation("opt-confirm", "Running", "precious", "argocd.argoproj.io/deletion-approved")
	e.operation("opt-confirm-app", "Running", "plain", "precious", "argocd.argoproj.io/deletion-approved")
	if r := resource(o, "ConfigMap", "precious"); fmt.Sprint(r["requiresDeletionConfirmation"]) != "true" || fmt.Sprint(r["requiresPruning"]) != "true" {
		t.Errorf("precious is shown as %v", r)
	}
	e.eventually("what needs no agreement goes", func() error { return e.absent(configMapKind, "opt-confirm", "plain") })
	for app, names := range map[string][]string{"opt-confirm": {"precious"}, "opt-confirm-app": {"precious", "plain"}} {
		for _, name := range names {
			e.holds(app, name, "key", "1")
		}
		approve(app, time.Now().Add(time.Second))
		e.done(app, commit)
		for _, name := range names {
			if err := e.absent(configMapKind, app, name); err != nil {
				t.Error(err)
			}
		}
	}
}
