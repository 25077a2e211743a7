package e2e

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestOptionReplace replaces objects that others have added to: what is not declared
// goes, and drift of what is declared is seen and repaired afterwards. Replace=false
// of an object counts more than the app's word.
func TestOptionReplace(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-replace", "opt-replace-app", "opt-replace-hand")
	theirs := func(namespace string, names ...string) {
		for _, name := range names {
			e.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: " + namespace + "}\ndata: {key: \"0\", theirs: \"1\"}\n")
		}
	}
	theirs("opt-replace", "own", "plain")
	theirs("opt-replace-app", "own", "not")
	theirs("opt-replace-hand", "own")
	repo := e.repo("opt-replace", map[string]string{
		"obj/own.yaml": asking(configMap("own", "1"), "Replace=true"), "obj/plain.yaml": configMap("plain", "1"),
		"obj/new.yaml": asking(configMap("new", "1"), "Replace=true"),
		"app/own.yaml": configMap("own", "1"), "app/not.yaml": asking(configMap("not", "1"), "Replace=false"),
		"hand/own.yaml": configMap("own", "1"),
	})
	e.apply(application("opt-replace", repo, "obj", "opt-replace"))
	e.apply(optioned(application("opt-replace-app", repo, "app", "opt-replace-app"), "Replace=true"))
	e.apply(manual("opt-replace-hand", repo, "hand", "opt-replace-hand"))
	e.done("opt-replace", "")
	e.done("opt-replace-app", "")
	e.shows("opt-replace-hand", map[string]string{"sync.status": "OutOfSync"})
	e.operate("opt-replace-hand", "replacing", `{"syncOptions":["Replace=true"]}`, "Succeeded")
	for _, c := range []struct{ namespace, name, theirs string }{
		{"opt-replace", "own", ""}, {"opt-replace", "plain", "1"}, {"opt-replace", "new", ""},
		{"opt-replace-app", "own", ""}, {"opt-replace-app", "not", "1"}, {"opt-replace-hand", "own", ""},
	} {
		e.holds(c.namespace, c.name, "key", "1")
		if got, _ := e.data(c.namespace, c.name, "theirs"); got != c.theirs {
			t.Errorf("%s/%s: what others have added is %q, want %q", c.namespace, c.name, got, c.theirs)
		}
	}
	for _, c := range []struct{ namespace, name string }{{"opt-replace", "own"}, {"opt-replace", "new"}, {"opt-replace-app", "own"}} {
		e.edit(configMapKind, c.namespace, c.name, `{"data":{"key":"edited"}}`)
		e.holds(c.namespace, c.name, "key", "1")
		e.synced(c.namespace, "")
	}
	e.edit(configMapKind, "opt-replace-hand", "own", `{"data":{"key":"edited"}}`)
	e.shows("opt-replace-hand", map[string]string{"sync.status": "OutOfSync"})
	e.operate("opt-replace-hand", "once more", `{}`, "Succeeded")
	e.holds("opt-replace-hand", "own", "key", "1")

	// A key that leaves Git goes with the next write, too.
	commit := e.push(repo, "other keys", map[string]string{
		"obj/own.yaml": strings.Replace(asking(configMap("own", "1"), "Replace=true"), "key:", "other:", 1),
	})
	e.done("opt-replace", commit)
	e.holds("opt-replace", "own", "other", "1")
	e.holds("opt-replace", "own", "key", "")
}

