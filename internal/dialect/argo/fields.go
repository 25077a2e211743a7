package argo

import (
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
	return dialect.Warnings(spec, honoured, consequences)
}

func fieldWarning(text string) model.Warning {
	return model.Warning{Type: model.WarnField, Message: text}
}
