package flux

import (
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestDeclared(t *testing.T) {
	fleet := yamlObject(t, fleetYAML)
	_ = unstructured.SetNestedSlice(fleet.Object, []any{map[string]any{"repository": map[string]any{"name": "other"}}}, "spec", "include")
	other := yamlObject(t, strings.Replace(fleetYAML, "name: fleet", "name: other", 1))
	w := newWorld(t, fleet, other, yamlObject(t, chartsYAML), values("a: 1"), namedSecret("login", map[string]string{"username": "u", "password": "p"}))
	kustomization := yamlObject(t, `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: a, namespace: ns}
spec: {interval: 5m, prune: true, sourceRef: {kind: GitRepository, name: fleet}, postBuild: {substituteFrom: [{kind: ConfigMap, name: vars, optional: true}]}}`)
	inGit := yamlObject(t, strings.NewReplacer("HelmRepository", "GitRepository", "name: charts", "name: fleet").Replace(releaseYAML))
	for name, tc := range map[string]struct {
		obj  *unstructured.Unstructured
		keys []model.SourceKey
	}{
		"a Kustomization with what its source includes":  {kustomization, []model.SourceKey{keyOf("GitRepository", "fleet"), keyOf("GitRepository", "other")}},
		"a HelmRelease whose HelmChart is not there yet": {yamlObject(t, releaseYAML), []model.SourceKey{chart.key()}},
		"a HelmRelease with a chart in Git":              {inGit, []model.SourceKey{keyOf("GitRepository", "fleet"), keyOf("GitRepository", "other")}},
	} {
		t.Run(name, func(t *testing.T) {
			w.writes = 0
			app, sources, err := Declared(t.Context(), w.client, tc.obj)
			if err != nil || app.Invalid != nil {
				t.Fatal(err, app.Invalid)
			}
			var keys []model.SourceKey
			for key := range sources {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			if !slices.Equal(keys, tc.keys) || sources[app.Sources[0].Key].URL == "" {
				t.Errorf("sources = %v, want %v", keys, tc.keys)
			}
			if w.writes != 0 {
				t.Error("something was written")
			}
		})
	}
	if _, sources, _ := Declared(t.Context(), w.client, yamlObject(t, releaseYAML)); sources[chart.key()].Auth.Password != "p" {
		t.Error("the credentials are not read")
	}
	lost := yamlObject(t, strings.Replace(releaseYAML, "name: charts", "name: lost", 1))
	if app, _, err := Declared(t.Context(), w.client, lost); err != nil || !errors.Is(app.Invalid, model.ErrNotFound) {
		t.Errorf("invalid because of %v, error %v", app.Invalid, err)
	}
}

func TestRemoteOfADependency(t *testing.T) {
	hr := yamlObject(t, releaseYAML)
	w := newWorld(t, hr, yamlObject(t, chartsYAML), namedSecret("login", map[string]string{"username": "u", "password": "p"}))
	for name, tc := range map[string]struct {
		app           model.AppKey
		url, password string
		err           error
	}{
		"of the namespace":    {releaseKey, "https://CHARTS.example.com/", "p", nil},
		"by its name":         {releaseKey, "@charts", "p", nil},
		"by its alias":        {releaseKey, "alias:charts", "p", nil},
		"another":             {releaseKey, "https://charts.example.com.evil.example", "", nil},
		"a name that is none": {releaseKey, "@lost", "", model.ErrNotFound},
		"another namespace":   {HelmAppKeyOf("other", "info"), "https://charts.example.com", "", nil},
		"of a Kustomization":  {AppKeyOf("ns", "info"), "https://charts.example.com", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := w.c.Remote(tc.app, model.Source{Kind: model.SourceHelm, URL: tc.url, Chart: "redis", Ref: model.Ref{SemVer: ">=1"}})
			if !errors.Is(err, tc.err) || got.Auth.Password != tc.password || err == nil && (got.Chart != "redis" || got.Ref.SemVer != ">=1") {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestDependencyIsSigned: what a repository asks of its charts holds for those
// that others depend on, too.
func TestDependencyIsSigned(t *testing.T) {
	charts := yamlObject(t, chartsYAML)
	charts.SetAnnotations(map[string]string{ProvenanceAnnotation: "keys"})
	w := newWorld(t, yamlObject(t, releaseYAML), charts,
		namedSecret("login", map[string]string{"username": "u", "password": "p"}), namedSecret("keys", map[string]string{"a.asc": "key"}))
	got, err := w.c.Remote(releaseKey, model.Source{Kind: model.SourceHelm, URL: "@charts", Chart: "redis"})
	want := &model.Verify{Provenance: true, GPG: []string{"key"}}
	if diff := cmp.Diff(want, got.Verify); diff != "" || err != nil {
		t.Errorf("%v, verified by (-want +got):\n%s", err, diff)
	}
}

func TestVariablesFollowTheirConfigMap(t *testing.T) {
	ks := testObject(t, "kustomization.yaml", func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"kind": "ConfigMap", "name": "vars"}}, "spec", "postBuild", "substituteFrom")
	})
	w := newWorld(t, ks, testObject(t, "gitrepository.yaml"))
	w.settle(onlyRepo, onlyApp)
	err := w.engine.last(t).Invalid
	if err == nil || !strings.Contains(err.Error(), "ConfigMap flux-system/vars not found") {
		t.Fatalf("invalid because of %v", err)
	}
	w.report(model.Report{App: appKey, Generation: 1, Stage: model.StageSpec, Err: err})
	if got := w.conditionOf("Kustomization", "flux-system", "my-app", "Ready"); got.Reason != "BuildFailed" {
		t.Errorf("Ready = %+v", got)
	}
	vars := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "vars"}, Data: map[string]string{"zone": "a"}}
	if err := w.client.Create(t.Context(), vars); err != nil {
		t.Fatal(err)
	}
	w.touched(vars, "ConfigMap")
	w.settle()
	before := w.engine.last(t)
	if got := string(before.Sources[0].Render.Substitute.Vars["zone"]); before.Invalid != nil || got != "a" {
		t.Fatalf("zone = %q, invalid because of %v", got, before.Invalid)
	}
	w.edit(vars, func() { vars.Labels = map[string]string{"a": "b"} })
	puts := len(w.engine.puts)
	w.touched(vars, "ConfigMap")
	w.settle()
	if len(w.engine.puts) != puts {
		t.Error("the app was put anew although no variable has changed")
	}
	w.edit(vars, func() { vars.Data["zone"] = "b" })
	w.touched(vars, "ConfigMap")
	w.settle()
	if got := w.engine.last(t); string(got.Sources[0].Render.Substitute.Vars["zone"]) != "b" || got.Spec == before.Spec {
		t.Error("the changed variable is not used")
	}
}
