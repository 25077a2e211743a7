package flux

import (
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// CRDAnnotation, with the value Create, is on the custom resource definitions of
// a chart's crds folder that are only to be created where there are none.
const CRDAnnotation = "fixpoint-cd.github.io/crds"

// HelmTraits are what an object of a chart asks for: it stays where Helm's
// annotation says keep.
func HelmTraits(_, annotations map[string]string) model.Traits {
	var t model.Traits
	if strings.EqualFold(strings.TrimSpace(annotations["helm.sh/resource-policy"]), "keep") {
		t.Prune, t.Delete = model.ConsentNo, model.ConsentNo
	}
	t.CreateOnly = annotations[CRDAnnotation] == string(helmv2.Create)
	return t
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
