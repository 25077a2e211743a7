package sequence

import (
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Hook is a declared object that runs in phases of its own.
type Hook struct {
	Object model.ObjectRef
	Traits model.Traits
	// Stage is the rank of its kind, as that of a step.
	Stage int
	// Action is ActionWait or ActionRefuse where it can't be created, for Reason;
	// any other is that it can.
	Action model.Action
	Reason string
}

// Input is all that the next move depends on.
type Input struct {
	// Plan is what the app's own objects need, prunes included.
	Plan  model.Plan
	Hooks []Hook
	// Declared tells the objects that the source declares from those that it does
	// not any more.
	Declared map[model.ObjectKey]bool
	// Live holds what exists of all objects of Plan and Hooks.
	Live map[model.ObjectKey]model.Live
	// Operation is under way: its results say what has happened. There is one for
	// each task that was carried out: State is HookStateRunning after a success,
	// HookStateFailed after a failure, and Live is what the task made or deleted.
	Operation model.Operation
	// Recorded: the operation's beginning is where a restart will find it.
	Recorded bool
	// Unrecorded: some of the operation's results are not.
	Unrecorded bool
	// Deleting: the app itself goes; Plan holds its deletes.
	Deleting bool
	// Partial: the operation is about some objects only, and has no hooks.
	Partial bool
	// Approved is when somebody agreed to deletions that ask for it, Since when
	// that could first be asked (the operation's start, or the deletion's).
	Approved, Since time.Time
}

// Task is a thing to be done: a step of one phase.
type Task struct {
	model.Step
	Phase model.SyncPhase
	// Hook: Step creates a hook; Mark is what it has to bear.
	Hook bool
	Mark string
	// Recreate: what exists of that name has to be deleted, its HookFinalizer taken
	// off, and gone, before. The task is then that deletion; its result has
	// ActionDelete, and is none of the hook's own.
	Recreate bool
	// UID is that of what is to be deleted.
	UID string
}

// Move is what comes next. One that ends nothing has something in Do, or Record, or
// something in Waits.
type Move struct {
	// Record: nothing may be done before the operation, with its results so far and
	// those of Learnt, is recorded.
	Record bool
	// Do are tasks of one phase and wave that can be done now. They are ordered;
	// those of one Stage may be done in parallel, deletes come after writes.
	Do []Task
	// Learnt are results that have become known without doing anything: a hook has
	// ended, an object is healthy, a deleted one is gone. Each replaces the one of
	// the same object and, of a hook, of the same phase.
	Learnt []model.Result
	// Phase and Wave are where the operation is.
	Phase model.SyncPhase
	Wave  int
	// Waits say what is waited for, each as a text for people; with nothing to do, a
	// change of one of those objects, or of the operation, brings the next move.
	Waits []string
	// Confirm: one of Waits is somebody's agreement.
	Confirm bool
	// Ended, if it is not "", is how the operation ends, and Message why.
	Ended   model.Phase
	Message string
	// Stop are hooks to be deleted at once, since the operation ends before they have.
	Stop []Release
}

// Release is what is done to a hook after its operation: its finalizer is taken
// off, and it is deleted if its policies say so.
type Release struct {
	Object model.ObjectRef
	UID    string
	Delete bool
}
