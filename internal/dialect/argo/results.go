package argo

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The statuses of a result.
const (
	resultSynced       = "Synced"
	resultFailed       = "SyncFailed"
	resultPruned       = "Pruned"
	resultPruneSkipped = "PruneSkipped"
)

// done are the texts by which the result of an action is told, after the object's
// name, and known again. Argo CD shows kubectl's.
var done = []struct {
	action model.Action
	text   string
}{
	{model.ActionCreate, "created"},
	{model.ActionUpdate, "configured"},
	{model.ActionUpdate, "serverside-applied"}, // only read: Argo CD's
	{model.ActionKeep, "unchanged"},
	{model.ActionCheck, "checked"},
}

// failedTo are the texts before the error of an action; a refusal has none.
var failedTo = []struct {
	action model.Action
	text   string
}{
	{model.ActionCreate, "not created: "},
	{model.ActionUpdate, "not configured: "},
	{model.ActionKeep, "not synced: "},
	{model.ActionCheck, "not checked: "},
	{model.ActionDelete, "not pruned: "},
	{model.ActionLeave, "not left: "},
	{model.ActionWait, "not waited for: "},
}

const (
	textPruned   = "pruned"
	textSkipped  = "ignored (no prune)"
	textWaits    = "waiting: "
	suffixDryRun = " (dry run)"
)

// results are what an operation did, ordered by object and phase. resultOf reads
// them again. Once it has ended each has a state, as Argo CD shows it: who repeats
// the operation begins anew with them.
func results(op model.Operation) []v1alpha1.ResourceResult {
	var out []v1alpha1.ResourceResult
	for _, r := range op.Results {
		switch {
		case op.Phase == model.PhaseSucceeded && r.Err == nil:
			r.State = cmp.Or(r.State, model.HookStateSucceeded)
		case op.Phase.Done() && r.Err != nil:
			r.State = cmp.Or(r.State, model.HookStateFailed)
		}
		phase := cmp.Or(r.Phase, model.PhaseSync)
		res := v1alpha1.ResourceResult{
			Group: r.Object.Group, Version: r.Object.Version, Kind: r.Object.Kind,
			Namespace: r.Object.Namespace, Name: r.Object.Name,
			SyncPhase: string(phase), HookPhase: string(r.State), Images: r.Images,
		}
		if r.Hook {
			res.HookType = string(phase)
		}
		res.Status, res.Message = resultText(r)
		if op.Request.DryRun && (res.Status == resultSynced || res.Status == resultPruned) {
			res.Message += suffixDryRun
		}
		out = append(out, res)
	}
	slices.SortStableFunc(out, func(a, b v1alpha1.ResourceResult) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
			cmp.Compare(phaseIndex(a.SyncPhase), phaseIndex(b.SyncPhase)))
	})
	return out
}

func phaseIndex(phase string) int {
	return slices.Index(model.AllPhases[:], model.SyncPhase(phase))
}

// resultText is Argo CD's status of a result, and a text that names its action.
func resultText(r model.Result) (status, message string) {
	switch {
	case r.Err != nil && ranBadly(r):
		r.Message = r.Err.Error() // the object was made; it is its run that failed
	case r.Err != nil:
		return resultFailed, failureText(r.Action) + r.Err.Error()
	case r.Action == model.ActionRefuse:
		return resultFailed, r.Message
	case r.Action == model.ActionDelete:
		return resultPruned, withDetail(textPruned, r)
	case r.Action == model.ActionLeave:
		return resultPruneSkipped, cmp.Or(r.Message, textSkipped)
	case r.Action == model.ActionWait:
		return "", textWaits + r.Message
	}
	text := "unchanged"
	for _, d := range done {
		if d.action == r.Action {
			text = d.text
			break
		}
	}
	return resultSynced, withDetail(plainName(r.Object)+" "+text, r)
}

