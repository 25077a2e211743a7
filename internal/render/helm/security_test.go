package helm

import (
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// secret stands in files and values that no message may show.
const secret = "hunter2-is-secret"

// hidesSecret fails if the secret is in what the user gets to see.
func (o outcome) hidesSecret(t *testing.T) {
	t.Helper()
	texts := o.warnings
	if o.err != nil {
		texts = append(texts, o.err.Error())
	}
	for _, text := range texts {
		if strings.Contains(text, secret) {
			t.Errorf("the secret is shown: %s", text)
		}
	}
}

// GHSA-63qx-x74g-jcr7 and GHSA-q4w5-4gq2-98vm: value files and file parameters
// read nothing outside of the source, and no message shows what a file holds.
func TestSecurityValueFilesOutside(t *testing.T) {
	f := minimal.in("apps/chart").with(files{
		"apps/v/out.yaml":     linkOut,
		"apps/v/envs/ok.yaml": "a: ok\n",
		"apps/v/envs/ln.yaml": linkOut,
		"apps/v/far":          linkOut,
		"apps/v/text.yaml":    secret,
		"apps/v/list.yaml":    "- " + secret + "\n",
		"apps/v/broken.yaml":  "a: \"" + secret + "\n b: [",
		"apps/v/key.yaml":     "a: 1\n? {x: " + secret + "}\n: 2\n",
	})
	cases := map[string]struct{ entry, fails string }{
		"Parents":       {"../../../etc/passwd", "leads out of the source"},
		"ParentsInside": {"envs/../../../../x.yaml", "leads out of the source"},
		"RootParents":   {"/../../etc/passwd", "leads out of the source"},
		"Absolute":      {"/etc/passwd", "etc/passwd does not exist"},
		"Encoded":       {"..%2f..%2f..%2fetc%2fpasswd", "does not exist"},
		"Backslash":     {`..\..\..\etc\passwd`, "path"},
		"Zero":          {"a\x00b", "path"},
		"RefParents":    {"$values/../../etc/passwd", "leads out of the source"},
		"RefUnknown":    {"$HOME/x", "names no source"},
		"Link":          {"../v/out.yaml", "symbolic link"},
		"LinkGlob":      {"../v/envs/*.yaml", "symbolic link"},
		"LinkDirectory": {"../v/far/passwd", "symbolic link"},
		"FileURL":       {"file:///etc/passwd", "file:// is not allowed"},
		"OtherScheme":   {"s3://bucket/x", "s3:// is not allowed"},
		"UpperScheme":   {"FILE:///etc/passwd", "file:// is not allowed"},
		"NoMap":         {"../v/text.yaml", "not a map"},
		"List":          {"../v/list.yaml", "not a map"},
		"Broken":        {"../v/broken.yaml", "broken.yaml"},
		"Key":           {"../v/key.yaml", "key"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			refs := map[string]files{"values": {"x.yaml": "a: 1"}}
			got := render(t, f, "apps/chart", model.Helm{ValueFiles: []string{c.entry}}, Options{}, nil, refs)
			got.failsWith(t, c.fails)
			got.hidesSecret(t)
			if strings.HasSuffix(name, "Key") || strings.HasPrefix(c.fails, "not a map") || name == "Broken" || name == "LinkGlob" {
				return
			}
			got = render(t, f, "apps/chart", model.Helm{FileParameters: []model.NameValue{{Name: "a", Value: c.entry}}}, Options{}, nil, refs)
			got.failsWith(t, c.fails)
		})
	}
}

// The name of a file parameter is in the syntax of --set-file: it could name
// further files.
func TestSecurityFileParameterName(t *testing.T) {
	f := minimal.with(files{"f.txt": "content"})
	set := model.Helm{FileParameters: []model.NameValue{{Name: "x=/etc/passwd,y", Value: "f.txt"}}}
	got := render(t, f, ".", set, Options{}, nil, nil)
	if text := got.printed(t); !strings.Contains(text, `"x":"content"`) || strings.Contains(text, "root:") {
		t.Errorf("got %s", text)
	}
}

