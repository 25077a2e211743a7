package argo

import (
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Annotations that make an object a hook.
const (
	annotationHook             = "argocd.argoproj.io/hook"
	annotationHookDelete       = "argocd.argoproj.io/hook-delete-policy"
	annotationHelmHook         = "helm.sh/hook"
	annotationHelmHookDelete   = "helm.sh/hook-delete-policy"
	annotationHelmWeight       = "helm.sh/hook-weight"
	hookSkip                   = "Skip"
	helmHookCRD                = "crd-install"
	adviceUnknownHook          = "no phase of a sync"
	adviceHookless             = "no phase of a sync: the object is never applied"
	adviceUnknownDeletePolicy  = "no moment at which hooks are deleted"
	adviceHelmHookWithoutPhase = "hooks of this kind are never run by a sync"
)

// helmPhases are the phases in which Helm's hooks run. Its other hooks, those of
// tests and rollbacks, run in none.
var helmPhases = map[string]model.SyncPhase{
	"pre-install": model.PhasePreSync, "pre-upgrade": model.PhasePreSync,
	"post-install": model.PhasePostSync, "post-upgrade": model.PhasePostSync,
	"pre-delete": model.PhasePreDelete, "post-delete": model.PhasePostDelete,
}

var hookPolicies = map[string]model.HookPolicies{
	"HookSucceeded": model.HookSucceeded, "HookFailed": model.HookFailed, "BeforeHookCreation": model.BeforeHookCreation,
}

var helmHookPolicies = map[string]model.HookPolicies{
	"hook-succeeded": model.HookSucceeded, "hook-failed": model.HookFailed, "before-hook-creation": model.BeforeHookCreation,
}

// readHook fills in what makes the object a hook, and returns what of it is not
// obeyed. Helm's annotations count only where there is none of Argo CD.
func readHook(t *model.Traits, annotations map[string]string) []string {
	var complaints []string
	if text, ok := annotations[annotationHook]; ok {
		complaints = readArgoHook(t, text)
	} else if text, ok := annotations[annotationHelmHook]; ok && text != helmHookCRD {
		complaints = readHelmHook(t, text)
	}
	if !t.IsHook() {
		return complaints
	}
	for value := range values(annotations[annotationHookDelete]) {
		policy, known := hookPolicies[value]
		if t.HookDelete |= policy; !known {
			complaints = append(complaints, complaint(annotationHookDelete, value, adviceUnknownDeletePolicy, nearest(value, hookPolicies)))
		}
	}
	for value := range values(annotations[annotationHelmHookDelete]) {
		policy, known := helmHookPolicies[value]
		if t.HookDelete |= policy; !known {
			complaints = append(complaints, complaint(annotationHelmHookDelete, value, adviceUnknownDeletePolicy, nearest(value, helmHookPolicies)))
		}
	}
	return complaints
}

// readArgoHook reads the phases. Skip alone keeps the object from being applied;
// beside a phase it says nothing.
func readArgoHook(t *model.Traits, text string) (complaints []string) {
	skip := false
	var unknown []string
	for value := range values(text) {
		phase := model.PhasesOf(model.SyncPhase(value))
		if t.Hooks |= phase; value == hookSkip {
			skip = true
		} else if phase == 0 {
			unknown = append(unknown, value)
		}
	}
	t.Skip = skip && t.Hooks == 0
	why := adviceUnknownHook
	if t.Hooks == 0 && !skip {
		t.Hooks, why = model.PhaseHookless, adviceHookless
		if len(unknown) == 0 {
			unknown = []string{""}
		}
	}
	for _, value := range unknown {
		complaints = append(complaints, complaint(annotationHook, value, why, nearest(value, argoPhases)))
	}
	return complaints
}

func readHelmHook(t *model.Traits, text string) (complaints []string) {
	for value := range values(text) {
		if phase, ok := helmPhases[value]; ok {
			t.Hooks |= model.PhasesOf(phase)
		} else if value != helmHookCRD && !strings.HasPrefix(value, "test") { // every chart has tests, which only people run
			complaints = append(complaints, complaint(annotationHelmHook, value, adviceHelmHookWithoutPhase, ""))
		}
	}
	if t.Hooks == 0 {
		t.Hooks = model.PhaseHookless
	}
	return complaints
}

// argoPhases are the values of the annotation hook.
var argoPhases = func() map[string]model.SyncPhase {
	out := map[string]model.SyncPhase{hookSkip: ""}
	for _, p := range model.AllPhases {
		out[string(p)] = p
	}
	return out
}()

// values are the values of a list that is separated by commas.
func values(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for value := range strings.SplitSeq(text, ",") {
			if value = strings.TrimSpace(value); value != "" && !yield(value) {
				return
			}
		}
	}
}

// complaint names a value that is not obeyed, why, and what may be meant.
func complaint(key, value, why, meant string) string {
	if value == "" {
		value = `""`
	}
	return key + ": " + value + " (" + why + prefixed("; did you mean ", meant, "?") + ")"
}
