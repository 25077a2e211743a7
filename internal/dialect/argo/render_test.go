package argo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestBuildOptions(t *testing.T) {
	for text, want := range map[string]buildOptions{
		"":              {},
		"--enable-helm": {enableHelm: true},
		"--enable-helm=false --load-restrictor none":           {unrestricted: true},
		`--load-restrictor "LoadRestrictionsNone"`:             {unrestricted: true},
		"--load-restrictor=LoadRestrictionsRootOnly":           {},
		"--enable-helm --helm-command /bin/helm":               {enableHelm: true},
		"--enable-exec --network --env A=b --enable-helm":      {enableHelm: true, unknown: []string{"--enable-exec", "--network", "--env"}},
		"--enable-alpha-plugins=false":                         {},
		"--enable-managedby-label --as-current-user=true -e x": {managedBy: true, unknown: []string{"--as-current-user", "-e"}},
	} {
		if diff := cmp.Diff(want, readBuildOptions(text), cmp.AllowUnexported(buildOptions{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// TestEmptyParameters: an empty list or map of a plugin is something else than
// none.
func TestEmptyParameters(t *testing.T) {
	app, _ := Adapt(minimal(t, `source: {repoURL: https://git.example/r, path: p, plugin: {parameters: [{name: s, string: ""}, {name: a, array: []}, {name: m, map: {}}, {name: none}]}}`), Env{})
	empty := ""
	want := []model.PluginParameter{{Name: "s", String: &empty}, {Name: "a", Array: []string{}}, {Name: "m", Map: map[string]string{}}, {Name: "none"}}
	if diff := cmp.Diff(want, app.Sources[0].Render.Plugin.Parameters); diff != "" {
		t.Error(diff)
	}
}

// TestSubmodules: they are read unless the installation says otherwise.
func TestSubmodules(t *testing.T) {
	s, bad := settings(t, []byte("kind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\ndata: {reposerver.enable.git.submodule: \"false\"}"))
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	u := minimal(t, "{source: null, sources: [{repoURL: https://git.example/a, path: a}, {repoURL: https://git.example/b, ref: b}]}")
	for _, tc := range []struct {
		settings   *Settings
		submodules bool
	}{{nil, true}, {s, false}} {
		_, sources := Adapt(u, Env{Settings: tc.settings})
		for i, src := range sources {
			if src.Git.Submodules != tc.submodules {
				t.Errorf("source %d reads submodules: %v, want %v", i, src.Git.Submodules, tc.submodules)
			}
		}
	}
}
