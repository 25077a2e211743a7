package flux

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	publicChartsYAML = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: ns}
spec: {url: "https://charts.example.com"}`
	releaseYAML = `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: info, namespace: ns}
spec:
  interval: 10m
  chart: {spec: {chart: podinfo, version: ">=6", sourceRef: {kind: HelmRepository, name: charts}}}
  valuesFrom: [{kind: ConfigMap, name: values}]`
)

var (
	release    = named("HelmRelease", "info")
	releaseKey = HelmAppKeyOf("ns", "info")
	chart      = named("HelmChart", "ns-info")
)

func releaseReport(version string) model.Report {
	return model.Report{
		App: releaseKey, Generation: 1, Ready: true, Sync: model.Synced, Snapshot: &model.Snapshot{Revision: version}, Applied: version,
		Resources: []model.ResourceState{resource("ConfigMap", "a", model.Synced)},
	}
}

func values(text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "values"}, Data: map[string]string{"values.yaml": text}}
}

func TestHelmReleaseWithATemplate(t *testing.T) {
	config := values("replicas: 1")
	w := newWorld(t, yamlObject(t, publicChartsYAML), yamlObject(t, releaseYAML), config)
	w.settle(release)
	made := w.read("HelmChart", "ns", "ns-info")
	if made == nil {
		t.Fatal("there is no HelmChart")
	}
	if l := made.GetLabels(); l["helm.toolkit.fluxcd.io/name"] != "info" || l["helm.toolkit.fluxcd.io/namespace"] != "ns" {
		t.Errorf("labels of the HelmChart: %v", l)
	}
	if got := w.sources.sources[chart.key()]; got.Chart != "podinfo" || got.Ref.SemVer != ">=6" || got.Interval != 10*time.Minute {
		t.Errorf("the chart's source is %+v", got)
	}
	app := w.engine.last(t)
	if app.Invalid != nil || app.Sources[0].Key != chart.key() || string(app.Sources[0].Render.Helm.Values[0].Text) != "replicas: 1" {
		t.Fatalf("the engine has %+v", app)
	}

	// Nothing changes: nothing is written or put.
	puts := len(w.engine.puts)
	w.writes = 0
	w.settle(release, chart)
	if len(w.engine.puts) != puts || w.writes != 0 {
		t.Errorf("with nothing changed: %d puts, %d writes", len(w.engine.puts)-puts, w.writes)
	}

	w.edit(config, func() { config.Data["values.yaml"] = "replicas: 2" })
	w.touched(config, "ConfigMap")
	w.settle()
	if got := w.engine.last(t); string(got.Sources[0].Render.Helm.Values[0].Text) != "replicas: 2" || got.Spec == app.Spec {
		t.Error("changed values are not used")
	}

	w.report(releaseReport("6.5.4"))
	want := "Helm install succeeded for release ns/info with chart podinfo@6.5.4"
	if got := w.ready("HelmRelease", "ns", "info"); got.Reason != "InstallSucceeded" || got.Message != want {
		t.Errorf("Ready = %+v", got)
	}
	u := w.read("HelmRelease", "ns", "info")
	if got, _, _ := unstructured.NestedString(u.Object, "status", "helmChart"); got != "ns/ns-info" {
		t.Errorf("helmChart = %q", got)
	}

	// A restart begins no other release.
	again := HelmRelease(u, noChart(u), nil)
	if again.Applied != "6.5.4" || again.Last == nil || again.Last.Revision != "6.5.4" || again.Last.Spec != w.engine.last(t).Spec {
		t.Errorf("after a restart: applied %q, last %+v", again.Applied, again.Last)
	}

	if err := w.client.Delete(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	w.settle(release)
	if got := w.engine.last(t); !got.Deleting {
		t.Fatalf("the engine has %+v", got)
	}
	if w.read("HelmChart", "ns", "ns-info") == nil {
		t.Error("the HelmChart went before the objects")
	}
	w.report(model.Report{App: releaseKey, Generation: 1, Deleted: true})
	w.settle(chart)
	if w.read("HelmRelease", "ns", "info") != nil || w.read("HelmChart", "ns", "ns-info") != nil {
		t.Error("the HelmRelease or its HelmChart is still there")
	}
	if _, ok := w.sources.State(chart.key()); ok {
		t.Error("the subscription is still there")
	}
}

func TestHelmReleaseWithAnOCIRepository(t *testing.T) {
	repo := yamlObject(t, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: podinfo, namespace: ns}
spec: {interval: 5m, url: "oci://registry.example.com/charts/podinfo", layerSelector: {operation: copy}, secretRef: {name: pull}}`)
	hr := yamlObject(t, `
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: info, namespace: ns}
spec: {interval: 10m, chartRef: {kind: OCIRepository, name: podinfo}}`)
	w := newWorld(t, hr)
	w.settle(release)
	if err := w.engine.last(t).Invalid; !errors.Is(err, model.ErrNotFound) || !strings.Contains(err.Error(), "OCIRepository ns/podinfo not found") {
		t.Fatalf("invalid because of %v", err)
	}
	if err := w.client.Create(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	w.settle(named("OCIRepository", "podinfo"))
	if err := w.engine.last(t).Invalid; err == nil || !strings.Contains(err.Error(), "Secret ns/pull not found") {
		t.Fatalf("invalid because of %v", err)
	}
	pull := namedSecret("pull", map[string]string{".dockerconfigjson": `{"auths":{}}`})
	if err := w.client.Create(t.Context(), pull); err != nil {
		t.Fatal(err)
	}
	w.touched(pull, "Secret")
	w.settle()
	app := w.engine.last(t)
	if app.Invalid != nil || app.Sources[0].Key != release.key() {
		t.Fatalf("the engine has %+v", app)
	}
	if got := w.sources.sources[release.key()]; got.Chart != "podinfo" || got.OCI.Copy || got.Auth.DockerConfig == "" {
		t.Errorf("the chart's source is %+v", got)
	}
	// From here on another chart.
	chartOf := w.read("HelmRelease", "ns", "info")
	w.edit(chartOf, func() {
		chartOf.SetGeneration(2)
		chartOf.Object["spec"] = map[string]any{"interval": "10m", "chart": map[string]any{"spec": map[string]any{
			"chart": "podinfo", "sourceRef": map[string]any{"kind": "HelmRepository", "name": "charts"}}}}
	})
	if err := w.client.Create(t.Context(), yamlObject(t, publicChartsYAML)); err != nil {
		t.Fatal(err)
	}
	w.settle(release)
	if _, ok := w.sources.State(release.key()); ok || w.engine.last(t).Sources[0].Key != chart.key() {
		t.Error("the chart of the OCIRepository is still subscribed to")
	}
}

