// Package decide compares what is desired with what is live and says what to
// do: a pure function from values to a model.Plan. It is what the controller,
// diffs, dry runs and previews call; nothing else compares.
//
// It reads no content of live objects. Whether an object is as it was applied
// is told by two digests: that of the desired object, and that of the fields
// that our field manager owns in the live one (see package target).
package decide

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Desired is an object of an app's desired state.
type Desired struct {
	model.Object
	// Implicit: only its absence matters; it is never updated nor deleted.
	Implicit bool
	// First: it comes before everything else.
	First bool
	// Careful: some of its differences don't count, which only a dry run can tell.
	Careful bool
	// Basis is that of a Pair which is made of it now.
	Basis uint64
	// Traits are what it asks for, with its app's defaults.
	Traits model.Traits
	// Unknown says why the cluster can't take the object: its kind is not served.
	Unknown error
	// Awaits is the CRD of the same desired state that defines its kind.
	Awaits model.ObjectKey
}

// Input is all that a decision is made of.
type Input struct {
	App     model.AppKey
	Desired []Desired
	// Live holds what exists, of the desired objects and the namespaces they
	// are in.
	Live map[model.ObjectKey]model.Live
	// NoNamespace are namespaces of desired objects that neither exist nor are
	// declared.
	NoNamespace map[string]bool
	// Owned are the live objects that bear the app's mark.
	Owned []model.Live
	// Pairs are those of the app.
	Pairs map[model.ObjectKey]model.Pair
	// Claims are the apps that declare an object, where there are others than App.
	Claims map[model.ObjectKey][]model.AppKey
	Rules  model.Sync
	// Deleting: the app itself is being deleted.
	Deleting bool
}

// Plan decides. Its steps are in the order in which they are to be done.
func Plan(in Input) model.Plan {
	var plan model.Plan
	declared := make(map[model.ObjectKey]bool, len(in.Desired))
	for _, d := range in.Desired {
		declared[d.ObjectKey] = true
		if step, ok := in.write(d); ok {
			plan.Steps = append(plan.Steps, step)
		}
	}
	sortSteps(plan.Steps)
	var prunes []model.Step
	for _, l := range in.Owned {
		if !declared[l.Ref.ObjectKey] {
			prunes = append(prunes, in.prune(l))
		}
	}
	sortSteps(prunes)
	slices.Reverse(prunes)
	plan.Steps = append(plan.Steps, prunes...)
	plan.Blocked = in.guard(prunes)
	return plan
}

// write decides about an object that is declared.
func (in Input) write(d Desired) (model.Step, bool) {
	step := model.Step{Object: d.ObjectRef, Wave: int(d.Traits.Wave), Stage: Stage(d.ObjectKey), Traits: d.Traits}
	live, exists := in.Live[d.ObjectKey]
	if d.Implicit {
		if exists && !live.Terminating {
			return step, false
		}
	}
	if d.First || d.Implicit {
		step.Stage = -1
	}
	step.Shared = exists && in.foreign(live) && live.Owner.Dialect != in.App.Dialect
	step.Action, step.Reason = in.verdict(d, live, exists)
	return step, true
}

func (in Input) verdict(d Desired, live model.Live, exists bool) (model.Action, string) {
	if action, why := in.Hindrance(d); action != "" {
		return action, why
	}
	pair, known := in.Pairs[d.ObjectKey]
	switch {
	case !exists && known:
		return model.ActionCreate, "was deleted"
	case !exists:
		return model.ActionCreate, "does not exist"
	case live.Terminating:
		return model.ActionWait, "is being deleted"
	case d.Traits.CreateOnly:
		return model.ActionKeep, ""
	case in.foreign(live) && live.Owner.Dialect == in.App.Dialect:
		return model.ActionRefuse, fmt.Sprintf("belongs to app %s, which declares it too: remove it from one of the two", live.Owner)
	case !live.Owner.IsZero() && live.Owner != in.App && !in.foreign(live):
		return model.ActionUpdate, fmt.Sprintf("taken over from app %s", live.Owner)
	}
	return in.compare(d, live, pair, known)
}

// Hindrance says why an object can't be written, now or at all: ActionWait or
// ActionRefuse, and why; "" if nothing hinders it.
func (in Input) Hindrance(d Desired) (model.Action, string) {
	if d.Unknown != nil {
		switch {
		case d.Awaits != (model.ObjectKey{}):
			return model.ActionWait, fmt.Sprintf("waits for %s to be established", d.Awaits)
		case d.Traits.SkipDryRun == model.Yes:
			return model.ActionWait, "waits for its kind: " + d.Unknown.Error()
		}
		return model.ActionRefuse, d.Unknown.Error()
	}
	if ns, ok := in.Live[namespaceKey(d.Namespace)]; d.Namespace != "" && ok && ns.Terminating {
		return model.ActionWait, fmt.Sprintf("namespace %q is being deleted", d.Namespace)
	}
	if in.NoNamespace[d.Namespace] {
		return model.ActionRefuse, fmt.Sprintf(
			"namespace %q does not exist: declare it, or let it be created (Argo CD: CreateNamespace=true)", d.Namespace)
	}
	return "", ""
}

