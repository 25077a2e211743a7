package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestPairsOf(t *testing.T) {
	tests := map[string]struct {
		before, after []string // NAME@FILE
		want          [][2]string
	}{
		"the same":          {[]string{"a@1", "b@1"}, []string{"b@1", "a@1"}, [][2]string{{"b@1", "b@1"}, {"a@1", "a@1"}}},
		"new and gone":      {[]string{"a@1"}, []string{"b@1"}, [][2]string{{"", "b@1"}, {"a@1", ""}}},
		"moved":             {[]string{"a@1"}, []string{"a@2"}, [][2]string{{"a@1", "a@2"}}},
		"of two clusters":   {[]string{"a@1", "a@2"}, []string{"a@1", "a@2"}, [][2]string{{"a@1", "a@1"}, {"a@2", "a@2"}}},
		"one cluster moved": {[]string{"a@1", "a@2"}, []string{"a@2", "a@3"}, [][2]string{{"a@2", "a@2"}, {"a@1", "a@3"}}},
		"one cluster gone":  {[]string{"a@1", "a@2"}, []string{"a@2"}, [][2]string{{"a@2", "a@2"}, {"a@1", ""}}},
		"a second cluster":  {[]string{"a@2"}, []string{"a@1", "a@2"}, [][2]string{{"", "a@1"}, {"a@2", "a@2"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got [][2]string
			for _, p := range pairsOf(appsAt(tt.before), appsAt(tt.after)) {
				var texts [2]string
				for i, app := range []*declaredApp{p.before, p.after} {
					if app != nil {
						texts[i] = app.App.Key.Name + "@" + app.file
					}
				}
				got = append(got, texts)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func appsAt(texts []string) []declaredApp {
	var out []declaredApp
	for _, text := range texts {
		app := &model.App{Key: model.AppKey{Name: text[:1]}}
		out = append(out, declaredApp{file: text[2:], Declared: Declared{App: app}})
	}
	return out
}

func TestSurroundings(t *testing.T) {
	var all []manifest
	for _, file := range []string{"vars.yaml", "clusters/one/vars.yaml", "clusters/two/deep/vars.yaml"} {
		u := &unstructured.Unstructured{}
		u.SetName(file)
		all = append(all, manifest{file: file, Unstructured: u})
	}
	around := newSurroundings(all)
	for file, want := range map[string]string{
		"apps.yaml":                   "vars.yaml",
		"clusters/one/apps.yaml":      "clusters/one/vars.yaml",
		"clusters/one/deep/apps.yaml": "clusters/one/vars.yaml",
		"clusters/two/apps.yaml":      "clusters/two/deep/vars.yaml",
		"elsewhere/apps.yaml":         "vars.yaml",
	} {
		if got := around.of(file); got[0].GetName() != want || len(got) != len(all) {
			t.Errorf("nearest to %s is %s, want %s; %d objects", file, got[0].GetName(), want, len(got))
		}
	}
}
