package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/charttest"
	"github.com/fixpoint-cd/fixpoint/internal/ocitest"
)

var (
	releaseKind = schema.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"}
	ociKind     = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "OCIRepository"}
)

// webChart are the files of a chart that makes a ConfigMap of its values, a
// Service, a hook and a test.
func webChart(version string) map[string]string {
	return map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: web\nversion: " + version + "\n",
		"values.yaml": "color: grey\nsize: small\nport: 80\n",
		"templates/settings.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data:
  color: {{ .Values.color | quote }}
  size: {{ .Values.size | quote }}
  chart: {{ .Chart.Version | quote }}
  kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}
  {{- if .Capabilities.APIVersions.Has "argoproj.io/v1alpha1/Application" }}
  applications: served
  {{- end }}
`,
		"templates/service.yaml": `apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {ports: [{port: {{ .Values.port }}}]}
`,
		"templates/tests/test.yaml": `apiVersion: v1
kind: Pod
metadata: {name: {{ .Release.Name }}-test, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: a, image: example.com/a}]}
`,
	}
}

// below puts files into a directory.
func below(dir string, files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		out[dir+"/"+name] = text
	}
	return out
}

// helmApplication is an automated Application with these sources.
func helmApplication(name, sources string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: %[1]s, namespace: argocd}
spec:
  project: default
%[2]s
  destination: {server: https://kubernetes.default.svc, namespace: %[1]s}
  syncPolicy: {automated: {prune: true, selfHeal: true}, syncOptions: [CreateNamespace=true]}
`, name, sources)
}

// TestChartInGit renders a chart of a repository with value files, values and
// parameters, and follows a change of a value file.
func TestChartInGit(t *testing.T) {
	e := newEnv(t)
	files := below("charts/web", webChart("0.1.0"))
	files["env/prod.yaml"] = "color: blue\nsize: medium\n"
	repo := e.repo("chart-in-git", files)
	e.apply(helmApplication("chart-in-git", `  source:
    repoURL: `+org+repo+`
    path: charts/web
    helm:
      releaseName: shop
      valueFiles: ["../../env/prod.yaml"]
      valuesObject: {size: large}
      parameters: [{name: port, value: "8080"}]`))
	e.synced("chart-in-git", "")
	e.holds("chart-in-git", "shop-settings", "color", "blue")
	e.holds("chart-in-git", "shop-settings", "size", "large")
	e.holds("chart-in-git", "shop-settings", "applications", "served")
	version, err := e.data("chart-in-git", "shop-settings", "kubernetes")
	if err != nil || !strings.HasPrefix(version, "v1.") {
		t.Errorf("the chart sees Kubernetes %q, %v", version, err)
	}
	if got := at(e.get(serviceKind, "chart-in-git", "shop"), "spec", "ports"); !strings.Contains(got, "8080") {
		t.Errorf("ports are %s", got)
	}
	if o := e.get(schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, "chart-in-git", "shop-test"); o != nil {
		t.Error("the chart's test was applied")
	}
	if got := at(e.app("chart-in-git"), "status", "sourceType"); got != "Helm" {
		t.Errorf("sourceType is %s", got)
	}
	e.push(repo, "red", map[string]string{"env/prod.yaml": "color: red\n"})
	e.holds("chart-in-git", "shop-settings", "color", "red")
	e.push(repo, "broken", map[string]string{"charts/web/templates/settings.yaml": "{{ .Values.color | nosuch }}"})
	e.eventually("the error names template and line", func() error {
		return e.condition(applicationKind, "argocd", "chart-in-git", "ComparisonError", "", "templates/settings.yaml")
	})
	e.holds("chart-in-git", "shop-settings", "color", "red")
}

