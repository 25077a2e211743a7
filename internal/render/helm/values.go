package helm

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"
)

// values are those that are laid over the chart's: value files, then texts,
// then what is set at paths, then parameters in the order of Helm's flags.
func (r *run) values() (map[string]any, error) {
	out := map[string]any{}
	places, err := r.places(r.set.ValueFiles)
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		vals, err := r.readValues(p)
		if err != nil {
			return nil, err
		}
		out = loader.MergeMaps(out, vals)
	}
	for _, v := range r.set.Values {
		if v.Path != "" {
			continue
		}
		vals, err := r.parseValues(source(v.From), []byte(v.Text))
		if err != nil {
			return nil, err
		}
		r.hide(vals)
		out = loader.MergeMaps(out, vals)
	}
	for _, v := range r.set.Values {
		if v.Path == "" {
			continue
		}
		r.mentions.add(v.Text)
		r.hide(string(v.Text))
		if err := r.setPath(v, out); err != nil {
			return nil, err
		}
	}
	return out, r.setParameters(out)
}

func source(from string) string {
	if from == "" {
		return "values"
	}
	return from
}

// readValues reads a value file.
func (r *run) readValues(p place) (map[string]any, error) {
	data, err := r.read(p)
	if err != nil {
		return nil, err
	}
	encrypted := data
	if r.opt.Decrypt != nil && p.url == "" {
		if data, err = r.opt.Decrypt(p.name, data); err != nil {
			return nil, err
		}
	}
	vals, err := r.parseValues(p.String(), data)
	if err == nil && !bytes.Equal(encrypted, data) {
		r.hide(vals)
	}
	return vals, err
}

// parseValues reads YAML as Helm does: several documents are merged.
func (r *run) parseValues(name string, data []byte) (map[string]any, error) {
	r.mentions.add(data)
	if err := manifest.Guard(data); err != nil {
		return nil, model.Invalidf("%s, %w", name, err)
	}
	vals, err := loader.LoadValues(bytes.NewReader(data))
	if err != nil {
		return nil, model.Invalidf("%s: %s", name, yamlProblem(err))
	}
	return vals, nil
}

// setPath sets a text at a path. One in quotes is a string, as Flux has it.
func (r *run) setPath(v model.Values, out map[string]any) error {
	text := string(v.Text)
	set := strvals.ParseInto
	quoted := len(text) > 1 && (text[0] == '\'' || text[0] == '"') && text[len(text)-1] == text[0]
	switch {
	case v.Literal:
		set = strvals.ParseLiteralInto
	case quoted:
		text = strings.Trim(text, `'"`)
		set = strvals.ParseIntoString
	}
	return r.apply(source(v.From)+" at "+short(v.Path), v.Path+"="+text, out, set)
}

func (r *run) setParameters(out map[string]any) error {
	for _, asString := range []bool{false, true} {
		set := strvals.ParseInto
		if asString {
			set = strvals.ParseIntoString
		}
		for _, p := range r.set.Parameters {
			if p.ForceString != asString {
				continue
			}
			r.mentions.add([]byte(p.Value))
			if err := r.apply("parameter "+short(p.Name), p.Name+"="+escapeCommas(p.Value), out, set); err != nil {
				return err
			}
		}
	}
	for _, p := range r.set.FileParameters {
		if err := r.setFile(p, out); err != nil {
			return err
		}
	}
	return nil
}

// setFile sets the content of a file. What the parameter's name may hold of
// Helm's syntax reads no other file.
func (r *run) setFile(p model.NameValue, out map[string]any) error {
	at, err := r.place(p.Value)
	if err != nil {
		return err
	}
	data, err := r.read(at)
	if err != nil {
		return err
	}
	r.mentions.add(data)
	return r.apply("file parameter "+short(p.Name), p.Name+"=file", out, func(text string, out map[string]any) error {
		return strvals.ParseIntoFile(text, out, strvals.RunesValueReader(func([]rune) (any, error) { return string(data), nil }))
	})
}

// short is a name in quotes, the end of a long one left out.
func short(name string) string {
	const most = 100
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return strconv.Quote(name)
}

// maxIndexes bounds how much longer all indexes together make lists.
const maxIndexes = 1 << 22

var index = regexp.MustCompile(`\[(\d+)\]`)

// apply sets what text, in the syntax of --set, says. Its errors show values,
// so they are not repeated.
func (r *run) apply(what, text string, out map[string]any, set func(string, map[string]any) error) error {
	for _, m := range index.FindAllStringSubmatch(text, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil && n <= strvals.MaxIndex {
			r.indexes += n
		}
	}
	if r.indexes > maxIndexes {
		return model.Invalidf("%s can't be set: the indexes make lists of more than %d elements", what, maxIndexes)
	}
	err := set(text, out)
	if err == nil {
		return nil
	}
	why := `the syntax is that of helm's --set: path.to.key=value, with \ before a comma, a dot or a bracket that is meant as it is`
	switch text := err.Error(); {
	case strings.Contains(text, "greater than maximum supported index"):
		why = "an index is more than " + strconv.Itoa(strvals.MaxIndex)
	case strings.Contains(text, "nested level"):
		why = "the path is deeper than " + strconv.Itoa(strvals.MaxNestedNameLevel) + " levels"
	case strings.Contains(text, "negative"):
		why = "an index is below 0"
	case strings.Contains(text, "interface conversion"):
		why = "a part of the path is a list or a single value in the other values, and is used as something else"
	}
	return model.Invalidf("%s can't be set: %s", what, why)
}

// escapeCommas makes the value of one parameter stay one value, unless it is a
// list in braces.
func escapeCommas(value string) string {
	if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
		return value
	}
	var out strings.Builder
	for i := range len(value) {
		if value[i] == ',' && (i == 0 || value[i-1] != '\\') {
			out.WriteByte('\\')
		}
		out.WriteByte(value[i])
	}
	return out.String()
}

// replaceDefaults puts files in the place of the chart's values.yaml.
func (r *run) replaceDefaults(c *chart.Chart) error {
	if len(r.set.Defaults) == 0 {
		return nil
	}
	places, err := r.places(r.set.Defaults)
	if err != nil {
		return err
	}
	c.Values = map[string]any{}
	for _, p := range places {
		vals, err := r.readValues(p)
		if err != nil {
			return err
		}
		c.Values = loader.MergeMaps(c.Values, vals)
	}
	return nil
}

// explainValues says what is wrong with values that can't be merged.
func (r *run) explainValues(err error) error {
	text := err.Error()
	if errors.Is(err, model.ErrInvalid) {
		return err
	}
	if name, ok := strings.CutPrefix(text, "type mismatch on "); ok {
		name, _, _ = strings.Cut(name, ":")
		return model.Invalidf("chart %s: the values for its dependency %s have to be a map", r.dir, name)
	}
	return model.Invalidf("chart %s: %s", r.dir, r.conceal(scrub(text)))
}
