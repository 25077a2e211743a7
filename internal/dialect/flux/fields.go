package flux

import (
	"github.com/fixpoint-cd/fixpoint/internal/dialect"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

type fields = dialect.Fields

// honouredKustomization are the fields of a Kustomization's spec that do what
// Flux documents, and those whose refusal is an error of its own.
var honouredKustomization = fields{
	"commonMetadata": {"labels": nil, "annotations": nil},
	"components":     nil,
	"deletionPolicy": nil,
	"dependsOn":      {"name": nil, "namespace": nil},
	"force":          nil,
	"healthChecks":   {"apiVersion": nil, "kind": nil, "name": nil, "namespace": nil},

	"ignoreMissingComponents": nil,

	"images":          {"name": nil, "newName": nil, "newTag": nil, "digest": nil},
	"interval":        nil,
	"namePrefix":      nil,
	"nameSuffix":      nil,
	"patches":         {"patch": nil, "target": honouredSelector},
	"path":            nil,
	"prune":           nil,
	"retryInterval":   nil,
	"sourceRef":       {"apiVersion": nil, "kind": nil, "name": nil, "namespace": nil},
	"suspend":         nil,
	"targetNamespace": nil,
	"timeout":         nil,
	"wait":            nil,

	"decryption":         nil,
	"kubeConfig":         nil,
	"postBuild":          nil,
	"serviceAccountName": nil,
}

var honouredSelector = fields{
	"group": nil, "version": nil, "kind": nil, "name": nil, "namespace": nil,
	"labelSelector": nil, "annotationSelector": nil,
}

// honouredGitRepository are the same for a GitRepository.
var honouredGitRepository = fields{
	"interval":  nil,
	"ref":       {"branch": nil, "tag": nil, "semver": nil, "name": nil, "commit": nil},
	"secretRef": {"name": nil},
	"suspend":   nil,
	"timeout":   nil,
	"url":       nil,

	"include": nil,
	"verify":  nil,
}

// consequences say what it means that a field is not honoured.
var consequences = map[string]string{
	"spec.buildMetadata":       "no origin or transformer annotations are added",
	"spec.dependsOn.readyExpr": "the dependency counts as ready when it is applied and healthy",
	"spec.healthCheckExprs":    "custom resources are judged by the built-in rules",
	"spec.ignore":              "nothing is left out",
	"spec.proxySecretRef":      "the repository is reached without that proxy",
	"spec.provider":            "only the credentials of spec.secretRef are used",
	"spec.recurseSubmodules":   "submodules are not read",
	"spec.serviceAccountName":  "only the credentials of spec.secretRef are used",
	"spec.sparseCheckout":      "the whole repository is read",
}

// fieldWarnings warns of every field of the spec that is set and not honoured.
func fieldWarnings(spec map[string]any, honoured fields) []model.Warning {
	return dialect.Warnings(spec, honoured, consequences)
}
