package flux

import (
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Traits are what an object asks for by Flux's keys, as labels or as annotations,
// in any case: it stays where prune or reconcile is "disabled" or ssa is "Ignore",
// and is only created, where there is none, if ssa is "IfNotPresent".
func Traits(labels, annotations map[string]string) model.Traits {
	var t model.Traits
	if asks(labels, annotations, "prune", kustomizev1.DisabledValue) || Skip(labels, annotations) {
		t.Prune, t.Delete = model.ConsentNo, model.ConsentNo
	}
	t.CreateOnly = asks(labels, annotations, "ssa", kustomizev1.IfNotPresentValue)
	return t
}

// Unhonoured names what a declared object asks for by Flux's labels or
// annotations and does not get.
func Unhonoured(labels, annotations map[string]string) []string {
	var out []string
	for _, ask := range []struct{ key, value string }{
		{"ssa", kustomizev1.MergeValue}, {"force", kustomizev1.EnabledValue},
	} {
		if asks(labels, annotations, ask.key, ask.value) {
			out = append(out, kustomizev1.GroupVersion.Group+"/"+ask.key+": "+ask.value)
		}
	}
	return out
}

// Skip reports whether a declared object asks to be left alone: reconcile is
// "disabled", or ssa is "Ignore".
func Skip(labels, annotations map[string]string) bool {
	return asks(labels, annotations, "reconcile", kustomizev1.DisabledValue) ||
		asks(labels, annotations, "ssa", kustomizev1.IgnoreValue)
}

func asks(labels, annotations map[string]string, key, value string) bool {
	key = kustomizev1.GroupVersion.Group + "/" + key
	return strings.EqualFold(labels[key], value) || strings.EqualFold(annotations[key], value)
}
