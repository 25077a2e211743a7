package substitute

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"github.com/fluxcd/pkg/envsubst"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/yaml"
)

// decode reads manifests as they are after a build.
func decode(t *testing.T, file, text string) []model.Object {
	t.Helper()
	d := manifest.Decoder{File: file, Warnf: t.Logf, Malformed: func(place, _ string) { t.Fatal(place) }}
	objects, err := d.Objects([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func hidden(vars map[string]string) map[string]model.Hidden {
	out := map[string]model.Hidden{}
	for k, v := range vars {
		out[k] = model.Hidden(v)
	}
	return out
}

const optOut = "kustomize.toolkit.fluxcd.io/substitute"

func TestObjects(t *testing.T) {
	tests := map[string]struct {
		reason string
		text   string
		vars   map[string]string
		strict bool
		always bool
		want   string
		err    string
	}{
		"types": {
			reason: "a value that replaces a whole string brings its own type, since kustomize prints no quotes",
			text:   "data: {a: \"${n}\", b: '${b}', c: 'x${n}', d: \"${f}\"}",
			vars:   map[string]string{"n": "80", "b": "true", "f": "1e3"},
			want:   `{"a":80,"b":true,"c":"x80","d":1000}`,
		},
		"quotes": {
			reason: "quotes in the value keep a string",
			text:   "data: {a: \"${q}${n}${q}\"}",
			vars:   map[string]string{"n": "80", "q": `"`},
			want:   `{"a":"80"}`,
		},
		"quoted because of other characters": {
			reason: "a text that kustomize has to quote stays a string",
			text:   "data: {a: \"*${n}\", b: \"${n}: \", c: \"- ${n}\"}",
			vars:   map[string]string{"n": "80"},
			want:   `{"a":"*80","b":"80: ","c":"- 80"}`,
		},
		"lines": {
			reason: "in a text of several lines the value stays text, and its newlines are removed",
			text:   "data:\n  a: |\n    one ${n}\n    two ${m}\n",
			vars:   map[string]string{"n": "1\n2", "m": "x"},
			want:   `{"a":"one 12\ntwo x\n"}`,
		},
		"maps": {
			reason: "a value in flow style becomes a map",
			text:   "data: ${map}",
			vars:   map[string]string{"map": "{a: 1, b: [x]}"},
			want:   `{"a":1,"b":["x"]}`,
		},
		"keys": {
			reason: "keys are text, too",
			text:   "data: {\"${k}\": v}",
			vars:   map[string]string{"k": "key"},
			want:   `{"key":"v"}`,
		},
		"escape":            {text: "data: {a: \"$${n} $$x\"}", vars: map[string]string{"n": "1"}, want: `{"a":"${n} $x"}`},
		"unset":             {text: "data: {a: \"x${n}\"}", vars: map[string]string{"m": "1"}, want: `{"a":"x"}`},
		"unset and strict":  {text: "data: {a: \"x${n}\"}", vars: map[string]string{"m": "1"}, strict: true, err: "f.yaml, line 4: ConfigMap/c: ${n}: the variable has no value; add it, or give it a default: ${n:=default}"},
		"strict default":    {text: "data: {a: \"x${n:=d}\"}", vars: map[string]string{"m": "1"}, strict: true, want: `{"a":"xd"}`},
		"no variables":      {text: "data: {a: \"${n:=d}\"}", want: `{"a":"${n:=d}"}`},
		"always":            {text: "data: {a: \"${n:=d}\"}", always: true, want: `{"a":"d"}`},
		"bad name":          {text: "data: {}", vars: map[string]string{"a-b": "s3cret"}, err: `"a-b" can't be the name of a variable for substitution: use letters, digits and _, and no digit first`},
		"template of CI":    {text: "data: {a: \"${{ github.sha }}\"}", always: true, err: "f.yaml, line 4: ConfigMap/c: ${…}: no name of a variable; write $${ for the text ${"},
		"dots":              {text: "data: {a: \"${a.b}\"}", always: true, err: "f.yaml, line 4: ConfigMap/c: ${a}: the closing brace is missing, or something stands before it that is no operator; write $${ for the text ${"},
		"several lines":     {text: "data:\n  a: ${n}\n  b: ${n}", always: true, strict: true, err: "f.yaml, lines 5, 6: ConfigMap/c: ${n}: the variable has no value; add it, or give it a default: ${n:=default}"},
		"no YAML":           {text: "data:\n  a: ${n}", vars: map[string]string{"n": "[s3cret"}, err: "f.yaml: ConfigMap/c, line 3 of its YAML: after substitution it is no YAML: a value has to be put in quotes, see ${n}"},
		"an alias":          {text: "data:\n  a: ${n}", vars: map[string]string{"n": "*s3cret"}, err: "f.yaml: ConfigMap/c: after substitution it is no YAML: a value has to be put in quotes"},
		"no text":           {text: "metadata: {name: c, labels: {l: \"${n}\"}}", vars: map[string]string{"n": "80"}, err: "f.yaml: ConfigMap/c: after substitution: ConfigMap c: metadata.labels: the value of \"l\" has to be a string; put it in quotes"},
		"disabled":          {text: "data: {a: \"${n}\"}\nmetadata: {name: c, annotations: {" + optOut + ": disabled}}", vars: map[string]string{"n": "1"}, want: `{"a":"${n}"}`},
		"disabled by label": {text: "data: {a: \"${n}\"}\nmetadata: {name: c, labels: {" + optOut + ": disabled}}", vars: map[string]string{"n": "1"}, want: `{"a":"${n}"}`},
		"not disabled":      {text: "data: {a: \"${n}\"}\nmetadata: {name: c, labels: {" + optOut + ": Disabled}}", vars: map[string]string{"n": "1"}, want: `{"a":1}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := "apiVersion: v1\nkind: ConfigMap\n"
			if !strings.Contains(tt.text, "metadata:") {
				file += "metadata: {name: c}\n"
			}
			file += tt.text
			read := func(name string) ([]byte, error) {
				if name != "f.yaml" {
					return nil, os.ErrNotExist
				}
				return []byte(file), nil
			}
			s := model.Substitute{Vars: hidden(tt.vars), Strict: tt.strict, Always: tt.always, Disabled: optOut}
			in := decode(t, "f.yaml", file)
			got, err := Objects(in, s, &Files{Read: read, Names: func() []string { return nil }})
			if err != nil {
				if !errors.Is(err, model.ErrInvalid) {
					t.Errorf("kind of %v", err)
				}
				if diff := cmp.Diff(tt.err, err.Error()); diff != "" {
					t.Error(diff)
				}
				return
			}
			var f struct{ Data json.RawMessage }
			if err := json.Unmarshal(got[0].JSON, &f); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(f.Data)); diff != "" || tt.err != "" {
				t.Errorf("%s; no error, want %q", diff, tt.err)
			}
			if got[0].Origin != "f.yaml" || got[0].Digest != model.DigestOf(got[0].JSON) {
				t.Error("origin or digest is wrong")
			}
		})
	}
}

// TestIdentity lets variables stand in names and labels.
func TestIdentity(t *testing.T) {
	in := decode(t, "f.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"${n}\", namespace: \"${n}-ns\", labels: {a: \"${n}\"}}")
	got, err := Objects(in, model.Substitute{Vars: hidden(map[string]string{"n": "app"})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].ObjectKey.String() != "ConfigMap/app-ns/app" || got[0].Labels["a"] != "app" {
		t.Errorf("%v %v", got[0].ObjectKey, got[0].Labels)
	}
	if in[0].Name != "${n}" {
		t.Error("the input was changed")
	}
}

// TestUntouched: what has no variable is the same object, whatever YAML would
// make of it.
func TestUntouched(t *testing.T) {
	in := decode(t, "f.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: $x, b: '1e3'}")
	got, err := Objects(in, model.Substitute{Always: true}, nil)
	if err != nil || &got[0].JSON[0] != &in[0].JSON[0] {
		t.Errorf("copied (%v)", err)
	}
}

// TestAsFlux compares whole objects with what kustomize's printing and Flux's
// library make of them.
func TestAsFlux(t *testing.T) {
	vars := map[string]string{
		"n": "80", "s": "text", "t": "true", "q": `"`, "date": "2024-01-02", "octal": "0123", "colon": "a: b", "list": "[1, x]",
	}
	values := []string{
		"${n}", "${s}", "${t}", "${date}", "${octal}", "${list}", "${q}${n}${q}", "'${n}'", `"${n}"`, "x ${colon}", "${n}\n", "a\n${n}\nb",
		"#${n}", "${n} # x", "{${n}}", "[${n}]", "${n}:", "- ${n}", "${n:1}", "é${s}", "\t${n}", " ${n}", "${n} ", "\"${s}\": 1", "%${n}", "@${s}",
		strings.Repeat("long ", 40) + "${n}", "yes${none}", "~${none}", "0x1${none}",
	}
	factory := provider.NewDefaultDepProvider().GetResourceFactory()
	for _, v := range values {
		raw, err := json.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "c"}, "data": map[string]any{"k": v, "l": []any{v}},
		})
		if err != nil {
			t.Fatal(err)
		}
		res, err := factory.FromBytes(raw)
		if err != nil {
			t.Fatal(err)
		}
		text, err := res.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		replaced, err := envsubst.Eval(string(text), func(name string) (string, bool) { return vars[name], true })
		if err != nil {
			t.Fatal(err)
		}
		want, wantErr := yaml.YAMLToJSON([]byte(replaced))
		got, err := Objects(decode(t, "f.json", string(raw)), model.Substitute{Vars: hidden(vars)}, nil)
		if (err != nil) != (wantErr != nil) {
			t.Errorf("%q: %v, and Flux: %v", v, err, wantErr)
			continue
		}
		if err == nil && string(got[0].JSON) != string(want) {
			t.Errorf("%q:\n%s, and Flux:\n%s", v, got[0].JSON, want)
		}
	}
}

// TestNoValueInErrors plants a secret in every variable.
func TestNoValueInErrors(t *testing.T) {
	const secret = "s3cr3t"
	for _, value := range []string{"*" + secret, "&" + secret + " *" + secret, "{" + secret, "'" + secret, "!!int " + secret, "? {" + secret + ": 1}", "{? {" + secret + ": 1} : 2}", "%" + secret, "@" + secret, "[[" + secret + "]: 1"} {
		for _, text := range []string{"${v}", "x: ${v}", "${v} ${v", "${v//x/${w}}${none}"} {
			raw, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "c"}, "stringData": map[string]any{"k": text}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = Objects(decode(t, "f.json", string(raw)), model.Substitute{Strict: true, Vars: hidden(map[string]string{"v": value, "w": secret})}, nil)
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s with %s: %v", text, value, err)
			}
		}
	}
}

// TestFileOfABuild: what comes out of a kustomization has no file of its own, and
// is looked for in those that were read.
func TestFileOfABuild(t *testing.T) {
	in := decode(t, "kustomization.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: \"${lacking}\"}")
	files := map[string]string{"kustomization.yaml": "resources: [a.yaml, b.yaml]", "a.yaml": "x: ${other}", "b.yaml": "# text\nx: ${lacking}\n"}
	_, err := Objects(in, model.Substitute{Vars: hidden(map[string]string{"n": "1"}), Strict: true}, &Files{
		Names: func() []string { return []string{"a.yaml", "b.yaml", "kustomization.yaml"} },
		Read:  func(name string) ([]byte, error) { return []byte(files[name]), nil },
	})
	if err == nil || !strings.HasPrefix(err.Error(), "b.yaml, line 2: ConfigMap/c: ${lacking}: ") {
		t.Errorf("error is %v", err)
	}
}
