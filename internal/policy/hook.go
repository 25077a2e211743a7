package policy

import (
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Annotations of Argo CD, and the one of Helm that it reads as well.
const (
	annotationHook     = "argocd.argoproj.io/hook"
	annotationWave     = "argocd.argoproj.io/sync-wave"
	annotationHelmHook = "helm.sh/hook"
)

type hookKind int

const (
	hookNone hookKind = iota
	hookRun           // runs at some point of a sync
	hookSkip          // is never applied
)

// hook says what the annotations make of an object. Those of Helm count only
// where there is none of Argo CD; crd-install is no hook for Argo CD.
func hook(o model.Object) hookKind {
	if v, ok := o.Annotations[annotationHook]; ok {
		if strings.TrimSpace(v) == "Skip" {
			return hookSkip
		}
		return hookRun
	}
	if v, ok := o.Annotations[annotationHelmHook]; ok && v != "crd-install" {
		return hookRun
	}
	return hookNone
}
