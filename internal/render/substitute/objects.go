package substitute

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/yaml"
)

// disabled is the value of the label or annotation that opts an object out.
const disabled = "disabled"

// name is what a variable may be called.
var name = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// Files are those that the objects are made of, for messages.
type Files struct {
	Read func(name string) ([]byte, error)
	// Names are all of them, in the order in which they are searched.
	Names func() []string
}

// Objects are the objects with their variables replaced. Those without any are
// returned as they are, with the same digest. An error names file, line, object
// and variable, and no value; it is model.ErrInvalid. With files the line is that
// of a file, Object.Origin or another one of them, instead of the printed
// object's.
func Objects(objects []model.Object, s model.Substitute, files *Files) ([]model.Object, error) {
	if len(s.Vars) == 0 && !s.Always {
		return objects, nil
	}
	vars, err := variables(s)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(objects)
	for i, o := range objects {
		if !mayHold(o.JSON) || o.Labels[s.Disabled] == disabled || o.Annotations[s.Disabled] == disabled {
			continue
		}
		if out[i], err = object(o, vars, s.Strict, files); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// variables are the values as they are put in: without newlines.
func variables(s model.Substitute) (map[string]string, error) {
	vars := make(map[string]string, len(s.Vars))
	for _, n := range slices.Sorted(maps.Keys(s.Vars)) {
		if !name.MatchString(n) {
			return nil, model.Invalidf("%q can't be the name of a variable for substitution: use letters, digits and _, "+
				"and no digit first", n)
		}
		vars[n] = strings.ReplaceAll(string(s.Vars[n]), "\n", "")
	}
	return vars, nil
}

// mayHold reports whether there is anything in the text that substitution
// would change.
func mayHold(text []byte) bool {
	return bytes.Contains(text, []byte("${")) || bytes.Contains(text, []byte("$$"))
}

func object(o model.Object, vars map[string]string, strict bool, files *Files) (model.Object, error) {
	place := place{object: o, files: files}
	text, err := yaml.JSONToYAML(o.JSON)
	if err != nil {
		return o, model.Invalidf("%s: it can't be printed as YAML for substitution", place)
	}
	e := expander{text: string(text), strict: strict, vars: vars, left: budget}
	replaced, problem := e.all()
	if problem != nil {
		return o, place.invalid(e.text, problem)
	}
	if err := manifest.Guard([]byte(replaced)); err != nil {
		return o, model.Invalidf("%s: after substitution: %w", place, err)
	}
	text, err = yaml.YAMLToJSON([]byte(replaced))
	if err != nil {
		return o, place.noYAML(replaced, e.used, err)
	}
	return again(place, o, text)
}

// again reads the object anew: its name may have been a variable.
func again(place place, was model.Object, text []byte) (model.Object, error) {
	var f manifest.Fields
	if json.Unmarshal(text, &f) != nil {
		return was, model.Invalidf("%s: after substitution it is no object", place)
	}
	o, err := manifest.New(place.String()+": after substitution", f, text)
	o.Origin = was.Origin
	return o, err
}
