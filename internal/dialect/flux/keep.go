package flux

import "strings"

// Keep reports whether a live object asks not to be pruned or deleted: label or
// annotation kustomize.toolkit.fluxcd.io/prune or /reconcile is "disabled", or
// /ssa is "Ignore"; case does not matter.
func Keep(labels, annotations map[string]string) bool {
	for _, m := range []map[string]string{labels, annotations} {
		if strings.EqualFold(m[group+"/prune"], "disabled") || strings.EqualFold(m[group+"/reconcile"], "disabled") ||
			strings.EqualFold(m[group+"/ssa"], "ignore") {
			return true
		}
	}
	return false
}

const group = "kustomize.toolkit.fluxcd.io"
