package argo

import (
	"slices"
	"strings"
)

// Keep reports whether a live object asks not to be pruned or deleted: one of
// the options of argocd.argoproj.io/sync-options is Prune=false or Delete=false,
// or helm.sh/resource-policy is keep. Argo CD keeps apart what holds for prunes
// and what for the app's deletion; here either protects from both.
func Keep(_, annotations map[string]string) bool {
	if annotations["helm.sh/resource-policy"] == "keep" {
		return true
	}
	options := strings.Split(annotations["argocd.argoproj.io/sync-options"], ",")
	return slices.ContainsFunc(options, func(o string) bool {
		o = strings.TrimSpace(o)
		return o == "Prune=false" || o == "Delete=false"
	})
}