// TestChartRepositories follows version ranges in a Helm repository and in a
// registry, in both dialects.
func TestChartRepositories(t *testing.T) {
	e := newEnv(t)
	charts := charttest.Start(charttest.Options{Username: "reader", Password: "planted-password"})
	t.Cleanup(charts.Close)
	hub, err := ocitest.Start(ocitest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	publish := func(version string) {
		t.Helper()
		files := webChart(version)
		archive := charts.Add("web", version, files)
		if _, err := hub.PushChart(t.Context(), "team/web", version, archive, nil); err != nil {
			t.Fatal(err)
		}
	}
	publish("1.0.0")
	publish("2.0.0")
	e.secret("argocd", "charts", "argocd.argoproj.io/secret-type: repository", map[string]string{
		"type": "helm", "url": charts.URL, "username": "reader", "password": "planted-password"})
	e.secret("argocd", "hub", "argocd.argoproj.io/secret-type: repository", map[string]string{
		"type": "helm", "url": hub.Host + "/team", "enableOCI": "true", "insecureOCIForceHttp": "true"})
	e.apply(helmApplication("chart-helm", `  source: {repoURL: "`+charts.URL+`", chart: web, targetRevision: "1.*"}`))
	e.apply(helmApplication("chart-oci", `  source: {repoURL: "`+hub.Host+`/team", chart: web, targetRevision: "1.*"}`))
	e.secret("flux-system", "charts", "", map[string]string{"username": "reader", "password": "planted-password"})
	e.namespaces("chart-flux", "chart-flux-oci")
	e.apply(fluxChart("chart-flux", charts.URL, "", `"1.x"`, "secretRef: {name: charts}"))
	e.apply(fluxChart("chart-flux-oci", hub.URL("team"), "oci", `">=1.0.0 <2.0.0"`, "insecure: true"))

	for _, name := range []string{"chart-helm", "chart-oci"} {
		e.synced(name, "1.0.0")
		e.holds(name, name+"-settings", "chart", "1.0.0")
	}
	for _, name := range []string{"chart-flux", "chart-flux-oci"} {
		e.eventually("HelmRelease "+name, func() error {
			return e.condition(releaseKind, "flux-system", name, "Ready", "True", "")
		})
		e.holds(name, name+"-settings", "chart", "1.0.0")
	}
	publish("1.1.0")
	for _, name := range []string{"chart-helm", "chart-oci"} {
		e.edit(applicationKind, "argocd", name, `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
		e.synced(name, "1.1.0")
		e.holds(name, name+"-settings", "chart", "1.1.0")
	}
	for _, name := range []string{"chart-flux", "chart-flux-oci"} {
		e.edit(schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "HelmChart"}, "flux-system", "flux-system-"+name,
			`{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"now"}}}`)
		e.holds(name, name+"-settings", "chart", "1.1.0")
	}
	e.hides("planted-password")
}

// fluxChart are a HelmRepository and a HelmRelease of its chart web.
func fluxChart(name, url, kind, version, more string) string {
	repository := "url: \"" + url + "\", interval: 1m"
	if kind != "" {
		repository += ", type: " + kind
	}
	return fmt.Sprintf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: %[1]s, namespace: flux-system}
spec: {%[2]s, %[4]s}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: %[1]s, namespace: flux-system}
spec:
  interval: 5m
  releaseName: %[1]s
  targetNamespace: %[1]s
  chart:
    spec: {chart: web, version: %[3]s, sourceRef: {kind: HelmRepository, name: %[1]s}}
`, name, repository, version, more)
}

// TestSeveralSources lays values of one repository over a chart of another, and
// adds plain files of a third; the objects of all are one app's.
func TestSeveralSources(t *testing.T) {
	e := newEnv(t)
	charts := charttest.Start(charttest.Options{})
	t.Cleanup(charts.Close)
	charts.Add("web", "1.0.0", webChart("1.0.0"))
	values := e.repo("several-values", map[string]string{"prod/web.yaml": "color: blue\n"})
	plain := e.repo("several-plain", map[string]string{"extra/extra.yaml": configMap("extra", "1")})
	e.apply(helmApplication("several", `  sources:
    - repoURL: `+charts.URL+`
      chart: web
      targetRevision: 1.0.0
      helm: {valueFiles: ["$values/prod/web.yaml"]}
    - {repoURL: `+org+values+`, targetRevision: main, ref: values}
    - {repoURL: `+org+plain+`, targetRevision: main, path: extra}`))
	e.synced("several", "")
	e.holds("several", "several-settings", "color", "blue")
	e.holds("several", "extra", "key", "1")
	commit := e.push(values, "green", map[string]string{"prod/web.yaml": "color: green\n"})
	e.holds("several", "several-settings", "color", "green")
	e.eventually("revisions are those of the sources", func() error {
		if got := at(e.app("several"), "status", "sync", "revisions"); !strings.HasPrefix(got, "[1.0.0 "+commit+" ") {
			return fmt.Errorf("revisions are %s", got)
		}
		return nil
	})
	e.push(plain, "none", map[string]string{"extra/extra.yaml": "", "extra/other.yaml": configMap("other", "1")})
	e.holds("several", "other", "key", "1")
	e.eventually("pruned", func() error { return e.absent(configMapKind, "several", "extra") })
}

