package view

import "github.com/fixpoint-cd/fixpoint/internal/model"

// DiffQuery asks what a sync would change.
type DiffQuery struct {
	// Revision is a commit, branch or tag to compare with, instead of what the app
	// follows; "" is that.
	Revision string
	// Noise shows what is ignored, too: fields that others set or defaulted.
	Noise bool
	// Object limits it to one; nil is all.
	Object *model.ObjectKey
	// Declared asks for Diff.Declared, and nothing else.
	Declared bool
	// Now does not wait where as many diffs are being made as may be at a time: the error
	// is ErrNoTurn.
	Now bool
}

// Diff is what a sync would change.
type Diff struct {
	// Revision is what was rendered, Commit what that is.
	Revision string
	Commit   model.Commit
	// Objects are those that a sync would change; with Noise those as well that differ
	// in what is ignored only.
	Objects []ObjectDiff
	// Unchanged counts the others.
	Unchanged int
	// Declared are the objects as they are declared, in the order of their names, and then
	// hooks; values of Secrets are masked.
	Declared []map[string]any
	// Blocked says why nothing may be synced; "" if nothing does.
	Blocked  string
	Warnings []string
}

// ObjectDiff is what a sync would change of an object.
type ObjectDiff struct {
	Ref    model.ObjectRef
	Action model.Action
	// Reason is why, as the plan says; Err why it would fail.
	Reason, Err string
	// Before is what is there, After what a sync would make of it; values of Secrets
	// are masked. nil if there is none.
	Before, After map[string]any
	// Hunks are the differing parts of both as YAML.
	Hunks []Hunk
	// SetBy are those besides the app who set what differs in the cluster, the newest
	// first, with the fields that they set.
	SetBy []FieldOwner
	// Noise: only what is ignored differs.
	Noise bool
	// Added and Removed count lines.
	Added, Removed int
}

// Hunk is a run of lines with their surroundings. Within is the field that the first
// changed one is in, such as "spec.template.spec"; "" at the top.
type Hunk struct {
	Lines  []Line
	Within string
}

// Line is one of a diff. Op is ' ', '+' or '-'; Old and New are its numbers from 1
// in Before and After, 0 where it is not in it.
type Line struct {
	Op       rune
	Text     string
	Old, New int
}