func TestForeignNamespaces(t *testing.T) {
	hr := yamlObject(t, strings.Replace(releaseYAML, "name: charts}", "name: charts, namespace: other}", 1))
	ks := testObject(t, "kustomization.yaml", func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, "other", "spec", "sourceRef", "namespace")
	})
	w := newWorld(t, hr, ks)
	w.deps(func(d *Deps) { d.NoCrossNamespace = true })
	w.settle(release, onlyApp)
	if len(w.engine.puts) != 2 {
		t.Fatalf("%d apps", len(w.engine.puts))
	}
	for _, app := range w.engine.puts {
		if !errors.Is(app.Invalid, model.ErrDenied) {
			t.Errorf("%s is invalid because of %v", app.Key, app.Invalid)
		}
	}
	if w.read("HelmChart", "other", "ns-info") != nil {
		t.Error("a HelmChart was made in another namespace")
	}
	w.report(model.Report{App: releaseKey, Generation: 1, Stage: model.StageSpec, Err: w.engine.puts[0].Invalid})
	if got := w.ready("HelmRelease", "ns", "info"); got.Reason != "AccessDenied" {
		t.Errorf("Ready = %+v", got)
	}
}

func releaseText(s helmv2.HelmReleaseStatus) string {
	var b strings.Builder
	conditionText(&b, s.Conditions)
	fmt.Fprintf(&b, "observedGeneration: %d\n", s.ObservedGeneration)
	s.Conditions, s.ObservedGeneration, s.LastAttemptedConfigDigest = nil, 0, ""
	b.WriteString(dump(s))
	return b.String()
}

