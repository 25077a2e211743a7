package model

import (
	"slices"
	"strings"
)

// Traits are what an object asks for by its own labels and annotations, or what
// an app asks for all its objects. The zero value asks for nothing.
type Traits struct {
	// Wave orders it: everything of a lower wave has to be there and healthy first.
	Wave int32
	// Hooks are the phases that the object is a hook of; none: it is no hook.
	Hooks Phases
	// HookDelete says when a hook is deleted; none of a hook is BeforeHookCreation.
	HookDelete HookPolicies
	// Skip: it is never applied.
	Skip bool
	// Prune says whether it may be deleted once it is no longer declared, Delete
	// whether together with the app.
	Prune, Delete Consent
	// PruneLast deletes it after the last wave.
	PruneLast Choice
	// Replace writes it by replacing it instead of applying it, Force deletes and
	// creates it where a change is refused.
	Replace, Force Choice
	// Validate: No leaves validation by schema out.
	Validate Choice
	// CreateOnly: what exists is left as it is.
	CreateOnly bool
	// SkipDryRun: that its kind is not known yet is no error before the sync.
	SkipDryRun Choice
	// IgnoreExtraneous: where it is not declared, the app is in sync all the same.
	IgnoreExtraneous bool
	// IgnoreHealth: its health does not count.
	IgnoreHealth bool
}

// Choice is yes, no, or nothing said.
type Choice int8

// The choices.
const (
	Unsaid Choice = iota
	Yes
	No
)

// Or is c, or preset where nothing is said.
func (c Choice) Or(preset Choice) Choice {
	if c == Unsaid {
		return preset
	}
	return c
}

// Consent says whether something may be deleted.
type Consent int8

// The consents.
const (
	ConsentUnsaid Consent = iota // as what stands above it says; at last: yes
	ConsentYes
	ConsentNo
	// ConsentConfirm: not before somebody has agreed.
	ConsentConfirm
)

// Or is c, or preset where nothing is said.
func (c Consent) Or(preset Consent) Consent {
	if c == ConsentUnsaid {
		return preset
	}
	return c
}

// Over are the traits of an object, with what it doesn't say taken from those
// of its app. Waves and hooks are the object's own.
func (t Traits) Over(app Traits) Traits {
	t.Prune, t.Delete = t.Prune.Or(app.Prune), t.Delete.Or(app.Delete)
	t.PruneLast, t.Replace, t.Force = t.PruneLast.Or(app.PruneLast), t.Replace.Or(app.Replace), t.Force.Or(app.Force)
	t.Validate, t.SkipDryRun = t.Validate.Or(app.Validate), t.SkipDryRun.Or(app.SkipDryRun)
	t.CreateOnly = t.CreateOnly || app.CreateOnly
	t.IgnoreExtraneous = t.IgnoreExtraneous || app.IgnoreExtraneous
	return t
}

// IsHook reports whether the object runs in phases of its own and is not part of
// the app's state.
func (t Traits) IsHook() bool { return t.Hooks != 0 }

// SyncPhase is a part of a sync or of an app's deletion. Its texts are Argo CD's.
type SyncPhase string

// The phases, in the order in which they come. The app's own objects are of
// PhaseSync. SyncFail comes only after a failure, PreDelete and PostDelete only
// when the app goes.
const (
	PhasePreSync    SyncPhase = "PreSync"
	PhaseSync       SyncPhase = "Sync"
	PhasePostSync   SyncPhase = "PostSync"
	PhaseSyncFail   SyncPhase = "SyncFail"
	PhasePreDelete  SyncPhase = "PreDelete"
	PhasePostDelete SyncPhase = "PostDelete"
)

// AllPhases are all of them in order.
var AllPhases = [...]SyncPhase{PhasePreSync, PhaseSync, PhasePostSync, PhaseSyncFail, PhasePreDelete, PhasePostDelete}

// Phases is a set of them.
type Phases uint8

// PhaseHookless is in the set of a hook whose phases nobody knows: it never runs.
const PhaseHookless Phases = 1 << 7

// PhasesOf is the set of some phases.
func PhasesOf(phases ...SyncPhase) Phases {
	var out Phases
	for _, p := range phases {
		if i := slices.Index(AllPhases[:], p); i >= 0 {
			out |= 1 << i
		}
	}
	return out
}

// Has reports whether the phase is in the set.
func (s Phases) Has(p SyncPhase) bool { return s&PhasesOf(p) != 0 }

// List are the phases of the set, in order.
func (s Phases) List() []SyncPhase {
	var out []SyncPhase
	for _, p := range AllPhases {
		if s.Has(p) {
			out = append(out, p)
		}
	}
	return out
}

// String are the phases, separated by commas.
func (s Phases) String() string {
	var out []string
	for _, p := range s.List() {
		out = append(out, string(p))
	}
	return strings.Join(out, ",")
}

// HookPolicies is a set of moments at which a hook is deleted.
type HookPolicies uint8

// The moments.
const (
	HookSucceeded      HookPolicies = 1 << iota // when the operation has succeeded
	HookFailed                                  // when it has failed
	BeforeHookCreation                          // before the hook is created anew
)

// Has reports whether p is in the set; of an empty set BeforeHookCreation is.
func (s HookPolicies) Has(p HookPolicies) bool {
	if s == 0 {
		s = BeforeHookCreation
	}
	return s&p != 0
}

// HookState is how far a task of an operation has come, in Argo CD's words.
type HookState string

// The states. An object of PhaseSync has them too: it has succeeded when it is
// written and, where its wave is waited for, healthy.
const (
	HookStateNone      HookState = ""
	HookStateRunning   HookState = "Running"
	HookStateSucceeded HookState = "Succeeded"
	HookStateFailed    HookState = "Failed"
)
