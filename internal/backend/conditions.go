package backend

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// conditions are what is wrong with an app, or worth knowing, worst first.
func (b *Backend) conditions(app view.App, r model.Report, obj *unstructured.Unstructured) []view.Condition {
	var out []view.Condition
	declared, _ := b.Engine.App(app.Key)
	if declared.Invalid != nil {
		out = append(out, view.Condition{
			Severity: view.SeverityError, Type: "Declaration", Text: declared.Invalid.Error(),
			Next: "Correct the " + app.Kind + " where it is declared.",
		})
	}
	goesOn := r.Stage == model.StageDelete && r.Health.Status == model.Progressing // no trouble: Blocking has it
	if r.Err != nil && !goesOn && (declared.Invalid == nil || r.Stage != model.StageSpec) {
		out = append(out, b.troubleOf(app, r))
	}
	for _, text := range r.Blocking {
		out = append(out, view.Condition{Severity: view.SeverityError, Type: "Deletion", Text: text, Next: "The deletion goes on as soon as that is gone."})
	}
	for _, text := range r.Unready {
		if r.Err != nil && r.Stage == model.StageHealth {
			break // the error names them
		}
		out = append(out, view.Condition{Severity: view.SeverityWarning, Type: "Health", Text: "Waits for " + text})
	}
	if app.Suspended {
		out = append(out, view.Condition{
			Severity: view.SeverityInfo, Type: "Suspended", Text: "Nothing is applied or repaired while the " + app.Kind + " is suspended.",
			Next: "Resume it here, or set spec.suspend to false where it is declared.",
		})
	}
	if behind := r.Newest; behind != nil && r.Snapshot != nil && behind.Revision != r.Snapshot.Revision {
		out = append(out, view.Condition{
			Severity: view.SeverityWarning, Type: "Revision",
			Text: fmt.Sprintf("Revision %s is there, but is not what is compared: it can't be rendered. %s is kept up.", model.Short(behind.Revision), model.Short(r.Snapshot.Revision)),
			Next: "Correct the files and push.",
		})
	}
	seen := map[model.Warning]bool{}
	for _, w := range append(slices.Clip(declared.Warnings), r.Warnings...) {
		if !seen[w] {
			seen[w] = true
			out = append(out, view.Condition{Severity: view.SeverityWarning, Type: string(w.Type), Text: w.Message, Next: warningSteps[w.Type]})
		}
	}
	dated(out, obj)
	return out
}

// warningSteps say what to do about warnings.
var warningSteps = map[model.WarningType]string{
	model.WarnShared:   "Take the object out of one of the two apps.",
	model.WarnRepeated: "Keep one of the two in the source.",
	model.WarnExcluded: "Take it out of the source, or change resource.exclusions of argocd-cm.",
	model.WarnField:    "See docs/differences.md for what is not honoured, and what to use instead.",
	model.WarnPrune:    "Allow it by pruning, or keep it in the source.",
	model.WarnFight:    "Let one of the two have the field: see ignoreDifferences.",
	model.WarnRollback: "Push a commit that becomes healthy.",
}

// stageSteps say what to do where a stage fails.
var stageSteps = map[model.Stage]string{
	model.StageSpec:       "Correct the declaration of the app.",
	model.StageSource:     "Check the address, the revision and the credentials; Fixpoint keeps trying, and keeps up what it had.",
	model.StageDependency: "It goes on by itself once the other app is ready.",
	model.StageRender:     "Correct the files named above and push; what was rendered before is kept up.",
	model.StagePolicy:     "Change what is permitted, or take the objects out of the source.",
	model.StageTarget:     "Check that the cluster answers and that its credentials are good; Fixpoint keeps trying.",
	model.StageApply:      "Correct what the API server complains of and push, or sync again.",
	model.StagePrune:      "See which object could not be deleted, and why.",
	model.StageHealth:     "Look at the objects that are not healthy: their events and logs say more.",
	model.StageDelete:     "See what holds the objects.",
}

// troubleOf is what went wrong last.
func (b *Backend) troubleOf(app view.App, r model.Report) view.Condition {
	c := view.Condition{Severity: view.SeverityError, Type: stageWords[r.Stage], Text: r.Err.Error(), Next: stageSteps[r.Stage]}
	switch {
	case r.Stage == model.StageDependency:
		c.Severity = view.SeverityWarning
	case r.Stage == model.StageApply && r.Operation != nil && r.Operation.Terminating:
		c.Next = "It was ended by hand: sync again when what it waited for is in order."
	case r.Stage == model.StageApply && app.Health == model.Degraded:
		c.Next = stageSteps[model.StageHealth] // what was applied does not run
	}
	if declared, ok := b.Engine.App(app.Key); ok && r.Stage == model.StageSource {
		for _, s := range declared.Sources {
			if state, ok := b.Sources.State(s.Key); ok && state.Err != nil {
				c.Since = state.Since
			}
		}
	}
	return c
}

var stageWords = map[model.Stage]string{
	model.StageSpec: "Declaration", model.StageSource: "Source", model.StageDependency: "Dependency", model.StageRender: "Render",
	model.StagePolicy: "Policy", model.StageTarget: "Cluster", model.StageApply: "Sync", model.StagePrune: "Prune",
	model.StageHealth: "Health", model.StageDelete: "Deletion",
}

// dated says since when conditions hold that the status of the object has, too.
func dated(out []view.Condition, obj *unstructured.Unstructured) {
	recorded := map[string]time.Time{}
	for _, c := range list(obj.Object, "status", "conditions") {
		if at, err := time.Parse(time.RFC3339, text(c, "lastTransitionTime")); err == nil {
			recorded[text(c, "message")] = at
		}
	}
	for i := range out {
		if out[i].Since.IsZero() {
			out[i].Since = recorded[out[i].Text]
		}
	}
}
