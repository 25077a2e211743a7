package flux

import (
	"github.com/fixpoint-cd/fixpoint/internal/dialect"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// fields are the fields of a spec that do what Flux documents, and those whose
// refusal is an error of its own.
type fields = dialect.Fields

var honouredSelector = fields{
	"group": nil, "version": nil, "kind": nil, "name": nil, "namespace": nil,
	"labelSelector": nil, "annotationSelector": nil,
}

var honouredImage = fields{"name": nil, "newName": nil, "newTag": nil, "digest": nil}

var honouredPatch = fields{"patch": nil, "target": honouredSelector}

// consequences say what it means that a field is not honoured, by kind.
var consequences = map[string]map[string]string{
	"Kustomization": {
		"spec.dependsOn.readyExpr": "the dependency counts as ready when it is applied and healthy",
		"spec.healthCheckExprs":    "custom resources are judged by the built-in rules",
		"spec.ignore":              "what others change at these paths is changed back",
	},
	"HelmRelease": {
		"spec.dependsOn.readyExpr":              "the dependency counts as ready when it is applied and healthy",
		"spec.driftDetection.ignore":            "no drift is corrected while there are such rules",
		"spec.healthCheckExprs":                 "custom resources are judged by the built-in rules",
		"spec.install.remediation":              "what fails is tried again, and not uninstalled",
		"spec.maxHistory":                       "no history of releases is kept",
		"spec.rollback":                         "nothing is rolled back",
		"spec.storageNamespace":                 "no release is stored",
		"spec.test":                             "tests are not run",
		"spec.upgrade.cleanupOnFail":            "what a failed upgrade has made stays until the next one",
		"spec.upgrade.remediation":              "what fails is tried again, and not rolled back",
		"spec.install.disableOpenAPIValidation": "the API server checks every object",
		"spec.upgrade.disableOpenAPIValidation": "the API server checks every object",
	},
	"GitRepository": {
		"spec.serviceAccountName": "only the credentials of spec.secretRef are used",
	},
	"HelmRepository": {
		"spec.accessFrom": "any HelmChart of the namespace may use it, as with Flux",
	},
	"Receiver": {
		"spec.resourceFilter":   "every resource is looked at",
		"spec.resources.filter": "every resource is looked at",
	},
}

// fieldWarnings warns of every field of the spec that is set and not honoured.
func fieldWarnings(kind string, spec map[string]any, honoured fields) []model.Warning {
	return dialect.Warnings(spec, honoured, consequences[kind])
}
