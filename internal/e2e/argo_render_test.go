package e2e

import (
	"strings"
	"testing"
)

// withSource puts more fields into the source of an Application.
func withSource(app, more string) string {
	return strings.Replace(app, "source: {", "source: {"+more+", ", 1)
}

// TestDirectoryOptions reads subdirectories, and of them what include and
// exclude say.
func TestDirectoryOptions(t *testing.T) {
	e := newEnv(t)
	repo := e.repo("directory", map[string]string{
		"apps/top.yaml":         configMap("dir-top", "1"),
		"apps/sub/deep.yaml":    configMap("dir-deep", "1"),
		"apps/sub/skip-me.yaml": configMap("dir-skipped", "1"),
		"apps/sub/data.json":    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"dir-json"},"data":{"key":"1"}}`,
		"apps/values.txt":       "no manifest",
	})
	e.apply(withSource(application("dir-flat", repo, "apps", "dir-flat"), "directory: {recurse: false}"))
	e.apply(withSource(application("dir-all", repo, "apps", "dir-all"), "directory: {recurse: true}"))
	e.apply(withSource(application("dir-some", repo, "apps", "dir-some"),
		`directory: {recurse: true, include: "{*.yaml,sub/*.yaml}", exclude: "sub/skip-*"}`))
	for app, want := range map[string][]string{
		"dir-flat": {"dir-top"},
		"dir-all":  {"dir-deep", "dir-json", "dir-skipped", "dir-top"},
		"dir-some": {"dir-deep", "dir-top"},
	} {
		e.synced(app, "")
		o := e.shows(app, map[string]string{"sourceType": "Directory"})
		var got []string
		for _, r := range list(o, "status", "resources") {
			got = append(got, r["name"].(string))
			e.holds(app, r["name"].(string), "key", "1")
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s has %v, want %v", app, got, want)
		}
	}
}

// TestKustomizeOptions lays an Application's kustomize settings over a
// kustomization, and looks for each in the cluster.
func TestKustomizeOptions(t *testing.T) {
	e := newEnv(t)
	e.namespaces("kust-inner")
	repo := e.repo("kustomized", myApp("blue"))
	app := withSource(application("kustomized", repo, "overlays/production", "kust-outer"), `kustomize: {
    namePrefix: pre-, nameSuffix: -suf, namespace: kust-inner,
    images: ["example.com/web=example.org/mirror/web:2"],
    commonLabels: {team: blue}, commonAnnotations: {contact: "${ARGOCD_APP_NAME}@example.com"}, commonAnnotationsEnvsubst: true,
    replicas: [{name: my-app, count: "2"}],
    patches: [{target: {kind: ConfigMap}, patch: '[{"op": "add", "path": "/data/patched", "value": "yes"}]'}]}`)
	e.apply(app)
	e.synced("kustomized", "")
	o := e.shows("kustomized", map[string]string{"sourceType": "Kustomize"})
	if r := resource(o, "ConfigMap", "pre-settings-suf"); r == nil || r["namespace"] != "kust-inner" {
		t.Errorf("resource: %v", r)
	}
	e.holds("kust-inner", "pre-settings-suf", "patched", "yes")
	d := e.get(deploymentKind, "kust-inner", "pre-my-app-suf")
	if d == nil {
		t.Fatal("there is no Deployment")
	}
	containers := list(d, "spec", "template", "spec", "containers")
	for what, got := range map[string][2]string{
		"image":      {containers[0]["image"].(string), "example.org/mirror/web:2"},
		"replicas":   {at(d, "spec", "replicas"), "2"},
		"label":      {d.GetLabels()["team"], "blue"},
		"selector":   {at(d, "spec", "selector", "matchLabels", "team"), "blue"},
		"annotation": {d.GetAnnotations()["contact"], "kustomized@example.com"},
		"tracking":   {d.GetAnnotations()["argocd.argoproj.io/tracking-id"], "kustomized:apps/Deployment:kust-inner/pre-my-app-suf"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", what, got[0], got[1])
		}
	}
	// A setting that changes is a change to sync.
	e.apply(strings.Replace(app, "web:2", "web:3", 1))
	e.eventually("new image", func() error {
		o := e.get(deploymentKind, "kust-inner", "pre-my-app-suf")
		if got := list(o, "spec", "template", "spec", "containers")[0]["image"]; got != "example.org/mirror/web:3" {
			return errorf("image is %v", got)
		}
		return nil
	})
	e.synced("kustomized", "")
}
