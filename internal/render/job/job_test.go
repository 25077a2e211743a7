package job_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/job"
)

// mapTree is a tree of files in memory. It keeps no hashes.
type mapTree struct{ fstest.MapFS }

func (mapTree) Hash(string) (string, error) { return "", nil }

const configMap = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {x: own}}, data: {v: '${V}'}}"

func run(t *testing.T, files map[string]string, spec model.Render, hooks input.Hooks) job.Outcome {
	t.Helper()
	tree := mapTree{fstest.MapFS{}}
	for name, text := range files {
		tree.MapFS[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return job.Run(t.Context(), model.RenderInput{Tree: tree, Render: spec}, job.Limits{MaxBytes: 1 << 20, MaxObjects: 10}, hooks)
}

// TestTool is the order in which what a directory holds decides.
func TestTool(t *testing.T) {
	chart := map[string]string{"Chart.yaml": "{apiVersion: v2, name: x, version: 1.0.0}", "templates/a.yaml": configMap}
	both := map[string]string{"Chart.yaml": chart["Chart.yaml"], "templates/a.yaml": configMap,
		"kustomization.yaml": "resources: [templates/a.yaml]"}
	for name, c := range map[string]struct {
		files map[string]string
		spec  model.Render
		want  string
	}{
		"manifests":                 {map[string]string{"a.yaml": configMap}, model.Render{}, model.ToolDirectory},
		"chart":                     {chart, model.Render{}, model.ToolHelm},
		"chart first":               {both, model.Render{}, model.ToolHelm},
		"kustomization":             {both, model.Render{Disabled: []string{model.ToolHelm}}, model.ToolKustomize},
		"explicit":                  {both, model.Render{Tool: model.ToolKustomize}, model.ToolKustomize},
		"all off":                   {map[string]string{"kustomization.yaml": "x: y", "a.yaml": configMap}, model.Render{Disabled: []string{model.ToolHelm, model.ToolKustomize}}, model.ToolDirectory},
		"generated wins":            {both, model.Render{Kustomize: model.Kustomize{Generate: true}}, model.ToolKustomize},
		"jsonnet":                   {map[string]string{"a.jsonnet": "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a'}}"}, model.Render{}, model.ToolDirectory},
		"CUE":                       {map[string]string{"a.cue": "package a\nx: {apiVersion: \"v1\", kind: \"ConfigMap\", metadata: name: \"a\"}"}, model.Render{}, model.ToolCUE},
		"manifests beside CUE":      {map[string]string{"a.yaml": configMap, "a.cue": "x: 1"}, model.Render{}, model.ToolDirectory},
		"manifests below, with CUE": {map[string]string{"b/a.yaml": configMap, "a.cue": "x: 1"}, model.Render{Directory: model.Directory{Recurse: true}}, model.ToolDirectory},
	} {
		t.Run(name, func(t *testing.T) {
			out := run(t, c.files, c.spec, input.Hooks{})
			if out.Err != nil {
				t.Fatal(out.Err)
			}
			if out.Rendered.Tool != c.want || len(out.Rendered.Objects) != 1 {
				t.Errorf("%d objects by %q, want 1 by %q", len(out.Rendered.Objects), out.Rendered.Tool, c.want)
			}
		})
	}
}

func TestJsonnetCanBeOff(t *testing.T) {
	files := map[string]string{"a.yaml": configMap, "b.jsonnet": "error 'evaluated'"}
	if out := run(t, files, model.Render{Disabled: []string{model.ToolJsonnet}}, input.Hooks{}); out.Err != nil {
		t.Error(out.Err)
	}
	if out := run(t, files, model.Render{}, input.Hooks{}); out.Err == nil || !strings.Contains(out.Err.Error(), "b.jsonnet") {
		t.Errorf("error is %v", out.Err)
	}
}

// TestFinish replaces variables in what a tool made, then sets metadata.
func TestFinish(t *testing.T) {
	out := run(t, map[string]string{"a.yaml": configMap}, model.Render{
		Substitute: &model.Substitute{Vars: map[string]model.Hidden{"V": model.Hidden("value")}},
		Labels:     map[string]string{"x": "${V}", "y": "new"}, Annotations: map[string]string{"z": "note"},
	}, input.Hooks{})
	if out.Err != nil {
		t.Fatal(out.Err)
	}
	const want = `{"apiVersion":"v1","data":{"v":"value"},"kind":"ConfigMap","metadata":{"annotations":{"z":"note"},"labels":{"x":"${V}","y":"new"},"name":"a"}}`
	o := out.Rendered.Objects[0]
	if string(o.JSON) != want || o.Labels["y"] != "new" || o.Annotations["z"] != "note" || o.Origin != "a.yaml" || o.Digest != model.DigestOf(o.JSON) {
		t.Errorf("got %s, %+v, want %s", o.JSON, o, want)
	}
}

func TestEncryptedSecretWithoutKeys(t *testing.T) {
	out := run(t, map[string]string{"s.yaml": "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: b}, sops: {mac: x}}"}, model.Render{}, input.Hooks{})
	if !errors.Is(out.Err, model.ErrInvalid) || !strings.Contains(out.Err.Error(), "s.yaml") {
		t.Errorf("error is %v", out.Err)
	}
}

func TestPlugin(t *testing.T) {
	files := map[string]string{"app/a": "x"}
	spec := model.Render{Tool: model.ToolPlugin, Path: "app"}
	if out := run(t, files, spec, input.Hooks{}); !errors.Is(out.Err, model.ErrDenied) {
		t.Errorf("without plugins the error is %v", out.Err)
	}
	out := run(t, files, spec, input.Hooks{Plugin: func(_ context.Context, dir string) ([]byte, error) {
		return []byte(strings.Replace(configMap, "name: a", "name: from-"+dir, 1)), nil
	}})
	if out.Err != nil || out.Rendered.Objects[0].Name != "from-app" || out.Rendered.Tool != model.ToolPlugin {
		t.Errorf("got %+v, %v", out.Rendered, out.Err)
	}
}

// TestPostRenderers patch what a chart made.
func TestPostRenderers(t *testing.T) {
	out := run(t, map[string]string{
		"Chart.yaml":       "{apiVersion: v2, name: x, version: 1.0.0}",
		"templates/a.yaml": configMap,
		"templates/d.yaml": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: [{name: c, image: img}]}}}}",
	}, model.Render{Helm: model.Helm{Post: []model.Kustomize{
		{Images: []model.Image{{Name: "img", NewTag: "2"}}, Patches: []model.Patch{{
			Patch: `[{"op": "replace", "path": "/data/v", "value": "patched"}]`, Target: &model.PatchTarget{Kind: "ConfigMap"}}}},
		{Patches: []model.Patch{{Patch: "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {w: more}}"}}},
	}}}, input.Hooks{})
	if out.Err != nil {
		t.Fatal(out.Err)
	}
	var all strings.Builder
	for _, o := range out.Rendered.Objects {
		all.Write(o.JSON)
		if o.Origin == "" {
			t.Errorf("%s has no origin", o.ObjectKey)
		}
	}
	for _, want := range []string{`"image":"img:2"`, `"v":"patched"`, `"w":"more"`} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no %s in %s", want, all.String())
		}
	}
}

// TestPanicIsAnError: no panic of a library leaves a job.
func TestPanicIsAnError(t *testing.T) {
	out := job.Run(t.Context(), model.RenderInput{Tree: panicTree{}}, job.Limits{MaxBytes: 1}, input.Hooks{})
	if !errors.Is(out.Err, model.ErrInvalid) || out.Lasting {
		t.Errorf("outcome is %+v", out)
	}
}

type panicTree struct{ mapTree }

func (panicTree) Stat(string) (fs.FileInfo, error) { panic("broken") }
