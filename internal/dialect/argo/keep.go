package argo

import "strings"

// Annotations of a managed object that are obeyed.
const (
	annotationSyncOptions = "argocd.argoproj.io/sync-options"
	annotationHelmPolicy  = "helm.sh/resource-policy"
)

// Keep reports whether a live object asks not to be pruned or deleted: one of
// its sync options is Prune=false or Delete=false, or either of them with
// confirm, or helm.sh/resource-policy is keep. Argo CD keeps apart what holds for
// prunes and what for the app's deletion, and can be given a confirmation; here
// each protects from both.
func Keep(_, annotations map[string]string) bool {
	if annotations[annotationHelmPolicy] == "keep" {
		return true
	}
	for option := range strings.SplitSeq(annotations[annotationSyncOptions], ",") {
		switch strings.TrimSpace(option) {
		case "Prune=false", "Prune=confirm", "Delete=false", "Delete=confirm":
			return true
		}
	}
	return false
}
