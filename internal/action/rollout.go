package action

import "time"

// rollouts are what the plugin of Argo Rollouts does.
func rollouts() []rule {
	return []rule{
		{
			name: "restart", title: "Restart", help: "replaces all pods: sets `spec.restartAt` to now",
			run: func(c call) ([]Change, error) {
				return []Change{c.patch("", at(c.now.Format(time.RFC3339), "spec", "restartAt"))}, nil
			},
		},
		set("pause", "Pause", "stops the rollout where it is: sets `spec.paused`", true, "spec", "paused").
			when(func(o object) string { return unless(!o.flag("spec", "paused"), "it is paused already") }),
		{
			name: "resume", title: "Resume", help: "goes on after a pause: clears `status.pauseConditions` and `spec.paused`",
			why: func(o object) string {
				return unless(o.flag("spec", "paused") || len(o.list("status", "pauseConditions")) > 0, "it is not paused")
			},
			run: resumeRollout,
		},
		setStatus("promote-full", "Promote fully", "goes to the end, past all steps, pauses and analyses: sets `status.promoteFull`", true, "promoteFull").
			when(moving).dangerous(),
		{
			name: "skip-current-step", title: "Skip the current step", help: "goes on with the next step: raises `status.currentStepIndex`",
			why: skippable, run: skipStep,
		},
		setStatus("abort", "Abort", "goes back to the stable version: sets `status.abort`", true, "abort").
			when(func(o object) string {
				if o.flag("status", "abort") {
					return "it is aborted already"
				}
				return moving(o)
			}).dangerous(),
		setStatus("retry", "Retry", "tries an aborted update again: sets `status.abort` to false", false, "abort").
			when(func(o object) string { return unless(o.flag("status", "abort"), "it is not aborted") }),
	}
}

// moving objects to a Rollout that has nowhere to go.
func moving(o object) string {
	return unless(o.text("status", "currentPodHash") != o.text("status", "stableRS"), "no update is under way")
}

// resumeRollout clears what paused it. An inconclusive analysis has paused it
// within a step, which is passed by.
func resumeRollout(c call) ([]Change, error) {
	var changes []Change
	if len(c.list("status", "pauseConditions")) > 0 {
		status := map[string]any{"pauseConditions": nil}
		if c.flag("status", "controllerPause") && c.text("status", "canary", "currentStepAnalysisRunStatus", "status") == "Inconclusive" {
			status["controllerPause"] = false
			status["currentStepIndex"] = c.nextStep()
		}
		changes = append(changes, c.patch("status", map[string]any{"status": status}))
	}
	if c.flag("spec", "paused") {
		changes = append(changes, c.patch("", at(false, "spec", "paused")))
	}
	return changes, nil
}

func (o object) nextStep() int64 {
	step, _ := o.number("status", "currentStepIndex")
	return min(step+1, int64(len(o.list("spec", "strategy", "canary", "steps"))))
}

func skippable(o object) string {
	steps := len(o.list("spec", "strategy", "canary", "steps"))
	step, _ := o.number("status", "currentStepIndex")
	switch {
	case o.fields("spec", "strategy", "canary") == nil:
		return "it is no canary: there are no steps"
	case steps == 0:
		return "it has no steps"
	case step >= int64(steps):
		return "all steps are done"
	}
	return ""
}

func skipStep(c call) ([]Change, error) {
	status := map[string]any{"currentStepIndex": c.nextStep()}
	if len(c.list("status", "pauseConditions")) > 0 {
		status["pauseConditions"] = nil
	}
	return []Change{c.patch("status", map[string]any{"status": status})}, nil
}

// terminateAnalysis ends an analysis or experiment early.
func terminateAnalysis() rule {
	return set("terminate", "Terminate", "ends it early: sets `spec.terminate`", true, "spec", "terminate").
		when(func(o object) string {
			switch o.text("status", "phase") {
			case "", "Pending", "Running":
				return unless(!o.flag("spec", "terminate"), "it is being ended already")
			}
			return "it is over"
		}).dangerous()
}