// GHSA-p2g7-xwvr-rrw3: an index in a path makes no list that fills the memory.
func TestSecurityIndexBomb(t *testing.T) {
	nested := "a" + strings.Repeat("[65535]", 100)
	for name, set := range map[string]model.Helm{
		"Parameter":     {Parameters: []model.HelmParameter{{Name: "a[99999999]", Value: "x"}}},
		"String":        {Parameters: []model.HelmParameter{{Name: "a[99999999]", Value: "x", ForceString: true}}},
		"Path":          {Values: []model.Values{{Path: "a[99999999]", Text: model.Hidden("x")}}},
		"Literal":       {Values: []model.Values{{Path: "a[99999999]", Text: model.Hidden("x"), Literal: true}}},
		"File":          {FileParameters: []model.NameValue{{Name: "a[99999999]", Value: "Chart.yaml"}}},
		"Negative":      {Parameters: []model.HelmParameter{{Name: "a[-1]", Value: "x"}}},
		"Nested":        {Parameters: []model.HelmParameter{{Name: nested, Value: "x"}}},
		"NestedLiteral": {Values: []model.Values{{Path: nested, Text: model.Hidden("x"), Literal: true}}},
		"Many":          {Parameters: many(100)},
		"Deep":          {Parameters: []model.HelmParameter{{Name: strings.Repeat("a.", 40) + "b", Value: "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			render(t, minimal, ".", set, Options{}, nil, nil).failsWith(t, "can't be set")
		})
	}
}

func many(n int) (out []model.HelmParameter) {
	for i := range n {
		out = append(out, model.HelmParameter{Name: "a" + strings.Repeat("x", i) + "[65535]", Value: "x"})
	}
	return out
}

// What can't be set shows no value.
func TestSecurityParameterErrors(t *testing.T) {
	for name, set := range map[string]model.Helm{
		"Path":     {Values: []model.Values{{Path: "x", Text: model.Hidden("a," + secret)}}},
		"List":     {Values: []model.Values{{Path: "x", Text: model.Hidden("{" + secret)}}},
		"Sub":      {Values: []model.Values{{Text: model.Hidden("sub: " + secret)}}},
		"SubList":  {Values: []model.Values{{Text: model.Hidden("sub: [" + secret + "]")}}},
		"Document": {Values: []model.Values{{Text: model.Hidden("a: [" + secret), From: "the Secret prod/values"}}},
		"NoMap":    {Values: []model.Values{{Text: model.Hidden(secret), From: "the Secret prod/values"}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := minimal.with(minimal.with(files{"Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n"}).in("charts/sub"))
			got := render(t, f, ".", set, Options{}, nil, nil)
			got.failsWith(t, "")
			got.hidesSecret(t)
		})
	}
}

// Errors of templates and of what they render to name the place, and show no
// value.
func TestSecurityTemplateErrors(t *testing.T) {
	cases := map[string]struct{ template, place, text string }{
		"Range":      {"a: {{ range .Values.s }}{{ end }}", "templates/cm.yaml, line 1", "range can't iterate over"},
		"TplExecute": {`{{ tpl (printf "%s{{ .x.y.z }}" .Values.s) . }}`, "templates/cm.yaml, line 1", ""},
		"TplParse":   {`{{ tpl (printf "%s{{ broken" .Values.s) . }}`, "templates/cm.yaml, line 1", ""},
		"Fail":       {"\n{{ fail (print \"no good: \" .Values.s) }}", "templates/cm.yaml, line 2", "no good: (hidden)"},
		"Required":   {`{{ required (print "needs it: " .Values.s) .Values.none }}`, "templates/cm.yaml, line 1", "needs it: (hidden)"},
		"Duration":   {`{{ mustToDuration .Values.s }}`, "templates/cm.yaml, line 1", "mustToDuration"},
		"URL":        {`{{ urlParse (print "http://[" .Values.s) }}`, "templates/cm.yaml, line 1", "urlParse"},
		"Regex":      {`{{ mustRegexMatch (print "(" .Values.s) "x" }}`, "templates/cm.yaml, line 1", "mustRegexMatch"},
		"Number":     {`{{ index .Values.s "x" }}`, "templates/cm.yaml, line 1", "index"},
		"JSON":       {`{{ mustFromJson .Values.s }}`, "templates/cm.yaml, line 1", "mustFromJson"},
		"YAML":       {"a: {{ .Values.s }}\n  b: [", "templates/cm.yaml", "no YAML"},
		"NoObject":   {"{{ .Values.s }}", "templates/cm.yaml", "no manifest"},
		"Kind":       {"apiVersion: v1\nkind: [{{ .Values.s }}]\nmetadata: {name: x}", "templates/cm.yaml", "kind has to be a string"},
		"Tag":        {"a: !!int {{ .Values.s }}", "templates/cm.yaml", "no YAML"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := minimal.with(files{"templates/cm.yaml": c.template})
			set := model.Helm{Values: []model.Values{{Text: model.Hidden("s: " + secret)}}}
			got := render(t, f, ".", set, Options{}, nil, nil)
			got.failsWith(t, c.place)
			got.failsWith(t, c.text)
			got.hidesSecret(t)
		})
	}
}