// ranBadly reports whether a hook has failed that was made: in the sequence's words
// it "failed", "was stopped" or "is missing".
func ranBadly(r model.Result) bool {
	if !r.Hook || r.State != model.HookStateFailed || (r.Action != model.ActionCreate && r.Action != model.ActionUpdate) {
		return false
	}
	text := r.Err.Error()
	return strings.HasPrefix(text, "failed") || strings.HasPrefix(text, "was stopped") || strings.HasPrefix(text, "is missing")
}

func failureText(action model.Action) string {
	for _, f := range failedTo {
		if f.action == action {
			return f.text
		}
	}
	return ""
}

// withDetail adds what the engine says of a hook, or of what is waited for or has
// failed: of all others it only repeats why they were written, and what the API
// server warned of.
func withDetail(text string, r model.Result) string {
	if !r.Hook && r.State != model.HookStateRunning && r.State != model.HookStateFailed {
		return text + prefixed(": ", warned(r.Message), "")
	}
	return text + prefixed(": ", r.Message, "")
}

// warned is what a message warns of.
func warned(message string) string {
	if i := strings.Index(message, "warning: "); i >= 0 {
		return message[i:]
	}
	return ""
}

// plainName is the object's name as kubectl prints it.
func plainName(o model.ObjectRef) string {
	kind := strings.ToLower(o.Kind)
	if o.Group != "" {
		kind += "." + o.Group
	}
	return kind + "/" + o.Name
}

// resultOf is the result that a status records: its object, phase, action and
// state as they were, whether it is a hook's, and whether it failed. What Argo CD
// has written is read as far as it says so.
func resultOf(r v1alpha1.ResourceResult) model.Result {
	out := model.Result{
		Object: model.ObjectRef{
			ObjectKey: model.ObjectKey{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name},
			Version:   r.Version,
		},
		Phase: cmp.Or(model.SyncPhase(r.SyncPhase), model.SyncPhase(r.HookType), model.PhaseSync),
		Hook:  r.HookType != "", State: stateOf(r.HookPhase), Images: r.Images,
	}
	text := strings.TrimSuffix(r.Message, suffixDryRun)
	switch {
	case r.Status == resultFailed:
		out.Action, text = actionFailed(text)
		out.Message, out.Err = text, errors.New(text)
	case r.Status == resultPruned:
		out.Action, out.Message = model.ActionDelete, strings.TrimPrefix(strings.TrimPrefix(text, textPruned), ": ")
	case r.Status == resultPruneSkipped:
		out.Action, out.Message = model.ActionLeave, text
	case r.Status == "" && strings.HasPrefix(text, textWaits):
		out.Action, out.Message = model.ActionWait, strings.TrimPrefix(text, textWaits)
	default:
		out.Action, out.Message = actionDone(out, text)
		bad := out
		if bad.Err = errors.New(out.Message); ranBadly(bad) {
			out = bad
		}
	}
	return out
}

// stateOf reads a hookPhase. Error is one that only Argo CD writes.
func stateOf(phase string) model.HookState {
	switch phase {
	case "Error":
		return model.HookStateFailed
	case phaseTerminating:
		return model.HookStateRunning
	}
	return model.HookState(phase)
}

func actionFailed(text string) (action model.Action, reason string) {
	for _, f := range failedTo {
		if reason, ok := strings.CutPrefix(text, f.text); ok {
			return f.action, reason
		}
	}
	return model.ActionRefuse, text
}

// actionDone is the action that a text names, with the rest of the text. A hook of
// which it doesn't say so was created.
func actionDone(r model.Result, text string) (action model.Action, detail string) {
	for _, d := range done {
		rest, ok := strings.CutPrefix(text, plainName(r.Object)+" "+d.text)
		if ok && (rest == "" || strings.HasPrefix(rest, ": ")) {
			return d.action, strings.TrimPrefix(rest, ": ")
		}
	}
	if r.Hook {
		return model.ActionCreate, text
	}
	return model.ActionKeep, text
}
