package argo

import (
	"maps"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// fields is a tree of field names; a nil value stands for all that is below.
// Elements of lists have the fields of the list.
type fields map[string]fields

// honoured are the fields of spec that do what Argo CD documents, and those
// whose refusal is an error of its own.
var honoured = fields{
	"project":              nil,
	"revisionHistoryLimit": nil,
	"info":                 nil,
	"destination":          {"server": nil, "name": nil, "namespace": nil},
	"source": {
		"repoURL": nil, "path": nil, "targetRevision": nil, "name": nil,
		"directory": {"recurse": nil, "include": nil, "exclude": nil},
		"kustomize": {
			"namePrefix": nil, "nameSuffix": nil, "namespace": nil, "images": nil,
			"commonLabels": nil, "commonAnnotations": nil, "commonAnnotationsEnvsubst": nil,
			"forceCommonLabels": nil, "forceCommonAnnotations": nil,
			"labelWithoutSelector": nil, "labelIncludeTemplates": nil,
			"components": nil, "ignoreMissingComponents": nil,
			"replicas": {"name": nil, "count": nil},
			"patches": {
				"path": nil, "patch": nil, "options": nil,
				"target": {
					"group": nil, "version": nil, "kind": nil, "name": nil, "namespace": nil,
					"labelSelector": nil, "annotationSelector": nil,
				},
			},
		},
		"helm": nil, "plugin": nil, "chart": nil, "tagPrefix": nil,
	},
	"sources":        nil,
	"sourceHydrator": nil,
	"syncPolicy": {
		"automated":   {"prune": nil, "selfHeal": nil, "allowEmpty": nil, "enabled": nil},
		"syncOptions": nil,
		"retry": {
			"limit": nil, "refresh": nil,
			"backoff": {"duration": nil, "factor": nil, "maxDuration": nil},
		},
	},
}

// consequences say what it means that a field is not honoured.
var consequences = map[string]string{
	"spec.ignoreDifferences":                   "every difference counts",
	"spec.source.directory.jsonnet":            "Jsonnet files are not rendered",
	"spec.source.kustomize.version":            "the built-in kustomize is used",
	"spec.source.ref":                          "only an Application with several sources can use it",
	"spec.syncPolicy.managedNamespaceMetadata": "the namespace is created without it",
}

// fieldWarnings warns of every field of spec that is set and not honoured.
func fieldWarnings(spec map[string]any) []model.Warning {
	var out []model.Warning
	for _, path := range slices.Compact(slices.Sorted(slices.Values(ignored(spec, honoured, "spec")))) {
		text := path + " is not honoured yet"
		if c := consequences[path]; c != "" {
			text += ": " + c
		}
		out = append(out, fieldWarning(text))
	}
	return out
}

func fieldWarning(text string) model.Warning {
	return model.Warning{Type: model.WarnField, Message: text}
}

func ignored(value any, known fields, path string) []string {
	var out []string
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			below, ok := known[name]
			switch at := path + "." + name; {
			case !isSet(v[name]):
			case !ok:
				out = append(out, at)
			case below != nil:
				out = append(out, ignored(v[name], below, at)...)
			}
		}
	case []any:
		for _, element := range v {
			out = append(out, ignored(element, known, path)...)
		}
	}
	return out
}

// isSet reports whether a value asks for anything: false, zero and empty values
// don't, nor does an object or a list of such.
func isSet(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return strings.TrimSpace(v) != ""
	case int64:
		return v != 0
	case float64:
		return v != 0
	case []any:
		return slices.ContainsFunc(v, isSet)
	case map[string]any:
		for _, below := range v {
			if isSet(below) {
				return true
			}
		}
		return false
	}
	return true
}
