package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

var podKind = schema.GroupVersionKind{Version: "v1", Kind: "Pod"}

// hookPod is a Pod that is a hook and ends at once, with further annotations.
func hookPod(name, phase string, more ...string) string {
	return noting("apiVersion: v1\nkind: Pod\nmetadata: {name: "+name+"}\n"+
		"spec: {restartPolicy: Never, containers: [{name: work, image: example.com/work}]}\n",
		append([]string{"argocd.argoproj.io/hook: " + phase}, more...)...)
}

// helmHook is a Pod of a chart that is a hook.
func helmHook(name, hook, weight string, more ...string) string {
	text := hookPod(name, "x", append(more, fmt.Sprintf("helm.sh/hook-weight: %q", weight))...)
	return strings.NewReplacer("argocd.argoproj.io/hook: x", fmt.Sprintf("helm.sh/hook: %q", hook),
		"name: "+name+"}", `name: "{{ .Release.Name }}-`+name+`"}`).Replace(text)
}

// TestOptionHelmHooks runs the hooks of a chart as those of Argo CD: in phases and in
// the order of their weights, with Helm's delete policies; tests never.
func TestOptionHelmHooks(t *testing.T) {
	e := newEnv(t)
	e.namespaces("opt-helm")
	chart := map[string]string{
		"Chart.yaml":               "apiVersion: v2\nname: hooked\nversion: 1.0.0\n",
		"values.yaml":              "color: grey\n",
		"templates/settings.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {key: {{ .Values.color }}}\n",
		"templates/second.yaml":    helmHook("second", "pre-install,pre-upgrade", "5"),
		"templates/first.yaml":     helmHook("first", "pre-install", "-5", "helm.sh/hook-delete-policy: hook-succeeded"),
		"templates/after.yaml":     helmHook("after", "post-install,post-upgrade", "0", `helm.sh/hook-delete-policy: "before-hook-creation,hook-failed"`),
		"templates/test.yaml":      helmHook("test", "test", "0"),
		"templates/rollback.yaml":  helmHook("back", "post-rollback", "0"),
		"templates/predelete.yaml": helmHook("bye", "pre-delete", "0"),
	}
	w := e.witness("opt-helm", podKind, configMapKind)
	repo := e.repo("opt-helm", below("chart", chart))
	e.apply(strings.Replace(application("opt-helm", repo, "chart", "opt-helm"), "namespace: argocd}",
		"namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}", 1))
	e.done("opt-helm", "")
	w.before(t, "Pod/opt-helm-first", "Pod/opt-helm-second", "ConfigMap/settings", "Pod/opt-helm-after")
	o := e.app("opt-helm")
	for name, want := range map[string]string{
		"first": "PreSync Succeeded", "second": "PreSync Succeeded", "after": "PostSync Succeeded", "test": "", "back": "", "bye": "",
	} {
		if got := hookResult(o, "opt-helm-"+name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	e.eventually("first is deleted", func() error { return e.absent(podKind, "opt-helm", "opt-helm-first") })
	for _, name := range []string{"test", "back"} {
		if slices.Contains(w.all(), "Pod/opt-helm-"+name) {
			t.Errorf("%s has run", name)
		}
	}
	commit := e.push(repo, "blue", map[string]string{"chart/values.yaml": "color: blue\n"})
	e.done("opt-helm", commit)
	e.holds("opt-helm", "settings", "key", "blue")
	for name, want := range map[string]int{"first": 2, "second": 2, "after": 2, "bye": 0} {
		if got := w.count("Pod/opt-helm-"+name, want); got != want {
			t.Errorf("%s was made %d times in two syncs, want %d", name, got, want)
		}
	}
	e.delete(applicationKind, "argocd", "opt-helm")
	e.eventually("the app is gone", func() error { return e.absent(applicationKind, "argocd", "opt-helm") })
	w.before(t, "Pod/opt-helm-bye", "-ConfigMap/settings")
}

// TestOptionIgnoreExtraneous has an object that left Git, in an app that does not
// prune: the app is in sync, its row is not. The health of an object with
// ignore-healthcheck does not count for the app's.
func TestOptionIgnoreExtraneous(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("opt-extraneous", map[string]string{
		"a.yaml":     configMap("a", "1"),
		"extra.yaml": noting(configMap("extra", "1"), "argocd.argoproj.io/compare-options: IgnoreExtraneous"),
		"never.yaml": noting(degraded("never"), `argocd.argoproj.io/ignore-healthcheck: "true"`),
		"wrong.yaml": noting(configMap("wrong", "1"), "argocd.argoproj.io/compare-options: IgnoreExtraneus", "argocd.argoproj.io/ignore-healthcheck: always"),
	})
	e.apply(strings.Replace(application("opt-extraneous", repo, ".", "opt-extraneous"), "prune: true, ", "", 1))
	e.done("opt-extraneous", "")
	e.warns("opt-extraneous", "UnsupportedFieldWarning", "IgnoreExtraneus", "did you mean IgnoreExtraneous")
	e.warns("opt-extraneous", "UnsupportedFieldWarning", "ignore-healthcheck", "always")
	e.eventually("never is degraded", func() error {
		for _, c := range list(e.get(deploymentKind, "opt-extraneous", "never"), "status", "conditions") {
			if c["reason"] == "ProgressDeadlineExceeded" {
				return nil
			}
		}
		return errorf("%s", brief(e.get(deploymentKind, "opt-extraneous", "never")))
	})
	commit := e.push(repo, "less", map[string]string{"extra.yaml": "", "wrong.yaml": "", "a.yaml": configMap("a", "2")})
	e.holds("opt-extraneous", "a", "key", "2")
	o := e.shows("opt-extraneous", map[string]string{"sync.status": "OutOfSync", "health.status": "Healthy", "sync.revision": commit})
	if r := resource(o, "ConfigMap", "extra"); r["status"] != "OutOfSync" {
		t.Errorf("extra is shown as %v", r)
	}
	e.delete(configMapKind, "opt-extraneous", "wrong")
	o = e.shows("opt-extraneous", map[string]string{"sync.status": "Synced", "health.status": "Healthy"})
	if r := resource(o, "ConfigMap", "extra"); r["status"] != "OutOfSync" {
		t.Errorf("extra is shown as %v", r)
	}
	e.holds("opt-extraneous", "extra", "key", "1")
}