// compare decides about an object that exists and is the app's to write.
func (in Input) compare(d Desired, live model.Live, pair model.Pair, known bool) (model.Action, string) {
	switch {
	case !known && live.Fields.IsZero():
		return model.ActionUpdate, "was not applied by this app before"
	case !known:
		return model.ActionCheck, "was applied by another run or tool"
	case pair.Basis != d.Basis && (pair.Desired == d.Digest || d.Careful || !in.Rules.Auto || !in.Rules.SelfHeal):
		// Other marks alone are nothing that nobody repairs.
		return model.ActionCheck, "is compared or marked in another way"
	case pair.Differs && pair.Matches(live) && pair.Desired == d.Digest:
		return model.ActionUpdate, "differs"
	case pair.Desired != d.Digest && (d.Careful || !in.Rules.Auto) && !live.Fields.IsZero():
		// What is written differently may mean the same.
		return model.ActionCheck, "changed in the source"
	case pair.Desired != d.Digest && pair.Matches(live) && pair.Certain(live):
		return model.ActionUpdate, "changed in the source"
	case pair.Desired != d.Digest && !live.Fields.IsZero():
		// A run that was killed may have written it already.
		return model.ActionCheck, "changed in the source, and since it was last seen"
	case pair.Matches(live):
		return model.ActionKeep, ""
	case pair.UID == live.UID && pair.Fields == live.Fields:
		return model.ActionCheck, "was applied by somebody else under our name"
	case d.Careful || !in.Rules.Auto || !in.Rules.SelfHeal:
		// To repair it costs no more than to ask; where nobody does, what is shown
		// has to be true.
		return model.ActionCheck, "was changed by somebody else"
	}
	return model.ActionUpdate, "was changed by somebody else"
}

// foreign reports whether the object is another app's that still declares it.
func (in Input) foreign(live model.Live) bool {
	return !live.Owner.IsZero() && live.Owner != in.App && slices.Contains(in.Claims[live.Ref.ObjectKey], live.Owner)
}

// prune decides about an object that bears the app's mark and is not declared.
func (in Input) prune(l model.Live) model.Step {
	traits := l.Traits.Over(in.Rules.Defaults)
	step := model.Step{
		Object: l.Ref, Stage: Stage(l.Ref.ObjectKey), Wave: int(traits.Wave), Traits: traits,
		Action: model.ActionDelete, Reason: "no longer declared",
	}
	if in.Deleting {
		step.Reason = "the app is being deleted"
	}
	leave := func(why string) model.Step {
		step.Action, step.Reason = model.ActionLeave, why
		return step
	}
	switch {
	case l.Terminating && !in.Deleting && !in.Rules.Prune:
		return leave("is being deleted by somebody else")
	case l.Terminating:
		step.Action, step.Reason = model.ActionWait, "is being deleted"
		return step
	case kept(traits, in.Deleting) == model.ConsentNo:
		return leave("asks to be kept")
	case slices.ContainsFunc(in.Claims[l.Ref.ObjectKey], func(a model.AppKey) bool { return a != in.App }):
		return leave("is declared by another app now")
	case !in.Deleting && !in.Rules.Prune:
		return leave("no longer declared; pruning is off")
	}
	return step
}

// kept says whether an object may be deleted, by itself or with its app.
func kept(t model.Traits, deleting bool) model.Consent {
	if deleting {
		return t.Delete
	}
	return t.Prune
}

// guard keeps an empty desired state from deleting everything.
func (in Input) guard(prunes []model.Step) error {
	deletes := 0
	for _, s := range prunes {
		if s.Action == model.ActionDelete {
			deletes++
		}
	}
	if in.Deleting || in.Rules.AllowEmpty || deletes == 0 || slices.ContainsFunc(in.Desired, explicit) {
		return nil
	}
	return model.As(model.ErrDenied, fmt.Errorf(
		"the source declares no objects: syncing would delete all %d objects of the app; permit it (Argo CD: syncPolicy.automated.allowEmpty, Flux: annotation fixpoint-cd.github.io/allow-empty) if that is meant", deletes))
}

func explicit(d Desired) bool { return !d.Implicit && !d.First }

func namespaceKey(ns string) model.ObjectKey { return model.ObjectKey{Kind: "Namespace", Name: ns} }

func sortSteps(steps []model.Step) {
	slices.SortStableFunc(steps, func(a, b model.Step) int {
		return cmp.Or(a.Wave-b.Wave, a.Stage-b.Stage, a.Object.Compare(b.Object.ObjectKey))
	})
}