// TestHelmRelease composes values of every origin, follows changes of what it
// refers to, patches what the chart makes, and heals.
func TestHelmRelease(t *testing.T) {
	e := newEnv(t)
	e.namespaces("release")
	repo := e.repo("release", below("charts/web", webChart("0.1.0")))
	e.apply(gitRepository(repo))
	e.apply(`apiVersion: v1
kind: ConfigMap
metadata: {name: release-values, namespace: flux-system}
data: {values.yaml: "color: blue\nsize: medium\n"}`)
	e.secret("flux-system", "release-color", "", map[string]string{"color": "planted-green"})
	e.apply(`apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: release, namespace: flux-system}
spec:
  interval: 5m
  releaseName: shop
  targetNamespace: release
  chart: {spec: {chart: charts/web, sourceRef: {kind: GitRepository, name: release}, reconcileStrategy: Revision}}
  values: {size: large}
  valuesFrom:
    - {kind: ConfigMap, name: release-values}
    - {kind: Secret, name: release-color, valuesKey: color, targetPath: color}
  postRenderers:
    - kustomize: {patches: [{target: {kind: Service}, patch: '[{"op": "add", "path": "/metadata/labels", "value": {"patched": "yes"}}]'}]}
`)
	e.eventually("Ready", func() error { return e.condition(releaseKind, "flux-system", "release", "Ready", "True", "") })
	e.holds("release", "shop-settings", "color", "planted-green")
	e.holds("release", "shop-settings", "size", "large")
	if got := at(e.get(serviceKind, "release", "shop"), "metadata", "labels", "patched"); got != "yes" {
		t.Errorf("label patched is %q", got)
	}
	if got := at(e.get(serviceKind, "release", "shop"), "metadata", "labels", "helm.toolkit.fluxcd.io/name"); got != "release" {
		t.Errorf("the owner's label is %q", got)
	}
	e.secret("flux-system", "release-color", "", map[string]string{"color": "planted-red"})
	e.holds("release", "shop-settings", "color", "planted-red")
	e.delete(secretKind, "flux-system", "release-color")
	e.eventually("told what is missing", func() error {
		return e.condition(releaseKind, "flux-system", "release", "Ready", "False", "release-color")
	})
	e.holds("release", "shop-settings", "color", "planted-red")
	e.edit(releaseKind, "flux-system", "release", `{"spec":{"valuesFrom":null}}`)
	e.holds("release", "shop-settings", "color", "grey")
	files := below("charts/web", webChart("0.1.0"))
	delete(files, "charts/web/templates/service.yaml")
	gone := maps.Clone(files)
	gone["charts/web/templates/service.yaml"] = ""
	e.push(repo, "no service", gone)
	e.eventually("pruned", func() error { return e.absent(serviceKind, "release", "shop") })
	e.delete(releaseKind, "flux-system", "release")
	e.eventually("uninstalled", func() error { return e.absent(configMapKind, "release", "shop-settings") })
}

// TestLookup: a HelmRelease's chart may read the live target, and says so.
func TestLookup(t *testing.T) {
	e := newEnv(t)
	e.namespaces("lookup")
	e.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there, namespace: lookup}\ndata: {v: \"42\"}")
	repo := e.repo("lookup", map[string]string{
		"web/Chart.yaml":       "apiVersion: v2\nname: web\nversion: 0.1.0\n",
		"web/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: found}\ndata:\n  v: {{ (lookup \"v1\" \"ConfigMap\" \"lookup\" \"there\").data.v | quote }}\n",
	})
	e.apply(gitRepository(repo))
	e.apply(`apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: lookup, namespace: flux-system}
spec:
  interval: 5m
  targetNamespace: lookup
  chart: {spec: {chart: web, sourceRef: {kind: GitRepository, name: lookup}}}`)
	e.holds("lookup", "found", "v", "42")
	e.event("HelmRelease", "flux-system", "lookup", "lookup")
}
