package helm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/google/go-cmp/cmp"
)

// minimal is a chart that prints one value.
var minimal = files{
	"Chart.yaml":        "apiVersion: v2\nname: app\nversion: 1.0.0\n",
	"values.yaml":       "a: 1\nb: {c: 2, d: 3}\n",
	"templates/cm.yaml": configMap("{{ .Values | toJson | quote }}"),
}

func configMap(value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\ndata:\n  v: " + value + "\n"
}

// outcome is what a render of a test came to.
type outcome struct {
	objects  []model.Object
	warnings []string
	err      error
	in       *input.Inputs
}

// with are the files of both, those of more in the place of others.
func (f files) with(more files) files {
	out := maps.Clone(f)
	for name, text := range more {
		if text == gone {
			delete(out, name)
		} else {
			out[name] = text
		}
	}
	return out
}

// gone removes a file in with.
const gone = "\x00"

// in are the files below a directory.
func (f files) in(dir string) files {
	out := files{}
	for name, text := range f {
		out[path.Join(dir, name)] = text
	}
	return out
}

// render renders the chart in dir of the files.
func render(t *testing.T, f files, dir string, h model.Helm, opt Options, host model.RenderHost, refs map[string]files) outcome {
	t.Helper()
	trees := map[string]model.Tree{}
	for name, f := range refs {
		trees[name] = newTree(f)
	}
	in := input.Open(context.Background(), model.RenderInput{
		Render: model.Render{Path: dir, Helm: h}, Tree: newTree(f), Refs: trees, Host: host,
	}, 10<<20)
	objects, err := Render(in, dir, opt)
	warnings, _ := in.Warnings()
	return outcome{objects, warnings, err, in}
}

// renderTree renders the chart at the root of a tree.
func renderTree(t model.Tree, h model.Helm) ([]model.Object, error) {
	in := input.Open(context.Background(), model.RenderInput{Render: model.Render{Helm: h}, Tree: t}, 10<<20)
	return Render(in, ".", Options{})
}

// printed is the value that the minimal chart printed.
func (o outcome) printed(t *testing.T) string {
	t.Helper()
	if o.err != nil {
		t.Fatal(o.err)
	}
	var cm struct{ Data struct{ V string } }
	if len(o.objects) == 0 || json.Unmarshal(o.objects[0].JSON, &cm) != nil {
		t.Fatalf("no ConfigMap: %v", o.names())
	}
	return cm.Data.V
}

func (o outcome) names() (names []string) {
	for _, obj := range o.objects {
		names = append(names, obj.Kind+"/"+obj.Name)
	}
	return names
}

