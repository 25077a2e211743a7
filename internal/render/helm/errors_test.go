package helm

import (
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/google/go-cmp/cmp"
)

// TestErrors has what users read when a chart is wrong.
func TestErrors(t *testing.T) {
	cases := map[string]struct {
		files files
		set   model.Helm
		want  string
	}{
		"Nil": {files: files{"templates/cm.yaml": "a:\n{{ .Values.x.y }}"},
			want: "c/templates/cm.yaml, line 2: nil pointer evaluating interface {}.y"},
		"Included": {files: files{"templates/_h.tpl": "{{ define \"h\" }}\n{{ .Values.x.y }}{{ end }}", "templates/cm.yaml": "a:\n\n{{ include \"h\" . }}"},
			want: "c/templates/_h.tpl, line 2: nil pointer evaluating interface {}.y"},
		"Required": {files: files{"templates/cm.yaml": "\n{{ required \"set host: it is needed\" .Values.host }}"},
			want: "c/templates/cm.yaml, line 2: set host: it is needed"},
		"Fail": {files: files{"templates/cm.yaml": "{{ fail \"first\\nsecond\" }}"},
			want: "c/templates/cm.yaml, line 1: first\nsecond"},
		"Parse": {files: files{"templates/cm.yaml": "a:\n{{ if }}"},
			want: "c/templates/cm.yaml, line 2: missing value for if"},
		"Function": {files: files{"templates/cm.yaml": "{{ frobnicate }}"},
			want: `c/templates/cm.yaml, line 1: function "frobnicate" not defined`},
		"NoEnd": {files: files{"templates/cm.yaml": "{{ if true }}\nx"},
			want: "c/templates/cm.yaml, line 2: unexpected EOF"},
		"Template": {files: files{"templates/cm.yaml": `{{ include "none" . }}`},
			want: `c/templates/cm.yaml, line 1: error calling include: there is no template none`},
		"Sub": {files: minimal.with(files{"Chart.yaml": "name: s\nversion: 1.0.0\n", "templates/cm.yaml": "{{ .x.y.z }}"}).in("charts/s"),
			want: "c/charts/s/templates/cm.yaml, line 1: nil pointer evaluating interface {}.y"},
		"YAML": {files: files{"templates/cm.yaml": "a: b: c"},
			want: "c/templates/cm.yaml: it renders to text that is no YAML: mapping values are not allowed in this context"},
		"SecondYAML": {files: files{"templates/cm.yaml": configMap("x") + "---\na: [\n"},
			want: "c/templates/cm.yaml, document 2 of what it renders to: it renders to text that is no YAML: line 2: did not find expected node content"},
		"NoKind": {files: files{"templates/cm.yaml": "apiVersion: v1\nmetadata: {name: x}"},
			want: `c/templates/cm.yaml: no "kind"; add it, or exclude the file if it is no manifest`},
		"NoChart": {files: files{"Chart.yaml": gone},
			want: "c: no chart: there is no Chart.yaml; correct the path"},
		"ChartYAML": {files: files{"Chart.yaml": "name: [\n"},
			want: "chart c: cannot load Chart.yaml: error converting YAML to JSON: yaml: line 1: did not find expected node content"},
		"NoVersion": {files: files{"Chart.yaml": "name: x\n"},
			want: "chart c: validation: chart.metadata.version is required"},
		"ValuesYAML": {files: files{"values.yaml": "- a\n"},
			want: "chart c: cannot load values.yaml: cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"},
		"Library": {files: files{"Chart.yaml": minimal["Chart.yaml"] + "type: library\n"},
			want: "c/Chart.yaml: a library chart, which other charts use and which can't be installed itself"},
		"Release": {set: model.Helm{Release: "No_Name"},
			want: `release name "No_Name": Helm allows at most 53 characters, lower case letters, digits, - and dots, a letter or digit at both ends; set another release name`},
		"LongRelease": {set: model.Helm{Release: strings.Repeat("x", 54)},
			want: `release name "` + strings.Repeat("x", 54) + `": Helm allows at most 53 characters, lower case letters, digits, - and dots, a letter or digit at both ends; set another release name`},
		"Ignore": {files: files{".helmignore": "a/**\n"},
			want: "c/.helmignore: double-star (**) syntax is not supported"},
		"Schema": {files: files{"values.schema.json": `{"properties": {"a": {"type": "string"}, "b": {"required": ["z"]}}}`},
			want: "chart c: values against the schema: app.a: is of the type number, and has to be string; app.b: lacks z"},
		"SubValues": {files: minimal.with(files{"Chart.yaml": "name: s\nversion: 1.0.0\n"}).in("charts/s"),
			set:  model.Helm{Values: []model.Values{{Text: model.Hidden("s: text")}}},
			want: "chart c: the values for its dependency s have to be a map"},
		"Parameter": {set: model.Helm{Parameters: []model.HelmParameter{{Name: "a,b", Value: "x"}}},
			want: `parameter "a,b" can't be set: the syntax is that of helm's --set: path.to.key=value, with \ before a comma, a dot or a bracket that is meant as it is`},
		"PathOverText": {set: model.Helm{Parameters: []model.HelmParameter{{Name: "t", Value: "x"}, {Name: "t.u", Value: "x"}}},
			want: `parameter "t.u" can't be set: a part of the path is a list or a single value in the other values, and is used as something else`},
		"Values": {set: model.Helm{Values: []model.Values{{Text: model.Hidden("a: [1\nb: 2"), From: "the Secret ns/name, key values.yaml"}}},
			want: "the Secret ns/name, key values.yaml: line 1: did not find expected ',' or ']'"},
		"Glob": {set: model.Helm{ValueFiles: []string{"[.yaml"}}, want: "value files c/[.yaml: the glob is malformed"},
		"Dir":  {set: model.Helm{ValueFiles: []string{"templates"}}, want: "value file c/templates: a directory; name a file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := render(t, minimal.with(c.files).in("c"), "c", c.set, Options{}, nil, nil)
			got.failsWith(t, "")
			if got.err == nil {
				return
			}
			if diff := cmp.Diff(c.want, got.err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWarnsOfRepeatedKeys(t *testing.T) {
	f := minimal.with(files{"templates/cm.yaml": configMap("x") + "  v: \"y\"\n"})
	got := render(t, f, ".", model.Helm{}, Options{}, nil, nil)
	if v := got.printed(t); v != "y" {
		t.Errorf("got %q, want the last", v)
	}
	want := []string{`templates/cm.yaml: renders "v" twice in one map: the last counts`}
	if diff := cmp.Diff(want, got.warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
