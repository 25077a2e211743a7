package helm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/google/go-cmp/cmp"
)

// places are the warnings up to what they say about the function.
func places(warnings []string) (out []string) {
	for _, w := range warnings {
		words := strings.Fields(w)
		for i, word := range words {
			if strings.HasSuffix(word, ":") {
				out = append(out, strings.Join(words[:i+2], " "))
				break
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestWarnsOfImpureFunctions(t *testing.T) {
	f := minimal.in("c").with(files{
		"c/values.yaml": "text: '{{ randAlpha 3 }}'\n",
		"c/templates/_helpers.tpl": `
{{- define "password" -}}
{{ randAlphaNum 20 }}
{{- end }}
{{- define "unused" }}{{ uuidv4 }}{{ end }}`,
		"c/templates/cm.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data:
  a: {{ include "password" . }}
  {{- if .Values.none }}
  b: {{ randNumeric 3 }}
  {{- end }}
  year: "{{ now | date "2006" }}{{ now.Year }}"
  fixed: {{ date "2006" (toDate "2006-01-02" "2024-05-06") | quote }} # known, snow
  zone: {{ dateInZone "2006" "no date" "UTC" | quote }}
  same: {{ (genCA "ca" 1).Key | len }} {{ (genCA "ca" 1).Cert | len }}
  piped: {{ "x" | htpasswd "u" | len }} {{ if (gt (randInt 1 9) 0) }}{{ end }}{{ range $i := list (shuffle "ab") }}{{ end }}
  text: {{ tpl .Values.text . | len }}
  host: "{{ getHostByName "x" }}"
  found: {{ lookup "v1" "Secret" "ns" "x" | len }}
  v: ok`,
		"c/charts/s/Chart.yaml":         "name: s\nversion: 1.0.0\n",
		"c/charts/s/templates/cm.yaml":  configMap("{{ uuidv4 }}"),
		"c/charts/s/templates/bad.yaml": "{{/* randAlphaNum */}}# randAlpha\n",
	})
	got := render(t, f, "c", model.Helm{}, Options{}, nil, nil)
	if got.err != nil {
		t.Fatal(got.err)
	}
	want := []string{
		"a text given to tpl: randAlpha",
		"c/charts/s/templates/cm.yaml, line 5: uuidv4",
		"c/templates/_helpers.tpl, line 3: randAlphaNum",
		"c/templates/cm.yaml, line 11: dateInZone",
		"c/templates/cm.yaml, line 12: genCA",
		"c/templates/cm.yaml, line 13: htpasswd",
		"c/templates/cm.yaml, line 13: randInt",
		"c/templates/cm.yaml, line 13: shuffle",
		"c/templates/cm.yaml, line 15: getHostByName",
		"c/templates/cm.yaml, line 16: lookup",
		"c/templates/cm.yaml, line 9: now",
	}
	if diff := cmp.Diff(want, places(got.warnings)); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// An error of a watched function names it as the author does.
func TestMarkedNamesAreNotShown(t *testing.T) {
	for _, template := range []string{`{{ genCA 1 }}`, `{{ genPrivateKey "x" "y" }}`, `{{ (now).None }}`, `{{ randInt 5 1 }}`, `{{ if now }}`} {
		got := render(t, minimal.with(files{"templates/cm.yaml": template}), ".", model.Helm{}, Options{}, nil, nil)
		got.failsWith(t, "templates/cm.yaml, line 1: ")
		if got.err != nil && strings.Contains(got.err.Error(), separator) {
			t.Errorf("%s: %v", template, got.err)
		}
	}
}

func TestLookup(t *testing.T) {
	f := minimal.with(files{"templates/cm.yaml": configMap(`{{ lookup "apps/v1" "Deployment" "ns" "web" | dig "spec" "replicas" 0 }}/{{ (lookup "v1" "Secret" "ns" "").items | default list | len }}/{{ lookup "v1" "Secret" "ns" "none" | len }}`)})
	host := &fakeHost{live: map[string]string{
		"apps/v1 Deployment.apps/ns/web": `{"spec": {"replicas": 5}}`,
		"v1 Secret/ns/":                  `{"items": [{}, {}]}`,
	}}
	on := render(t, f, ".", model.Helm{Lookup: true}, Options{}, host, nil)
	if v := on.printed(t); v != "5/2/0" {
		t.Errorf("got %s", v)
	}
	if all := strings.Join(on.warnings, "\n"); !strings.Contains(all, "templates/cm.yaml, line 5: lookup reads live objects") {
		t.Errorf("warnings: %s", all)
	}
	off := render(t, f, ".", model.Helm{}, Options{}, host, nil)
	if v := off.printed(t); v != "0/0/0" {
		t.Errorf("got %s", v)
	}
	host.live["v1 Secret/ns/"] = "fail"
	if failed := render(t, f, ".", model.Helm{Lookup: true}, Options{}, host, nil); !errors.Is(failed.err, model.ErrTransient) {
		t.Errorf("error %v, want ErrTransient", failed.err)
	}
}

// Facts about the target are read only if some text asks for them.
func TestNotesWhatIsAsked(t *testing.T) {
	base := func() *fakeHost { return &fakeHost{version: "v1.33.1", apis: []string{"apps/v1", "v1"}} }
	newAPI := &fakeHost{version: "v1.33.1", apis: []string{"apps/v1", "example.com/v1", "v1"}}
	newVersion := &fakeHost{version: "v1.34.0", apis: []string{"apps/v1", "v1"}}
	cases := map[string]struct {
		files      files
		set        model.Helm
		apis, kube bool // whether a change renders anew
		want       string
	}{
		"Nothing":  {files: files{}, want: "-"},
		"APIs":     {files: files{"templates/cm.yaml": configMap(`"{{ .Capabilities.APIVersions.Has "apps/v1" }} {{ .Capabilities.APIVersions.Has "policy/v1beta1" }}"`)}, apis: true, want: "true false"},
		"Version":  {files: files{"templates/cm.yaml": configMap(`"{{ .Capabilities.KubeVersion.Version }}"`)}, kube: true, want: "v1.33.1"},
		"Whole":    {files: files{"templates/cm.yaml": configMap(`"{{ .Capabilities | toJson | len | lt 10 }}"`)}, apis: true, kube: true, want: "true"},
		"Variable": {files: files{"templates/cm.yaml": configMap(`"{{ $c := .Capabilities }}{{ $c.KubeVersion.Minor }}"`)}, kube: true, want: "33"},
		"Chart":    {files: files{"Chart.yaml": minimal["Chart.yaml"] + "kubeVersion: '>=1.30.0'\n"}, kube: true, want: "-"},
		"Values":   {files: files{"values.yaml": `t: '{{ .Capabilities.APIVersions.Has "example.com/v1" }}'`, "templates/cm.yaml": configMap(`"{{ tpl .Values.t . }}"`)}, apis: true, want: "false"},
		"Given": {set: model.Helm{KubeVersion: "1.20", APIVersions: []string{"x/v1"}},
			files: files{"templates/cm.yaml": configMap(`"{{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.APIVersions.Has "x/v1" }} {{ .Capabilities.APIVersions.Has "apps/v1" }}"`)}, want: "v1.20 true true"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := minimal.with(c.files)
			got := render(t, f, ".", c.set, Options{}, base(), nil)
			if v := got.printed(t); c.want != "-" && v != c.want {
				t.Errorf("got %q, want %q", v, c.want)
			}
			reads, lasting := got.in.Noted()
			if !lasting {
				t.Error("the outcome does not last")
			}
			unchanged := func(host model.RenderHost) bool {
				return input.Unchanged(context.Background(), reads, model.RenderInput{Tree: newTree(f), Host: host})
			}
			if !unchanged(base()) || unchanged(newAPI) == c.apis || unchanged(newVersion) == c.kube {
				t.Errorf("unchanged %t, with another API %t, with another version %t", unchanged(base()), unchanged(newAPI), unchanged(newVersion))
			}
		})
	}
}

func TestWantsKubernetes(t *testing.T) {
	f := minimal.with(files{"Chart.yaml": minimal["Chart.yaml"] + "kubeVersion: '>=1.35.0'\n"})
	got := render(t, f, ".", model.Helm{}, Options{}, &fakeHost{version: "v1.33.1"}, nil)
	got.failsWith(t, "the chart wants Kubernetes >=1.35.0, and the target is v1.33.1")
	render(t, f, ".", model.Helm{KubeVersion: "latest"}, Options{}, nil, nil).failsWith(t, `"latest" is no version of Kubernetes`)
}

// Only what a chart consists of is read: files that it ignores and other charts
// change nothing.
func TestReadsOnlyTheChart(t *testing.T) {
	f := minimal.in("a").with(minimal.in("b")).with(files{"a/.helmignore": "docs\n", "a/docs/x.md": "1", "v/prod.yaml": "a: 2"})
	got := render(t, f, "a", model.Helm{ValueFiles: []string{"/v/prod.yaml"}}, Options{}, nil, nil)
	reads, _ := got.in.Noted()
	for name, c := range map[string]struct {
		change    files
		unchanged bool
	}{
		"Nothing":    {files{}, true},
		"OtherChart": {files{"b/values.yaml": "x: 1"}, true},
		"Ignored":    {files{"a/docs/x.md": "2"}, true},
		"Values":     {files{"v/prod.yaml": "a: 3"}, false},
		"OtherFile":  {files{"v/test.yaml": "a: 3"}, true},
		"Template":   {files{"a/templates/new.yaml": "# x"}, false},
		"Ignore":     {files{"a/.helmignore": "# none\n"}, false},
	} {
		in := model.RenderInput{Tree: newTree(f.with(c.change))}
		if input.Unchanged(context.Background(), reads, in) != c.unchanged {
			t.Errorf("%s: unchanged is %t", name, !c.unchanged)
		}
	}
}
