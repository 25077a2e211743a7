package model

import (
	"fmt"
	"strings"
)

// Action is what a plan does with one object.
type Action string

// The actions of a plan.
const (
	// ActionKeep: the object is as declared; nothing is done.
	ActionKeep Action = "keep"
	// ActionCreate: it does not exist.
	ActionCreate Action = "create"
	// ActionUpdate: it differs from what is declared.
	ActionUpdate Action = "update"
	// ActionCheck: the record can't tell; a dry run decides between keep and update.
	ActionCheck Action = "check"
	// ActionDelete: it is the app's, and no longer declared.
	ActionDelete Action = "delete"
	// ActionLeave: it is no longer declared and stays, for the step's reason.
	ActionLeave Action = "leave"
	// ActionWait: it can't be written yet, for the step's reason; an event will
	// say when.
	ActionWait Action = "wait"
	// ActionRefuse: it can't be written, for the step's reason.
	ActionRefuse Action = "refuse"
)

// Step is what a plan does with one object, and why.
type Step struct {
	Object ObjectRef
	Action Action
	// Reason is a short text for people, the same for the same cause.
	Reason string
	// Stage orders writes: all of a lower stage come before any of a higher.
	// Deletes come after all writes, in reverse order of their stages.
	Stage int
	// Wave is the sync wave: nothing of a wave is written after a failure in a
	// lower one.
	Wave int
	// Shared: an app of another dialect has the object too. It is written
	// without taking fields over, so that both may keep it as long as they agree.
	Shared bool
	// Traits are the object's, the app's defaults included.
	Traits Traits
}

// Write says how an object is written.
type Write struct {
	// DryRun asks the API server and changes nothing.
	DryRun bool
	// Replace writes the whole object by replacing what exists; a kind that others
	// live in (Namespace, CustomResourceDefinition) is always updated in place.
	Replace bool
	// Fields that the object's kind does not have are left out, with a warning:
	// NoValidate leaves the warning out too, Strict refuses them.
	NoValidate, Strict bool
	// CreateOnly leaves what exists as it is.
	CreateOnly bool
	// Migrate makes the manager's own what updates of these managers, and of itself,
	// have set, before the object is applied: what is no longer declared of that then
	// goes. Empty leaves it theirs.
	Migrate []string
	// Shared takes over no field that another manager keeps at another value:
	// such a one is an error.
	Shared bool
}

// Plan is what would be done to bring a target to the declared state. It is a
// value that can be printed: a dry run is a plan that nobody acted on.
type Plan struct {
	Steps []Step
	// Blocked, when set, says why nothing of the plan may be done.
	Blocked error
}

// Changes reports whether acting on the plan would change anything, as far as
// it is known without asking the target.
func (p Plan) Changes() bool {
	for _, s := range p.Steps {
		if s.Action != ActionKeep && s.Action != ActionLeave {
			return true
		}
	}
	return false
}

// Count is the number of steps with that action.
func (p Plan) Count(a Action) int {
	n := 0
	for _, s := range p.Steps {
		if s.Action == a {
			n++
		}
	}
	return n
}

// String is the plan, a line a step, in order.
func (p Plan) String() string {
	var b strings.Builder
	if p.Blocked != nil {
		fmt.Fprintf(&b, "blocked: %v\n", p.Blocked)
	}
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%d %-6s %s (%s)", s.Stage, s.Action, s.Object.ObjectKey, s.Object.Version)
		if s.Reason != "" {
			b.WriteString(": " + s.Reason)
		}
		if s.Shared {
			b.WriteString(" [shared]")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
