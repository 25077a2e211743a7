package argo

import (
	"maps"

	"github.com/fixpoint-cd/fixpoint/internal/dialect"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

type fields = dialect.Fields

// honoured are the fields of spec that do what Argo CD documents, and those
// whose refusal is an error of its own.
var honoured = fields{
	"project":              nil,
	"revisionHistoryLimit": nil,
	"info":                 nil,
	"destination":          {"server": nil, "name": nil, "namespace": nil},
	"source":               sourceFields,
	"sources":              with(sourceFields, "ref"),
	"sourceHydrator":       nil,
	"ignoreDifferences": {
		"group": nil, "kind": nil, "name": nil, "namespace": nil,
		"jsonPointers": nil, "jqPathExpressions": nil, "managedFieldsManagers": nil,
	},
	"syncPolicy": {
		"managedNamespaceMetadata": {"labels": nil, "annotations": nil},
		"automated":                {"prune": nil, "selfHeal": nil, "allowEmpty": nil, "enabled": nil},
		"syncOptions":              nil,
		"retry": {
			"limit": nil, "refresh": nil,
			"backoff": {"duration": nil, "factor": nil, "maxDuration": nil},
		},
	},
}

// sourceFields are those of a source.
var sourceFields = fields{
	"repoURL": nil, "path": nil, "targetRevision": nil, "name": nil, "chart": nil, "tagPrefix": nil,
	"directory": {
		"recurse": nil, "include": nil, "exclude": nil,
		"jsonnet": {
			"extVars": {"name": nil, "value": nil, "code": nil},
			"tlas":    {"name": nil, "value": nil, "code": nil},
			"libs":    nil,
		},
	},
	"helm": {
		"releaseName": nil, "namespace": nil, "version": nil, "kubeVersion": nil, "apiVersions": nil,
		"valueFiles": nil, "ignoreMissingValueFiles": nil, "values": nil, "valuesObject": nil,
		"parameters":      {"name": nil, "value": nil, "forceString": nil},
		"fileParameters":  {"name": nil, "path": nil},
		"passCredentials": nil, "skipCrds": nil, "skipTests": nil, "skipSchemaValidation": nil,
	},
	"kustomize": {
		"namePrefix": nil, "nameSuffix": nil, "namespace": nil, "images": nil,
		"commonLabels": nil, "commonAnnotations": nil, "commonAnnotationsEnvsubst": nil,
		"forceCommonLabels": nil, "forceCommonAnnotations": nil,
		"labelWithoutSelector": nil, "labelIncludeTemplates": nil,
		"components": nil, "ignoreMissingComponents": nil,
		"kubeVersion": nil, "apiVersions": nil,
		"replicas": {"name": nil, "count": nil},
		"patches": {
			"path": nil, "patch": nil, "options": nil,
			"target": {
				"group": nil, "version": nil, "kind": nil, "name": nil, "namespace": nil,
				"labelSelector": nil, "annotationSelector": nil,
			},
		},
	},
	"plugin": {
		"name": nil,
		"env":  {"name": nil, "value": nil},
		"parameters": {
			"name": nil, "string": nil, "map": nil, "array": nil,
		},
	},
}

// with are fields and some more.
func with(some fields, names ...string) fields {
	out := maps.Clone(some)
	for _, name := range names {
		out[name] = nil
	}
	return out
}

// consequences say what it means that a field is not honoured.
var consequences = map[string]string{
	"spec.source.kustomize.version":  "the built-in kustomize is used",
	"spec.sources.kustomize.version": "the built-in kustomize is used",
	"spec.source.ref":                "only an Application with several sources can use it",
}

// fieldWarnings warns of every field of spec that is set and not honoured.
func fieldWarnings(spec map[string]any) []model.Warning {
	out := dialect.Warnings(spec, honoured, consequences)
	if isPresent(mustJSON(spec["source"])) && isPresent(mustJSON(spec["sources"])) {
		out = append(out, fieldWarning("spec.source is not used, since there is spec.sources"))
	}
	return out
}

func fieldWarning(text string) model.Warning {
	return model.Warning{Type: model.WarnField, Message: text}
}
