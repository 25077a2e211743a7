package model

import "time"

// SyncStatus says whether a target is as declared.
type SyncStatus string

// The sync statuses.
const (
	Synced      SyncStatus = "Synced"
	OutOfSync   SyncStatus = "OutOfSync"
	SyncUnknown SyncStatus = "Unknown"
)

// Stage is a part of a reconcile, for errors.
type Stage string

// The stages, in their order.
const (
	StageSpec       Stage = "spec"       // the declaring object is wrong
	StageSource     Stage = "source"     // no content, or no newer content
	StageDependency Stage = "dependency" // another app has to be ready first
	StageRender     Stage = "render"
	StagePolicy     Stage = "policy"
	StageTarget     Stage = "target" // the cluster can't be reached or read
	StageApply      Stage = "apply"
	StagePrune      Stage = "prune"
	StageHealth     Stage = "health"
	StageDelete     Stage = "delete" // the app's own deletion
)

// Phase is the state of an operation.
type Phase string

// The phases of an operation.
const (
	PhaseRunning   Phase = "Running"
	PhaseSucceeded Phase = "Succeeded"
	// PhaseFailed: objects could not be written.
	PhaseFailed Phase = "Failed"
	// PhaseError: it could not even begin.
	PhaseError Phase = "Error"
)

// Done reports whether the operation has ended.
func (p Phase) Done() bool { return p != PhaseRunning && p != "" }

// Request asks for a sync.
type Request struct {
	// ID tells requests apart; the same ID is carried out once.
	ID string
	// By is who asked; "" is the engine itself (automated).
	By string
	// Revision is what is wanted, in the form of model.Revision; "" is the newest.
	Revision string
	Prune    bool
	DryRun   bool
	// Only limits the sync to these objects; empty is all. One without a namespace
	// is meant in every namespace.
	Only []ObjectKey
	// Retry says how a failure is repeated.
	Retry Retry
	// Heal marks an automated sync that repairs drift at an unchanged revision.
	Heal bool
}

// Result is what an operation did with one object.
type Result struct {
	Object ObjectRef
	// Action is what was done: create, update, keep, delete, leave or refuse.
	Action Action
	// Err is why it failed.
	Err error
	// Message is for people: "created", "pruned", "in sync", …
	Message string
	// Live is what a write made of it.
	Live Live
}

// ChangeSet is the outcome of acting on a plan.
type ChangeSet struct{ Results []Result }

// Operation is a sync: running, or the last one.
type Operation struct {
	Request  Request
	Phase    Phase
	Message  string
	Revision string
	// Spec is App.Spec at its start.
	Spec Digest
	// Retries counts the repetitions so far.
	Retries  int
	Started  time.Time
	Finished time.Time
	Results  []Result
}

// ResourceState is how one object of an app is.
type ResourceState struct {
	Object ObjectRef
	Sync   SyncStatus
	// Health is zero where the kind has no rule.
	Health Health
	// Message says what differs or what is wrong; "" if nothing.
	Message string
	// Prune: it is the app's, no longer declared, and has not been deleted.
	Prune bool
	// Live: it exists.
	Live bool
}

// Report is the state of an app after a reconcile. Reporters turn it into the
// dialect's own status; the engine keeps the newest.
type Report struct {
	App        AppKey
	Generation int64
	// Snapshot is what was rendered; nil if there is none yet.
	Snapshot *Snapshot
	// Newest is the newest content; Snapshot is older where it does not render.
	Newest *Snapshot
	// Sources are what was rendered, one for each of the app's sources, where it
	// has several; Snapshot is the first of them.
	Sources []*Snapshot
	// Tool is what rendered; Tools are those of Sources.
	Tool   string
	Tools  []string
	Sync   SyncStatus
	Health Health
	// Resources are ordered by key. nil means that they could not be told this
	// time: what was reported before still holds. Empty means that there are none.
	Resources []ResourceState
	// Operation is the running or last sync; nil if there was none.
	Operation *Operation
	// Applied is the revision of the last sync that succeeded.
	Applied string
	// Stage and Err say what went wrong last; Err is nil if nothing did. With
	// StageSource the older Snapshot may still be served.
	Stage Stage
	Err   error
	// Unready are the objects that are waited for, as "Kind/ns/name: message".
	Unready []string
	// Warnings are for the user: shared or excluded objects, fields that are
	// not honoured, …
	Warnings []Warning
	// Ready: applied at the newest revision, and healthy where that is asked.
	Ready bool
	// Deleted: every object of a deleting app is gone; its declaring object
	// may go.
	Deleted bool
}

// WarningType is what a warning is about.
type WarningType string

// The types of warnings.
const (
	WarnShared   WarningType = "Shared"   // another app claims the object
	WarnRepeated WarningType = "Repeated" // the source declares it twice
	WarnExcluded WarningType = "Excluded" // its kind is not managed
	WarnField    WarningType = "Field"    // a field that is not honoured (yet)
	WarnRender   WarningType = "Render"   // from the renderer
	WarnPrune    WarningType = "Prune"    // a prune that was not done
)

// Warning is something that a user should know and that stops nothing.
type Warning struct {
	Type    WarningType
	Message string
}

// SourceState is how a subscription in the source store is.
type SourceState struct {
	// Snapshot is the newest content; nil until the first fetch has succeeded.
	Snapshot *Snapshot
	// Err is why the last look failed; nil after one that succeeded. Snapshot
	// is then the last good one.
	Err error
	// Since is when the looks began to fail; zero without Err.
	Since time.Time
	// Checked is when the repository was last looked at.
	Checked time.Time
	// Handled is the newest Refresh token that has been carried out.
	Handled string
}
