package argo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestOverrides: files beside the manifests change the settings of the tool, and
// nothing else.
func TestOverrides(t *testing.T) {
	const helm = `source: {repoURL: https://git.example/r, path: p, helm: {releaseName: r, parameters: [{name: a, value: "1"}, {name: b, value: "2"}]}}`
	for name, c := range map[string]struct {
		spec  string
		files map[string]string
		want  func(*model.Render)
	}{
		"a list takes the place of another": {helm, map[string]string{".argocd-source.yaml": "helm: {parameters: [{name: c, value: '3'}]}"},
			func(r *model.Render) { r.Helm.Parameters = []model.HelmParameter{{Name: "c", Value: "3"}} }},
		"the application's own file counts more": {helm, map[string]string{
			".argocd-source.yaml":      "helm: {releaseName: all, skipTests: true}",
			".argocd-source-name.yaml": "helm: {releaseName: one, parameters: null}",
		}, func(r *model.Render) {
			r.Helm.Release, r.Helm.SkipTests, r.Helm.Parameters = "one", true, nil
		}},
		"the source stays": {helm, map[string]string{".argocd-source.yaml": "{repoURL: https://evil.example/r, path: ../q, targetRevision: x, chart: c}"},
			func(*model.Render) {}},
		"empty file": {helm, map[string]string{".argocd-source.yaml": "# nothing\n"}, func(*model.Render) {}},
		"a tool is chosen": {`source: {repoURL: https://git.example/r, path: p}`,
			map[string]string{".argocd-source.yaml": "kustomize: {images: ['web:2'], replicas: [{name: web, count: 3}]}"},
			func(r *model.Render) {
				r.Tool, r.Helm = model.ToolKustomize, model.Helm{}
				r.Kustomize.Images = []model.Image{{Name: "web", NewTag: "2"}}
				r.Kustomize.Replicas = []model.Replicas{{Name: "web", Count: 3}}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			app, _ := Adapt(minimal(t, c.spec), Env{})
			want := app.Sources[0].Render
			overrides := want.Overrides
			want.Overrides = nil
			c.want(&want)
			files := map[string][]byte{}
			for name, text := range c.files {
				files[strings.Replace(name, "name", app.Key.Name, 1)] = []byte(text)
			}
			got, warnings, err := overrides.Apply(files)
			if err != nil || len(warnings) > 0 {
				t.Fatal(warnings, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestBadOverrides(t *testing.T) {
	app, _ := Adapt(minimal(t, `source: {repoURL: https://git.example/r, path: p, helm: {releaseName: r}}`), Env{})
	for text, want := range map[string]string{
		"[1]":                            ".argocd-source.yaml can't be read",
		"helm: {releaseName: {}}":        "with .argocd-source.yaml: helm.releaseName is of type object",
		"kustomize: {namePrefix: a}":     "with .argocd-source.yaml: spec.source.helm: kustomize is set too",
		"helm: {parameters: [{a: '1'}]}": "with .argocd-source.yaml: spec.source.helm.parameters: one has no name",
	} {
		_, _, err := app.Sources[0].Render.Overrides.Apply(map[string][]byte{".argocd-source.yaml": []byte(text)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	_, warnings, err := app.Sources[0].Render.Overrides.Apply(map[string][]byte{".argocd-source.yaml": []byte("helm: {magic: true}")})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "helm.magic is not honoured") {
		t.Errorf("an unknown field: %q, %v", warnings, err)
	}
}