func TestHelmReleaseStatus(t *testing.T) {
	object := yamlObject(t, releaseYAML)
	drifting := object.DeepCopy()
	_ = unstructured.SetNestedField(drifting.Object, "warn", "spec", "driftDetection", "mode")
	op := func(spec model.Digest) *model.Operation {
		o := operation(model.PhaseSucceeded, result("ConfigMap", "a", model.ActionCreate))
		o.Revision, o.Spec = "6.5.4", spec
		return o
	}
	fail := func(stage model.Stage, err error) model.Report {
		return model.Report{Generation: 1, Stage: stage, Err: err, Snapshot: &model.Snapshot{Revision: "6.6.0"}}
	}
	drifted := resource("ConfigMap", "a", model.OutOfSync)
	oci := &model.Snapshot{Ref: "6.5.4", Revision: "sha256:" + strings.Repeat("d", 64), Tree: treeOf(map[string]string{"Chart.yaml": "version: 6.5.4"})}
	git := snapshot("main", commitA)
	for name, steps := range map[string][]struct {
		name    string
		obj     *unstructured.Unstructured
		report  model.Report
		handled string
	}{
		"install": {
			{name: "no chart yet", report: fail(model.StageSpec, model.As(model.ErrNotFound, errors.New("HelmChart ns/ns-info can't be used: no answer")))},
			{name: "values are missing", report: fail(model.StageSpec, missing(Ref{"ConfigMap", "ns", "values"}, "spec.valuesFrom[0]"))},
			{name: "running", report: model.Report{Generation: 1, Snapshot: &model.Snapshot{Revision: "6.5.4"}, Operation: operation(model.PhaseRunning)}},
			{name: "failed", report: fail(model.StageApply, errors.New("Deployment ns/a: denied"))},
			{name: "installed", report: releaseReport("6.5.4"), handled: "token"},
			{name: "again", report: releaseReport("6.5.4")},
			{name: "another version is being released", report: model.Report{Generation: 1, Snapshot: &model.Snapshot{Revision: "6.6.0"}}},
			{name: "upgraded", report: releaseReport("6.6.0")},
			{name: "does not render", report: fail(model.StageRender, errors.New("bad template"))},
			{name: "the source is away", report: func() model.Report {
				r := releaseReport("6.6.0")
				r.Stage, r.Err = model.StageSource, model.As(model.ErrTransient, errors.New("no answer"))
				return r
			}()},
			{name: "refused", report: fail(model.StageSpec, model.As(model.ErrInvalid, errors.New("spec.kubeConfig is not supported yet")))},
		},
		"drift": {
			{name: "installed", obj: drifting, report: releaseReport("6.5.4")},
			{name: "drifted, and left", obj: drifting, report: func() model.Report {
				r := releaseReport("6.5.4")
				r.Ready, r.Sync, r.Resources, r.Operation = false, model.OutOfSync, []model.ResourceState{drifted}, op(HelmRelease(drifting, noChart(drifting), nil).Spec)
				return r
			}()},
			{name: "back", obj: drifting, report: releaseReport("6.5.4")},
			{name: "no longer asked for", report: releaseReport("6.5.4")},
		},
		"sources": {
			{name: "registry", report: model.Report{Generation: 1, Ready: true, Snapshot: oci, Applied: oci.Revision}},
			{name: "repository", report: model.Report{Generation: 1, Ready: true, Snapshot: git, Applied: commitA}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			hr, err := helmReleaseOf(object)
			if err != nil {
				t.Fatal(err)
			}
			hr.Status = helmv2.HelmReleaseStatus{ObservedGeneration: -1}
			var b strings.Builder
			for i, s := range steps {
				declared := object
				if s.obj != nil {
					declared = s.obj
				}
				status := hr.Status
				if hr, err = helmReleaseOf(declared); err != nil {
					t.Fatal(err)
				}
				hr.Status = status
				app := HelmRelease(declared, noChart(declared), nil)
				next := HelmReleaseStatus(hr, app, s.report, s.handled, clock(i))
				fmt.Fprintf(&b, "-- %d %s --\n", i, s.name)
				if cmp.Equal(hr.Status, next) {
					b.WriteString("nothing is written\n")
				} else {
					b.WriteString(releaseText(next))
				}
				eventText(&b, HelmReleaseEvents(hr.Status, next, app, s.report, Changes(s.report.Operation)))
				hr.Status = next
			}
			golden(t, "status-helmrelease-"+name+".txt", b.String())
		})
	}
}

func TestHelmReleaseFitsItsCRD(t *testing.T) {
	s := schemaOf(t, "helm.toolkit.fluxcd.io_helmreleases.yaml")
	obj := yamlObject(t, releaseYAML)
	hr, err := helmReleaseOf(obj)
	if err != nil {
		t.Fatal(err)
	}
	app := HelmRelease(obj, noChart(obj), nil)
	status := HelmReleaseStatus(hr, app, releaseReport("6.5.4"), "token", clock(0))
	obj.Object["status"] = asMap(t, status)
	accepts(t, s, obj.Object)
}

func TestHelmMarks(t *testing.T) {
	labels, _ := HelmTracker{}.Stamp(releaseKey, model.ObjectKey{})
	if got, ok := (HelmTracker{}).Owner(labels, nil, model.ObjectKey{Kind: "Deployment"}); !ok || got != releaseKey {
		t.Errorf("owner = %v", got)
	}
	if _, ok := (HelmTracker{}).Owner(labels, nil, model.ObjectKey{Kind: "CustomResourceDefinition"}); ok {
		t.Error("a custom resource definition would be deleted with its HelmRelease")
	}
	if _, ok := (Tracker{}).Owner(labels, nil, model.ObjectKey{}); ok {
		t.Error("a Kustomization owns the objects of a HelmRelease")
	}
	if HelmTraits(nil, map[string]string{"helm.sh/resource-policy": "keep"}).Prune != model.ConsentNo ||
		HelmTraits(nil, map[string]string{"helm.sh/resource-policy": "delete"}) != (model.Traits{}) {
		t.Error("helm.sh/resource-policy is not read")
	}
	if got := HelmUnhonoured(nil, map[string]string{"helm.toolkit.fluxcd.io/driftDetection": "disabled"}); !slices.Equal(got, []string{"helm.toolkit.fluxcd.io/driftDetection: disabled"}) {
		t.Errorf("not honoured: %q", got)
	}
}
