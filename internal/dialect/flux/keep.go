package flux

import (
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
)

// Keep reports whether a live object asks not to be pruned or deleted: one of
// Flux's keys prune or reconcile is "disabled", or ssa is "Ignore". Flux reads
// them as labels and as annotations, in any case.
func Keep(labels, annotations map[string]string) bool {
	for key, value := range map[string]string{
		"prune":     kustomizev1.DisabledValue,
		"reconcile": kustomizev1.DisabledValue,
		"ssa":       kustomizev1.IgnoreValue,
	} {
		key = kustomizev1.GroupVersion.Group + "/" + key
		if strings.EqualFold(labels[key], value) || strings.EqualFold(annotations[key], value) {
			return true
		}
	}
	return false
}
