package render

import (
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	t.Parallel()
	env := map[string]string{"ARGOCD_APP_NAME": "shop", "ARGOCD_APP_REVISION": "abc"}
	const text, expanded = "$ARGOCD_APP_NAME-${ARGOCD_APP_REVISION}-$$x-$UNKNOWN.", "shop-abc-$x-."
	spec := model.Render{
		Env: env, Path: text,
		Kustomize: model.Kustomize{
			NamePrefix: text, Images: []model.Image{{Name: text, NewName: text, NewTag: text, Digest: text}},
			Labels: map[string]string{text: text}, Annotations: map[string]string{"a": text}, Components: []string{text},
		},
		Helm: model.Helm{
			Release: text, ValueFiles: []string{text}, Parameters: []model.HelmParameter{{Name: text, Value: text}},
			FileParameters: []model.NameValue{{Name: text, Value: text}}, Values: []model.Values{{Text: model.Hidden(text)}},
		},
		Directory: model.Directory{Include: text, Jsonnet: model.Jsonnet{
			ExtVars: []model.JsonnetVar{{Name: text, Value: text}}, TLAs: []model.JsonnetVar{{Name: text, Value: text, Code: true}},
		}},
		Plugin: model.Plugin{Env: []model.NameValue{{Name: text, Value: text}}},
	}
	before := model.Render{Kustomize: model.Kustomize{Images: append([]model.Image(nil), spec.Kustomize.Images...)}}
	want := model.Render{
		Path: text,
		Kustomize: model.Kustomize{
			NamePrefix: text, Images: []model.Image{{Name: expanded, NewName: expanded, NewTag: expanded, Digest: expanded}},
			Labels: map[string]string{text: expanded}, Annotations: map[string]string{"a": text}, Components: []string{text},
		},
		Helm: model.Helm{
			Release: text, ValueFiles: []string{expanded}, Parameters: []model.HelmParameter{{Name: text, Value: expanded}},
			FileParameters: []model.NameValue{{Name: text, Value: expanded}}, Values: []model.Values{{Text: model.Hidden(text)}},
		},
		Directory: model.Directory{Include: text, Jsonnet: model.Jsonnet{
			ExtVars: []model.JsonnetVar{{Name: text, Value: expanded}}, TLAs: []model.JsonnetVar{{Name: text, Value: expanded, Code: true}},
		}},
		Plugin: model.Plugin{Env: []model.NameValue{{Name: text, Value: expanded}}},
	}
	if diff := cmp.Diff(want, expand(spec)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before.Kustomize.Images, spec.Kustomize.Images); diff != "" {
		t.Errorf("what was given is changed:\n%s", diff)
	}

	spec.Kustomize.ExpandAnnotations, spec.Tool = true, model.ToolPlugin
	got := expand(spec)
	if got.Kustomize.Annotations["a"] != expanded {
		t.Errorf("the annotation is %q", got.Kustomize.Annotations["a"])
	}
	if diff := cmp.Diff(env, got.Env); diff != "" {
		t.Errorf("the plugin's environment: %s", diff)
	}
	spec.Env = nil
	if diff := cmp.Diff(spec, expand(spec)); diff != "" {
		t.Errorf("without an environment: %s", diff)
	}
}

// TestRevisionCountsOnlyWhereItIsUsed: the environment has the revision, and a
// commit elsewhere renders nothing.
func TestRevisionCountsOnlyWhereItIsUsed(t *testing.T) {
	t.Parallel()
	tree := newTree(map[string]string{"kustomization.yaml": "resources: [a.yaml]", "a.yaml": configMapA})
	for label, renders := range map[string]uint64{"fixed": 1, "$ARGOCD_APP_REVISION": 2} {
		r := New(Config{})
		for _, revision := range []string{"one", "two"} {
			out, err := r.Render(t.Context(), inputOf(tree, model.Render{
				Env: map[string]string{"ARGOCD_APP_REVISION": revision}, Kustomize: model.Kustomize{Labels: map[string]string{"rev": label}},
			}))
			if err != nil {
				t.Fatal(err)
			}
			want := label
			if renders == 2 {
				want = revision
			}
			if got := out.Objects[0].Labels["rev"]; got != want {
				t.Errorf("the label is %q, want %q", got, want)
			}
		}
		if got := r.Stats().Renders; got != renders {
			t.Errorf("%s: %d renders, want %d", label, got, renders)
		}
	}
}
