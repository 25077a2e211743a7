package argo

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// comparison reads how the app's objects are compared: by its own words, and by
// those that the installation has for all apps.
func comparison(app *model.App, spec v1alpha1.ApplicationSpec, u *unstructured.Unstructured, s *Settings) {
	for i, d := range spec.IgnoreDifferences {
		ignored, complaints := ignoredFields(d, fmt.Sprintf("spec.ignoreDifferences[%d]", i))
		app.Warnings = append(app.Warnings, warnings(complaints)...)
		if namesFields(ignored) {
			app.Compare.Ignore = append(app.Compare.Ignore, ignored)
		}
	}
	app.Compare.Ignore = append(app.Compare.Ignore, s.ignored...)
	app.Compare.KnownTypes = s.knownTypes
	app.Compare.Marks = s.marks.pointers()
	for value := range values(u.GetAnnotations()[annotationCompareOptions]) {
		switch value {
		case optionKeepWebhooks:
			app.Compare.KeepWebhooks = true
		case optionClientDiff:
			app.Warnings = append(app.Warnings, fieldWarning(complaint(annotationCompareOptions, value, "not honoured: what differs is always the API server's own answer", "")))
		default:
			if _, known := compareOptions[value]; !known {
				app.Warnings = append(app.Warnings, fieldWarning(complaint(annotationCompareOptions, value, adviceUnknownOption, nearest(value, compareOptions))))
			}
		}
	}
}

// ignoredFields reads an entry of ignoreDifferences, and says what of it can't be
// used.
func ignoredFields(d v1alpha1.IgnoreDifference, at string) (model.IgnoredFields, []string) {
	out := model.IgnoredFields{
		Group: d.Group, Kind: d.Kind, Namespace: d.Namespace, Name: d.Name,
		JQ: d.JQPathExpressions, Managers: d.ManagedFieldsManagers,
	}
	var complaints []string
	for _, part := range []struct{ name, pattern string }{{"group", d.Group}, {"kind", d.Kind}} {
		if _, err := readGlob(part.pattern); err != nil {
			return model.IgnoredFields{}, []string{fmt.Sprintf("%s.%s is not honoured: %v", at, part.name, err)}
		}
	}
	for _, p := range d.JSONPointers {
		if err := checkPointer(p); err != nil {
			complaints = append(complaints, fmt.Sprintf("%s.jsonPointers is not honoured: %v", at, err))
			continue
		}
		out.Pointers = append(out.Pointers, p)
	}
	if !namesFields(out) && len(complaints) == 0 {
		complaints = append(complaints, at+" names no field: add jsonPointers, jqPathExpressions or managedFieldsManagers")
	}
	return out, complaints
}

func namesFields(f model.IgnoredFields) bool { return len(f.Pointers)+len(f.JQ)+len(f.Managers) > 0 }

// checkPointer reports what is wrong with a JSON pointer.
func checkPointer(p string) error {
	if !strings.HasPrefix(p, "/") {
		return fmt.Errorf("%q is not a JSON pointer: write /%s", p, strings.ReplaceAll(p, ".", "/"))
	}
	for i, c := range p {
		if c == '~' && !strings.HasPrefix(p[i+1:], "0") && !strings.HasPrefix(p[i+1:], "1") {
			return fmt.Errorf("%q is not a JSON pointer: write ~0 for ~ and ~1 for a / in a name", p)
		}
	}
	return nil
}

// escaped is a name as a part of a JSON pointer.
func escaped(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// readComparison reads what holds for the objects of all apps.
func (s *Settings) readComparison(data map[string]string, add func(key string, err error)) {
	s.customized = readCustomizations(data, add)
	for _, c := range s.customized.sorted() {
		if c.ignore != nil && namesFields(*c.ignore) {
			s.ignored = append(s.ignored, *c.ignore)
		}
		if len(c.known) > 0 {
			if s.knownTypes == nil {
				s.knownTypes = map[string]map[string]string{}
			}
			s.knownTypes[c.group+"_"+c.kind] = c.known
		}
	}
	var raw struct {
		IgnoreResourceStatusField string `json:"ignoreResourceStatusField"`
	}
	if err := yaml.Unmarshal([]byte(data[keyCompareOptions]), &raw); err != nil {
		add(keyCompareOptions, fmt.Errorf("can't be read: %w", err))
	}
	switch v := raw.IgnoreResourceStatusField; v {
	case "", "all":
	default:
		add(keyCompareOptions, fmt.Errorf("ignoreResourceStatusField: %s is not honoured: status is never compared", v))
	}
}
