package argo

import (
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Annotations of a managed object that are obeyed.
const (
	annotationSyncOptions = "argocd.argoproj.io/sync-options"
	annotationHelmPolicy  = "helm.sh/resource-policy"
)

// Traits are what an object asks for by its annotations.
func Traits(_, annotations map[string]string) model.Traits {
	var t model.Traits
	if annotations[annotationHelmPolicy] == "keep" {
		t.Delete = model.ConsentNo
	}
	for option := range strings.SplitSeq(annotations[annotationSyncOptions], ",") {
		switch strings.TrimSpace(option) {
		case "Prune=false":
			t.Prune = model.ConsentNo
		case "Prune=confirm":
			t.Prune = model.ConsentConfirm
		case "Delete=false":
			t.Delete = model.ConsentNo
		case "Delete=confirm":
			t.Delete = model.ConsentConfirm
		}
	}
	return t
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