func TestValueSources(t *testing.T) {
	repo := minimal.in("chart").with(files{
		"chart/one.yaml":      "b: {c: one}\n",
		"chart/envs/a.yaml":   "b: {c: a, x: a}\n",
		"chart/envs/b.yaml":   "b: {c: b, z: b}\n",
		"chart/envs/z/c.yaml": "b: {c: c}\n",
		"shared/all.yaml":     "b: {c: shared}\n",
		"chart/file.txt":      "from, a file",
		"chart/docs.yaml":     "b: {c: first}\n---\nb: {d: second}\n",
	})
	cases := map[string]struct {
		reason string
		set    model.Helm
		want   string
		fails  string
	}{
		"None":       {want: `{"a":1,"b":{"c":2,"d":3}}`},
		"File":       {set: model.Helm{ValueFiles: []string{"one.yaml"}}, want: `{"a":1,"b":{"c":"one","d":3}}`},
		"Documents":  {reason: "documents of a file are merged", set: model.Helm{ValueFiles: []string{"docs.yaml"}}, want: `{"a":1,"b":{"c":"first","d":"second"}}`},
		"Root":       {set: model.Helm{ValueFiles: []string{"/shared/all.yaml"}}, want: `{"a":1,"b":{"c":"shared","d":3}}`},
		"Parent":     {set: model.Helm{ValueFiles: []string{"../shared/all.yaml"}}, want: `{"a":1,"b":{"c":"shared","d":3}}`},
		"Order":      {set: model.Helm{ValueFiles: []string{"one.yaml", "envs/a.yaml"}}, want: `{"a":1,"b":{"c":"a","d":3,"x":"a"}}`},
		"Glob":       {reason: "in the order of names", set: model.Helm{ValueFiles: []string{"envs/*.yaml"}}, want: `{"a":1,"b":{"c":"b","d":3,"x":"a","z":"b"}}`},
		"GlobDeep":   {set: model.Helm{ValueFiles: []string{"envs/**/*.yaml"}}, want: `{"a":1,"b":{"c":"c","d":3,"x":"a","z":"b"}}`},
		"GlobBraces": {set: model.Helm{ValueFiles: []string{"{one,envs/b}.yaml"}}, want: `{"a":1,"b":{"c":"one","d":3,"z":"b"}}`},
		"GlobExplicitLast": {reason: "an explicit entry keeps its own position",
			set: model.Helm{ValueFiles: []string{"envs/*.yaml", "envs/a.yaml"}}, want: `{"a":1,"b":{"c":"a","d":3,"x":"a","z":"b"}}`},
		"GlobExplicitFirst": {set: model.Helm{ValueFiles: []string{"envs/b.yaml", "envs/*.yaml"}}, want: `{"a":1,"b":{"c":"a","d":3,"x":"a","z":"b"}}`},
		"GlobNone":          {set: model.Helm{ValueFiles: []string{"none/*.yaml"}}, fails: "no file matches"},
		"GlobNoneAllowed":   {set: model.Helm{ValueFiles: []string{"envs/*.yml"}, IgnoreMissingValueFiles: true}, want: `{"a":1,"b":{"c":2,"d":3}}`},
		"Missing":           {set: model.Helm{ValueFiles: []string{"none.yaml"}}, fails: "chart/none.yaml does not exist"},
		"MissingAllowed":    {set: model.Helm{ValueFiles: []string{"none.yaml", "one.yaml"}, IgnoreMissingValueFiles: true}, want: `{"a":1,"b":{"c":"one","d":3}}`},
		"Ref":               {set: model.Helm{ValueFiles: []string{"$values/x.yaml"}}, want: `{"a":1,"b":{"c":"ref","d":3}}`},
		"RefGlob":           {set: model.Helm{ValueFiles: []string{"$values/*.yaml"}}, want: `{"a":1,"b":{"c":"ref","d":3}}`},
		"RefUnknown":        {set: model.Helm{ValueFiles: []string{"$other/x.yaml"}}, fails: "$other names no source"},
		"URL":               {set: model.Helm{ValueFiles: []string{"https://user:pw@example.com/v.yaml?token=x"}}, want: `{"a":1,"b":{"c":"url","d":3}}`},
		"Values": {reason: "texts come after files, a null removes a default",
			set:  model.Helm{ValueFiles: []string{"one.yaml"}, Values: []model.Values{{Text: model.Hidden("b: {c: text}")}, {Text: model.Hidden("a: null\nb: {d: null}")}}},
			want: `{"b":{"c":"text"}}`},
		"Paths": {reason: "paths come after all merges, wherever they stand; quotes make a string",
			set: model.Helm{Values: []model.Values{
				{Text: model.Hidden("7"), Path: "b.c"}, {Text: model.Hidden(`"8"`), Path: "b.s"},
				{Text: model.Hidden("a,b=c{"), Path: "b.l", Literal: true}, {Text: model.Hidden("b: {c: merged}")},
			}}, want: `{"a":1,"b":{"c":7,"d":3,"l":"a,b=c{","s":"8"}}`},
		"Parameters": {reason: "--set, then --set-string, then --set-file",
			set: model.Helm{
				Values:         []model.Values{{Text: model.Hidden("b: {c: text}")}},
				Parameters:     []model.HelmParameter{{Name: "a", Value: "5", ForceString: true}, {Name: "a", Value: "6"}, {Name: "b.c", Value: "x,y"}, {Name: "b.list", Value: "{1,2}"}},
				FileParameters: []model.NameValue{{Name: "b.d", Value: "file.txt"}},
			}, want: `{"a":"5","b":{"c":"x,y","d":"from, a file","list":[1,2]}}`},
		"Defaults": {reason: "files in the place of values.yaml", set: model.Helm{Defaults: []string{"one.yaml", "envs/a.yaml"}}, want: `{"b":{"c":"a","x":"a"}}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			host := &fakeHost{urls: map[string]string{"https://user:pw@example.com/v.yaml?token=x": "b: {c: url}"}}
			refs := map[string]files{"values": {"x.yaml": "b: {c: ref}"}}
			got := render(t, repo, "chart", c.set, Options{}, host, refs)
			if c.fails != "" {
				got.failsWith(t, c.fails)
				return
			}
			if diff := cmp.Diff(c.want, got.printed(t)); diff != "" {
				t.Errorf("%s: values (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// failsWith fails unless the render failed for something the user can mend.
func (o outcome) failsWith(t *testing.T, text string) {
	t.Helper()
	if o.err == nil || !strings.Contains(o.err.Error(), text) {
		t.Errorf("error %v, want one with %q", o.err, text)
	}
	if o.err != nil && !errors.Is(o.err, model.ErrInvalid) {
		t.Errorf("%v is not ErrInvalid", o.err)
	}
}

func TestDecryptsValueFiles(t *testing.T) {
	opt := Options{Decrypt: func(name string, data []byte) ([]byte, error) {
		if name != "secret.yaml" {
			return data, nil
		}
		return bytes.ReplaceAll(data, []byte("ENC"), []byte("cleartext")), nil
	}}
	f := minimal.with(files{"secret.yaml": "a: ENC\n", "plain.yaml": "b: ENC\n"})
	got := render(t, f, ".", model.Helm{ValueFiles: []string{"secret.yaml", "plain.yaml"}}, opt, nil, nil)
	if want := `{"a":"cleartext","b":"ENC"}`; got.printed(t) != want {
		t.Errorf("got %s, want %s", got.printed(t), want)
	}
}

func TestHooksAndOrder(t *testing.T) {
	object := func(kind, name, hook string) string {
		return fmt.Sprintf("---\napiVersion: v1\nkind: %s\nmetadata:\n  name: %s\n  annotations: {%s}\n", kind, name, hook)
	}
	hook := func(types string) string { return "helm.sh/hook: '" + types + "'" }
	f := minimal.with(files{
		"templates/cm.yaml": gone,
		"templates/a.yaml": object("Deployment", "d", "") + object("Zebra", "z", "") + object("Service", "s", "") +
			object("Pod", "test", hook("test")) + object("Job", "migrate", hook("pre-install, pre-upgrade")) +
			object("ConfigMap", "hooked", hook("post-install,test-success")) + object("CustomResourceDefinition", "old", hook("crd-install")),
		"templates/b.yaml":    object("Namespace", "ns", "") + object("Alpaca", "a", ""),
		"templates/NOTES.txt": "thanks",
		"templates/_h.tpl":    "{{ define \"x\" }}x{{ end }}",
		"crds/crd.yaml":       object("CustomResourceDefinition", "crd", "") + object("ConfigMap", "stray", ""),
	})
	cases := map[string]struct {
		set  model.Helm
		want []string
	}{
		"All": {want: []string{"CustomResourceDefinition/crd", "ConfigMap/stray", "Namespace/ns", "Service/s", "Deployment/d",
			"Alpaca/a", "Zebra/z", "ConfigMap/hooked", "Pod/test", "Job/migrate"}},
		"SkipTests": {set: model.Helm{SkipTests: true, SkipCRDs: true}, want: []string{"Namespace/ns", "Service/s", "Deployment/d", "Alpaca/a", "Zebra/z", "Job/migrate"}},
		"SkipHooks": {set: model.Helm{SkipHooks: true, SkipCRDs: true}, want: []string{"Namespace/ns", "Service/s", "Deployment/d", "Alpaca/a", "Zebra/z"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := render(t, f, ".", c.set, Options{}, nil, nil)
			if got.err != nil {
				t.Fatal(got.err)
			}
			if diff := cmp.Diff(c.want, got.names()); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			if !slices.ContainsFunc(got.warnings, func(w string) bool { return strings.Contains(w, `hook type "crd-install"`) }) {
				t.Errorf("no warning about the unknown hook: %q", got.warnings)
			}
		})
	}
}

func TestOrigin(t *testing.T) {
	f := minimal.in("app").with(minimal.with(files{"Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n"}).in("app/charts/sub"))
	got := render(t, f, "app", model.Helm{}, Options{}, nil, nil)
	var origins []string
	for _, o := range got.objects {
		origins = append(origins, o.Origin)
	}
	if want := []string{"app/charts/sub/templates/cm.yaml", "app/templates/cm.yaml"}; !slices.Equal(origins, want) {
		t.Errorf("origins %q, want %q", origins, want)
	}
}

// Lists are taken apart, also those in lists; nulls and comments are nothing.
func TestLists(t *testing.T) {
	item := func(name string) string { return "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + "}}" }
	list := func(kind string, items ...string) string {
		return "---\napiVersion: v1\nkind: " + kind + "\nitems: [" + strings.Join(items, ", ") + "]\n"
	}
	f := minimal.with(files{"templates/cm.yaml": list("List", item("a"), "{apiVersion: v1, kind: List, items: ["+item("b")+"]}", "null") +
		list("ConfigMapList", item("c")) + list("List") + "---\n# nothing\n---\nnull\n"})
	got := render(t, f, ".", model.Helm{}, Options{}, nil, nil)
	if got.err != nil {
		t.Fatal(got.err)
	}
	if diff := cmp.Diff([]string{"ConfigMap/a", "ConfigMap/b", "ConfigMap/c"}, got.names()); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	for _, text := range []string{"items: text", "items: [text]", "items: [[]]"} {
		f := minimal.with(files{"templates/cm.yaml": "apiVersion: v1\nkind: List\n" + text})
		render(t, f, ".", model.Helm{}, Options{}, nil, nil).failsWith(t, "templates/cm.yaml")
	}
}

// A chart may hold nothing, and so may what it makes.
func TestNothing(t *testing.T) {
	for name, f := range map[string]files{
		"NoTemplates": {"Chart.yaml": minimal["Chart.yaml"]},
		"Empty":       minimal.with(files{"templates/cm.yaml": "\n{{- if .Values.none }}a{{ end }}\n---\n# only a comment\n"}),
	} {
		if got := render(t, f, ".", model.Helm{}, Options{}, nil, nil); got.err != nil || len(got.objects) > 0 {
			t.Errorf("%s: %q, %v", name, got.names(), got.err)
		}
	}
}

// A chart can lie in other files than the app's, with settings of its own.
func TestInflate(t *testing.T) {
	host := &fakeHost{charts: map[string]files{"https://charts.example.com app 1.0.0": minimal.with(files{"one.yaml": "a: one"})}}
	in := input.Open(context.Background(), model.RenderInput{Tree: newTree(nil), Host: host}, 1<<20)
	chart, _, err := in.Remote(model.Source{Kind: model.SourceHelm, URL: "https://charts.example.com", Chart: "app", Ref: model.Ref{Any: "1.0.0"}})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := Inflate(in, chart, ".", model.Helm{ValueFiles: []string{"one.yaml"}}, Options{})
	if got := (outcome{objects: objects, err: err}).printed(t); got != `{"a":"one","b":{"c":2,"d":3}}` {
		t.Errorf("got %s", got)
	}
}
