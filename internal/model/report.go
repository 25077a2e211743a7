package model

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

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
	// Heal marks an automated sync that repairs drift at an unchanged revision. It
	// runs no hooks.
	Heal bool
	// Rollback marks a return to what was deployed before, since GaveUp, a revision
	// with the objects of digest GaveUpContent, ended badly: Why.
	Rollback      bool
	GaveUp, Why   string
	GaveUpContent string
	// Look, where it is set, is the token of a look at the app's sources that has to
	// be over first: SourceState.Handled.
	Look string
	// NoHooks leaves hooks out; a sync of some objects only has none either.
	NoHooks bool
	// Options are traits that the request sets over those of the app; nil is none.
	Options *Options
	// Pin is what is to be synced instead of what the app declares; nil is that.
	Pin *Pin
}

// Pin is content that a sync is asked for by name: another revision, other
// sources, or what was deployed before.
type Pin struct {
	// Sources are subscribed to for the request, at exact revisions.
	Sources []AppSource
	// Revision is wanted, in the form of Revision; Spec is the digest of the sources
	// as App.Spec would be. Together they name what the history keeps.
	Revision string
	Spec     Digest
}

// Options are what an app, or a request, says of the whole sync.
type Options struct {
	// Defaults are the traits of objects that say nothing of their own.
	Defaults Traits
	// CreateNamespace, FailOnShared and Respect are those of Sync and Comparison.
	CreateNamespace, FailOnShared, Respect Choice
	// Migrate: No leaves Sync.Migrate out.
	Migrate Choice
	// Deletion is App.Deletion; "" leaves it.
	Deletion string
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
	// Phase is the part of the sync that it belongs to; "" is PhaseSync.
	Phase SyncPhase
	// Hook: it is a hook.
	Hook bool
	// State is how far it has come.
	State HookState
	// Images are those that the object runs.
	Images []string
}

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
	// Terminating: somebody has asked for its end.
	Terminating bool
	// Superseded is the revision that is wanted instead; "" is none.
	Superseded string
}

// EndedHooks is how many of its hooks are known to have ended.
func (o Operation) EndedHooks() int {
	n := 0
	for _, r := range o.Results {
		if r.Hook && (r.State == HookStateSucceeded || r.State == HookStateFailed) {
			n++
		}
	}
	return n
}

// Repeats reports whether an operation that has failed is repeated: as its request says,
// and in any case where nothing has failed but what passes.
func (o Operation) Repeats() bool {
	limit := o.Request.Retry.Limit
	more := limit < 0 || o.Retries < limit || o.FailedInPassing()
	return o.Phase == PhaseFailed && !o.Terminating && o.Superseded == "" && more
}

// FailedInPassing reports whether something has failed, and all of it for causes that pass.
func (o Operation) FailedInPassing() bool {
	failed := false
	for _, r := range o.Results {
		if r.Err != nil && !errors.Is(r.Err, ErrTransient) {
			return false
		}
		failed = failed || r.Err != nil
	}
	return failed
}

// Mark tells the attempts of all operations of an app apart: it is made of the
// start, to the second, and the number of repetitions, as status records them.
func (o Operation) Mark() string {
	return strconv.FormatInt(o.Started.Unix(), 10) + "." + strconv.Itoa(o.Retries)
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
	// Stays: it is not deleted together with the app.
	Stays bool
	// Wave is its sync wave.
	Wave int
	// Hook: it is a hook, which is not part of the app's state: Sync is "".
	Hook bool
	// Confirm: somebody has to agree before it is deleted.
	Confirm bool
	// Extraneous: it counts neither for nor against the app's being in sync.
	Extraneous bool
	// Foreign: it is declared, and is another app's, which declares it too: nothing of it
	// is to be had by way of this app.
	Foreign bool
}

// Others is the error of an object that belongs to another app, which declares it too.
func Others(obj ObjectKey) error {
	return As(ErrDenied, fmt.Errorf("%s belongs to another app, which declares it too: look at it there, and remove it from one of the two", obj))
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
	// Content is the digest of the objects that were rendered; zero if there are none
	// yet. Commits that change nothing of the app have the same.
	Content Digest
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
	// Looked is the token of the last look at the sources that is over, where it is
	// the same for all of them.
	Looked string
	// Hooks are the phases of a deletion that the app has hooks for.
	Hooks Phases
	// Blocking says what a deletion waits for, each as a text for people; empty if
	// nothing.
	Blocking []string
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
	WarnFight    WarningType = "Fight"    // another controller writes the same fields
	WarnRollback WarningType = "Rollback" // what is declared was given up for what ran before
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

// Short is a revision as people read it: of each of its parts that is a commit or
// a digest the first characters.
func Short(revision string) string {
	parts := strings.Split(revision, ",")
	for i, p := range parts {
		if algorithm, digest, ok := strings.Cut(p, ":"); ok && len(digest) >= 32 {
			parts[i] = algorithm + ":" + digest[:12]
		} else if len(p) >= 32 && !strings.Contains(p, ".") {
			parts[i] = p[:7]
		}
	}
	return strings.Join(parts, ",")
}
