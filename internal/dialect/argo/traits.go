package argo

import (
	"math"
	"strconv"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Annotations of a managed object that are obeyed, besides those of hooks.
const (
	annotationWave           = "argocd.argoproj.io/sync-wave"
	annotationSyncOptions    = "argocd.argoproj.io/sync-options"
	annotationCompareOptions = "argocd.argoproj.io/compare-options"
	annotationIgnoreHealth   = "argocd.argoproj.io/ignore-healthcheck"
	annotationHelmPolicy     = "helm.sh/resource-policy"
)

// Traits are what an object asks for by its annotations.
func Traits(_, annotations map[string]string) model.Traits {
	t, _ := readTraits(annotations)
	return t
}

// Unhonoured names what a declared object asks for by its annotations and does
// not get, and why.
func Unhonoured(_, annotations map[string]string) []string {
	_, complaints := readTraits(annotations)
	return complaints
}

// readTraits reads all annotations. Of values that contradict each other the
// careful one counts.
func readTraits(annotations map[string]string) (t model.Traits, complaints []string) {
	if len(annotations) == 0 {
		return t, nil
	}
	complaints = readHook(&t, annotations)
	var wrong string
	if t.Wave, wrong = waveOf(annotations); wrong != "" {
		complaints = append(complaints, wrong)
	}
	if text := annotations[annotationSyncOptions]; text != "" {
		complaints = append(complaints, readSyncOptions(&t, text)...)
	}
	if annotations[annotationHelmPolicy] == "keep" {
		t.Delete = model.ConsentNo
	}
	for value := range values(annotations[annotationCompareOptions]) {
		switch _, known := compareOptions[value]; {
		case value == optionExtraneous:
			t.IgnoreExtraneous = true
		case !known:
			complaints = append(complaints, complaint(annotationCompareOptions, value, adviceUnknownOption, nearest(value, compareOptions)))
		}
	}
	switch v := annotations[annotationIgnoreHealth]; v {
	case "true":
		t.IgnoreHealth = true
	case "", "false":
	default:
		complaints = append(complaints, complaint(annotationIgnoreHealth, v, `only "true" counts`, ""))
	}
	return t, complaints
}

// The values of the annotation compare-options. Those of the comparison itself
// are for an Application; where it is an object of another they change nothing.
const (
	optionExtraneous   = "IgnoreExtraneous"
	optionServerDiff   = "ServerSideDiff=true"
	optionClientDiff   = "ServerSideDiff=false"
	optionKeepWebhooks = "IncludeMutationWebhook=true"
	optionDropWebhooks = "IncludeMutationWebhook=false"
)

var compareOptions = map[string]bool{
	optionExtraneous: true, optionServerDiff: true, optionClientDiff: true, optionKeepWebhooks: true, optionDropWebhooks: true,
}

// waveOf is the sync wave. Where it is no whole number, or there is none, it is
// Helm's weight.
func waveOf(annotations map[string]string) (wave int32, wrong string) {
	if text, ok := annotations[annotationWave]; ok {
		if wave, ok := whole(text); ok {
			return wave, ""
		}
		wrong = complaint(annotationWave, text, "no whole number", "")
	}
	if text, ok := annotations[annotationHelmWeight]; ok {
		if wave, ok := whole(text); ok {
			return wave, wrong
		}
		if wrong == "" {
			wrong = complaint(annotationHelmWeight, text, "no whole number", "")
		}
	}
	return 0, wrong
}

// whole reads a whole number, or the nearest that a wave can be.
func whole(text string) (int32, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return int32(min(max(n, math.MinInt32), math.MaxInt32)), err == nil
}
