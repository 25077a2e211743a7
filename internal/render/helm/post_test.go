package helm

import (
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/google/go-cmp/cmp"
)

// rename stands for the kustomization of a post-renderer: it puts the prefix
// before the names of what it is given.
func rename(calls *[]string) func([]model.Object, model.Kustomize) ([]model.Object, error) {
	return func(objects []model.Object, k model.Kustomize) ([]model.Object, error) {
		var names []string
		out := make([]model.Object, len(objects))
		for i, o := range objects {
			names = append(names, o.Name)
			o.Name = k.NamePrefix + o.Name
			out[len(out)-1-i] = o
		}
		*calls = append(*calls, k.NamePrefix+strings.Join(names, ","))
		return out, nil
	}
}

func TestPostRenderers(t *testing.T) {
	f := minimal.with(files{
		"templates/cm.yaml":  "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
		"templates/job.yaml": "apiVersion: v1\nkind: Job\nmetadata: {name: h, annotations: {helm.sh/hook: pre-install}}\n",
		"crds/x.yaml":        "apiVersion: v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n",
	})
	cases := map[string]struct {
		hooks string
		calls []string
		want  []string
		fails string
	}{
		"Default":  {"", []string{"a-s,c,h", "b-a-h,a-c,a-s"}, []string{"CustomResourceDefinition/x", "ConfigMap/b-a-c", "Service/b-a-s", "Job/b-a-h"}, ""},
		"Combined": {"combined", []string{"a-s,c,h", "b-a-h,a-c,a-s"}, []string{"CustomResourceDefinition/x", "ConfigMap/b-a-c", "Service/b-a-s", "Job/b-a-h"}, ""},
		"Separate": {"separate", []string{"a-h", "b-a-h", "a-s,c", "b-a-c,a-s"}, []string{"CustomResourceDefinition/x", "ConfigMap/b-a-c", "Service/b-a-s", "Job/b-a-h"}, ""},
		"NoHooks":  {"nohooks", []string{"a-s,c", "b-a-c,a-s"}, []string{"CustomResourceDefinition/x", "ConfigMap/b-a-c", "Service/b-a-s", "Job/h"}, ""},
		"Unknown":  {"other", nil, nil, `"other" is no way to post-render hooks`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var calls []string
			set := model.Helm{PostHooks: c.hooks, Post: []model.Kustomize{{NamePrefix: "a-"}, {NamePrefix: "b-"}}}
			got := render(t, f, ".", set, Options{Post: rename(&calls)}, nil, nil)
			if c.fails != "" {
				got.failsWith(t, c.fails)
				return
			}
			if got.err != nil {
				t.Fatal(got.err)
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, got.names()); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}
