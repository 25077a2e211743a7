package flux

import (
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
)

// CRDAnnotation, with the value Create, is on the custom resource definitions of
// a chart's crds folder that are only to be created where there are none.
const CRDAnnotation = "fixpoint-cd.github.io/crds"

// HelmKeep reports whether a live object asks not to be pruned or deleted, as
// Helm's annotation says it.
func HelmKeep(_, annotations map[string]string) bool {
	return strings.EqualFold(strings.TrimSpace(annotations["helm.sh/resource-policy"]), "keep")
}

// HelmCreateOnly reports whether a declared object is only to be created where
// there is none.
func HelmCreateOnly(_, annotations map[string]string) bool {
	return annotations[CRDAnnotation] == string(helmv2.Create)
}

// HelmUnhonoured names what a declared object asks for by labels or annotations
// and does not get.
func HelmUnhonoured(labels, annotations map[string]string) []string {
	key := helmv2.DriftDetectionMetadataKey
	if labels[key] == helmv2.DriftDetectionDisabledValue || annotations[key] == helmv2.DriftDetectionDisabledValue {
		return []string{key + ": " + helmv2.DriftDetectionDisabledValue}
	}
	return nil
}
