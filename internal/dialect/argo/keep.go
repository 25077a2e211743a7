package argo

import (
	"slices"
	"strings"
)

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

// obeyed are the sync options of an object that are obeyed, or ask for what is
// done in any case.
var obeyed = []string{
	"Prune=false", "Prune=confirm", "Delete=false", "Delete=confirm", "ServerSideApply=true", "Replace=false", "Force=false",
}

// Unhonoured names what a declared object asks for by its annotations and does
// not get.
func Unhonoured(_, annotations map[string]string) []string {
	var out []string
	for option := range strings.SplitSeq(annotations[annotationSyncOptions], ",") {
		if o := strings.TrimSpace(option); o != "" && !slices.Contains(obeyed, o) {
			out = append(out, annotationSyncOptions+": "+o)
		}
	}
	for _, key := range []string{
		"argocd.argoproj.io/compare-options", "argocd.argoproj.io/ignore-healthcheck",
		"argocd.argoproj.io/ignore-resource-updates",
	} {
		if v := annotations[key]; v != "" {
			out = append(out, key+": "+v)
		}
	}
	return out
}