// TestOptionForce changes what can't change: without Force the status names the
// field and what helps; with it, of the object or of a request, the object is created
// anew.
func TestOptionForce(t *testing.T) {
	e := newEnv(t)
	job := func(name, image string) string {
		return strings.NewReplacer("annotations: {argocd.argoproj.io/hook: PreSync}", "labels: {made: "+image+"}", "example.com/work", "example.com/"+image).
			Replace(hookJob(name, "PreSync", ""))
	}
	selecting := func(name, label string) string {
		return strings.ReplaceAll(deployment(name, ""), "app: "+name, "app: "+label)
	}
	files := func(version string) map[string]string {
		return map[string]string{
			"forced/job.yaml":   asking(job("job", version), "Force=true", "Replace=true"),
			"forced/force.yaml": asking(job("force", version), "Force=true"),
			"forced/web.yaml":   asking(selecting("web", version), "Force=true"),
			"forced/held.yaml":  strings.Replace(asking(configMap("held", version), "Force=true"), "metadata: {", "immutable: true\nmetadata: {finalizers: [example.com/held], ", 1),
			"plain/job.yaml":    job("plain-job", version), "plain/web.yaml": selecting("plain-web", version),
		}
	}
	repo := e.repo("opt-force", files("one"))
	e.apply(application("opt-force", repo, "forced", "opt-force"))
	e.apply(unretried(application("opt-force-not", repo, "plain", "opt-force")))
	e.done("opt-force", "")
	e.done("opt-force-not", "")
	uids := map[string]string{
		"job": string(e.get(jobKind, "opt-force", "job").GetUID()), "force": string(e.get(jobKind, "opt-force", "force").GetUID()),
		"web": string(e.get(deploymentKind, "opt-force", "web").GetUID()),
	}
	commit := e.push(repo, "two", files("two"))
	e.operation("opt-force", "Running", "waiting for deletion of ConfigMap/held")
	e.holds("opt-force", "held", "key", "one")
	e.edit(configMapKind, "opt-force", "held", `{"metadata":{"finalizers":null}}`)
	e.done("opt-force", commit)
	e.holds("opt-force", "held", "key", "two")
	for name, uid := range uids {
		kind := jobKind
		if name == "web" {
			kind = deploymentKind
		}
		if now := e.get(kind, "opt-force", name); string(now.GetUID()) == uid || !strings.Contains(at(now, "spec"), "two") {
			t.Errorf("%s was not created anew: %s", name, at(now, "spec"))
		}
	}
	if o := e.get(deploymentKind, "opt-force", "web"); o.GetDeletionTimestamp() != nil {
		t.Error("the new Deployment is being deleted")
	}

	o := e.operation("opt-force-not", "Failed", "plain-job", "plain-web")
	for name, want := range map[string][]string{
		"plain-job": {"SyncFailed", "spec.template", `"example.com/one" → "example.com/two"`, "Force=true,Replace=true"},
		"plain-web": {"SyncFailed", "spec.selector", `"one" → "two"`, "Force=true,Replace=true"},
	} {
		for _, text := range want {
			if got := outcome(o, name); !strings.Contains(got, text) {
				t.Errorf("%s: no %q in: %s", name, text, got)
			}
		}
	}
	e.warns("opt-force-not", "SyncError", "spec.selector", "Force=true,Replace=true")

	// argocd app sync --force
	e.apply(unretried(manual("opt-force-not", repo, "plain", "opt-force")))
	e.operate("opt-force-not", "forcing", `{"syncStrategy":{"hook":{"force":true}}}`, "Succeeded")
	e.synced("opt-force-not", commit)
}

// TestOptionClientSideApplyMigration takes over what kubectl apply has made: what Git
// does not declare goes, unless the option says no; the fields of another manager do
// with the annotation that names it.
func TestOptionClientSideApplyMigration(t *testing.T) {
	e := newEnv(t)
	files := map[string]string{}
	made := map[string]string{"default": "kubectl-client-side-apply", "false": "kubectl-client-side-apply", "named": "helm", "asked": "kubectl-client-side-apply"}
	for name, manager := range made {
		ns := "opt-migrate-" + name
		e.namespaces(ns)
		files[name+"/a.yaml"] = configMap("a", "1")
		u := &metav1.CreateOptions{FieldManager: manager}
		o, err := parse([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: " + ns + "}\ndata: {key: \"0\", gone: \"1\"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		o.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"})
		r, err := e.cluster.resource(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Create(t.Context(), o, *u); err != nil {
			t.Fatal(err)
		}
	}
	repo := e.repo("opt-migrate", files)
	e.apply(application("opt-migrate-default", repo, "default", "opt-migrate-default"))
	e.apply(optioned(application("opt-migrate-false", repo, "false", "opt-migrate-false"), "ClientSideApplyMigration=false"))
	e.apply(strings.Replace(application("opt-migrate-named", repo, "named", "opt-migrate-named"), "namespace: argocd}",
		"namespace: argocd, annotations: {argocd.argoproj.io/client-side-apply-migration-manager: helm}}", 1))
	e.apply(manual("opt-migrate-asked", repo, "asked", "opt-migrate-asked"))
	e.shows("opt-migrate-asked", map[string]string{"sync.status": "OutOfSync"})
	e.operate("opt-migrate-asked", "not migrating", `{"syncOptions":["ClientSideApplyMigration=false"]}`, "Succeeded")
	for name, gone := range map[string]string{"default": "", "false": "1", "named": "", "asked": "1"} {
		app := "opt-migrate-" + name
		e.synced(app, "")
		e.holds(app, "a", "key", "1")
		if got, err := e.data(app, "a", "gone"); got != gone || err != nil {
			t.Errorf("%s: what Git does not declare is %q, want %q", name, got, gone)
		}
	}
}