// Schemas show no values, and read neither disk nor network.
func TestSecuritySchema(t *testing.T) {
	cases := map[string]struct{ schema, fails, warns string }{
		"Pattern":  {`{"properties": {"s": {"pattern": "^x+$"}}}`, `app.s: has to match "^x+$"`, ""},
		"Format":   {`{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"s": {"format": "email"}}}`, "app.s: is no valid email", ""},
		"Enum":     {`{"properties": {"s": {"enum": ["a", "b"]}}}`, "app.s: has to be one of a, b", ""},
		"Const":    {`{"properties": {"s": {"const": 1}}}`, "app.s: has to be 1", ""},
		"Type":     {`{"properties": {"s": {"type": ["integer", "null"]}}}`, "app.s: is of the type string, and has to be", ""},
		"Length":   {`{"properties": {"s": {"maxLength": 2}}}`, "app.s: has to have at most 2 characters", ""},
		"Required": {`{"required": ["t"]}`, "app: lacks t", ""},
		"Unknown":  {`{"additionalProperties": false, "properties": {"a": {}}}`, "has unknown keys: ", ""},
		"Not":      {`{"properties": {"s": {"not": {"type": "string"}}}}`, "app.s: ", ""},
		"AnyOf":    {`{"properties": {"s": {"anyOf": [{"const": "x"}, {"type": "number"}]}}}`, "app.s: ", ""},
		"File":     {`{"$ref": "file:///etc/passwd"}`, "files can't be referred to", ""},
		"Relative": {`{"$ref": "etc/passwd"}`, "files can't be referred to", ""},
		"Remote":   {`{"properties": {"s": {"$ref": "http://127.0.0.1:1/schema.json?token=` + secret + `"}}}`, "", "refers to http://127.0.0.1:1/schema.json, which is not fetched"},
		"URN":      {`{"properties": {"s": {"$ref": "urn:example:x"}}}`, "", "is not fetched"},
		"NoSchema": {`[`, "is no JSON", ""},
		"Invalid":  {`{"type": 5}`, "is no schema", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := minimal.with(files{"values.schema.json": c.schema})
			set := model.Helm{Values: []model.Values{{Text: model.Hidden("s: " + secret)}}}
			got := render(t, f, ".", set, Options{}, nil, nil)
			got.hidesSecret(t)
			if c.fails != "" {
				got.failsWith(t, c.fails)
				return
			}
			if got.err != nil {
				t.Fatal(got.err)
			}
			if !strings.Contains(strings.Join(got.warnings, "\n"), c.warns) {
				t.Errorf("warnings %q, want %q", got.warnings, c.warns)
			}
		})
	}
}

// What can be bounded in a template is.
func TestSecurityBombs(t *testing.T) {
	for name, template := range map[string]string{
		"Repeat":    `{{ repeat 1000000000 "x" }}`,
		"Until":     `{{ until 1000000000 }}`,
		"UntilStep": `{{ untilStep 0 9223372036854775807 1 }}`,
		"Span":      `{{ untilStep -9223372036854775807 9223372036854775807 1 }}`,
		"Seq":       `{{ seq 1 1 1000000000 }}`,
		"Indent":    `{{ indent 1000000000 "x" }}`,
		"Lines":     `{{ repeat 10000000 "\n" | nindent 1000 }}`,
		"Random":    `{{ randAlphaNum 1000000000 }}`,
		"Bytes":     `{{ randBytes 1000000000 }}`,
		"Include":   `{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`,
		"Template":  `{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}`,
		"Nesting":   `{{ repeat 10000 "[" }}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := minimal.with(files{"templates/cm.yaml": template})
			render(t, f, ".", model.Helm{}, Options{}, nil, nil).failsWith(t, "templates/cm.yaml")
		})
	}
}

// Aliases in a chart's files become no more than they are.
func TestSecurityAliasBomb(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := '1'; i <= '9'; i++ {
		prev := "*a" + string(i-1)
		bomb += "a" + string(i) + ": &a" + string(i) + " [" + strings.Repeat(prev+",", 9) + prev + "]\n"
	}
	for name, f := range map[string]files{
		"Values":   {"values.yaml": bomb},
		"Chart":    {"Chart.yaml": minimal["Chart.yaml"] + bomb},
		"Sub":      minimal.with(files{"values.yaml": bomb}).in("charts/sub"),
		"Rendered": {"templates/cm.yaml": bomb},
		"CRD":      {"crds/x.yaml": bomb},
	} {
		t.Run(name, func(t *testing.T) {
			render(t, minimal.with(f), ".", model.Helm{}, Options{}, nil, nil).failsWith(t, "aliases expand to more than")
		})
	}
	set := model.Helm{Values: []model.Values{{Text: model.Hidden(bomb)}}}
	render(t, minimal, ".", set, Options{}, nil, nil).failsWith(t, "aliases expand to more than")
}

// Links in a chart stay inside of the source, and end.
func TestSecurityLinks(t *testing.T) {
	cases := map[string]struct {
		files files
		fails string
	}{
		"File":      {files{"chart/templates/x.yaml": linkOut}, "leads out of the source"},
		"Directory": {files{"chart/charts": linkOut}, "leads out of the source"},
		"Lock":      {files{"chart/Chart.lock": linkOut}, "leads out of the source"},
		"Nothing":   {files{"chart/x": linkTo + "none"}, "a symbolic link to nothing"},
		"Loop":      {files{"chart/loop": linkTo + "."}, "more than"},
		"TwoLoops":  {files{"chart/one": linkTo + ".", "chart/two": linkTo + "."}, "more than"},
		"Inside":    {files{"chart/templates/x.yaml": linkTo + "../../shared/x.yaml", "shared/x.yaml": configMap("linked")}, ""},
		"InsideDir": {files{"chart/charts/sub": linkTo + "../../sub", "sub/Chart.yaml": "name: sub\nversion: 1.0.0\n"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := render(t, minimal.in("chart").with(c.files), "chart", model.Helm{}, Options{}, nil, nil)
			if c.fails != "" {
				got.failsWith(t, c.fails)
			} else if got.err != nil {
				t.Error(got.err)
			}
		})
	}
}
