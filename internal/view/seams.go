package view

import (
	"context"
	"errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Errors of a Desk are of model's kinds, and of these. What does not exist and
// what the reader may not see are both model.ErrNotFound, with the same text.
// model.ErrDenied is for deeds on what the reader may see.
var (
	ErrUnauthenticated = errors.New("not signed in")
	// ErrConflict: not now, since something else is under way, such as a sync.
	ErrConflict = errors.New("not now")
	// ErrNoTurn: as many diffs are being made as may be at a time; it is model.ErrTransient
	// as well.
	ErrNoTurn = errors.New("no turn")
)

// SyncRequest asks for a sync.
type SyncRequest struct {
	Revision      string // "" is what the app follows
	Prune, DryRun bool
	Force         bool
	// NoHooks leaves hooks out; Applications only.
	NoHooks bool
	// Only limits it to these objects; empty is all.
	Only []model.ObjectKey
	// Options are sync options such as "ServerSideApply=true"; nil is the app's own.
	Options []string
	// Retries is how often it is repeated; 0 is not at all.
	Retries int
}

// RollbackRequest asks to go back to an entry of the history.
type RollbackRequest struct {
	ID            int64
	Prune, DryRun bool
}

// Automation switches the automated sync of an Application.
type Automation struct {
	On bool
	// Prune and SelfHeal are its rules; nil leaves one as it is declared.
	Prune, SelfHeal *bool
}

// Edit makes of the object that declares an Application, as readers are shown it, what it
// shall be; nil is that there is none. Of what it returns the spec counts, and of the
// metadata labels, annotations and finalizers. It may be called several times, and must
// change nothing of what it is given.
type Edit func(now map[string]any) (map[string]any, error)

// Cascade is what becomes of an Application's objects when it is deleted.
type Cascade string

// The ways of deleting an Application, as Argo CD has them.
const (
	// CascadeForeground deletes its objects, each after what descends from it. It is
	// what "" means.
	CascadeForeground Cascade = "foreground"
	// CascadeBackground deletes its objects; what descends from them follows.
	CascadeBackground Cascade = "background"
	// CascadeNone leaves them.
	CascadeNone Cascade = "none"
)

// Backend knows everything and does whatever it is told: who may is checked before.
// Its methods may be called concurrently. An app that does not exist, and an object
// that is not in the app's tree, is model.ErrNotFound.
type Backend interface {
	// Apps asks for a page of those apps that may reports true for; nil is all.
	Apps(q Query, may func(*App) bool) Page
	// Manifests is Apps with the objects that declare the apps of the page, in its order:
	// whole, but for managed fields and what kubectl has last applied.
	Manifests(ctx context.Context, q Query, may func(*App) bool) ([]map[string]any, Page, error)
	// Brief is one app's line.
	Brief(model.AppKey) (App, bool)
	App(context.Context, model.AppKey) (Detail, error)
	Tree(context.Context, model.AppKey) (Tree, error)
	Diff(context.Context, model.AppKey, DiffQuery) (Diff, error)
	Object(context.Context, model.AppKey, model.ObjectKey) (Object, error)
	// Events are those of an object and its descendants, newest first; of the zero key
	// those of the declaring object.
	Events(context.Context, model.AppKey, model.ObjectKey) ([]Event, error)
	// Logs calls emit with each line until there is none left, ctx ends or emit fails.
	Logs(ctx context.Context, app model.AppKey, q LogQuery, emit func(LogLine) error) error

	Clusters(context.Context) ([]Cluster, error)
	// Unreachable are the clusters that did not answer when they were asked last, or can't
	// be asked: name, project, and why. Nothing is asked for it.
	Unreachable() []Cluster
	Repositories(context.Context) ([]Repository, error)
	Projects(context.Context) ([]Project, error)
	Feeders(context.Context) ([]Feeder, error)
	Activity(context.Context, ActivityQuery) ([]Activity, error)
	Audits(context.Context, AuditQuery) ([]Audit, error)
	// VerifyAudit reads the whole audit trail.
	VerifyAudit(context.Context) (AuditCheck, error)

	// Watch returns a channel that gets a value some time after the topic has changed;
	// several changes may be one. It ends with ctx.
	Watch(context.Context, Topic) <-chan struct{}

	// The deeds are asked for in the name of by; they return once they are accepted,
	// not when they have ended.
	Sync(ctx context.Context, app model.AppKey, by string, r SyncRequest) error
	Rollback(ctx context.Context, app model.AppKey, by string, r RollbackRequest) error
	Terminate(ctx context.Context, app model.AppKey, by string) error
	Refresh(ctx context.Context, app model.AppKey, by string, hard bool) error
	Suspend(ctx context.Context, app model.AppKey, by string, suspend bool) error
	// Automate is for Applications.
	Automate(ctx context.Context, app model.AppKey, by string, a Automation) error
	// DeleteApp deletes the declaring object. Flux's kinds say themselves what becomes of
	// their objects, and take no other cascade than "". An Application that is being
	// deleted can still be told to leave the rest.
	DeleteApp(ctx context.Context, app model.AppKey, by string, c Cascade) error
	// Declare changes how an Application is declared, or declares one where there is none,
	// as edit says, and returns the object as readers are shown it. It is a whole change
	// or none: nothing that others write meanwhile is lost. What could never be worked on
	// is model.ErrInvalid, a namespace whose Applications are nobody's model.ErrDenied.
	Declare(ctx context.Context, app model.AppKey, by string, edit Edit) (map[string]any, error)
	// Act does an action of an object; it returns what was done, a line each.
	Act(ctx context.Context, app model.AppKey, by string, on model.ObjectKey, action string, params map[string]string) ([]string, error)
	// Delete deletes a live object of an app.
	Delete(ctx context.Context, app model.AppKey, by string, on model.ObjectKey) error
}

// Verb is something that a reader may be permitted to do with an app.
type Verb string

// The verbs of apps.
const (
	VerbGet      Verb = "get"
	VerbSync     Verb = "sync" // terminate and refresh of Flux's kinds, too
	VerbRollback Verb = "rollback"
	VerbRefresh  Verb = "refresh"
	VerbSuspend  Verb = "suspend"
	VerbLogs     Verb = "logs"
	// VerbOverride: to sync another revision than the app follows, or with other
	// options.
	VerbOverride Verb = "override"
	// VerbCreate: to declare an app in a project, or move one to it.
	VerbCreate Verb = "create"
	// VerbUpdate: to change how an app is declared, such as its automated sync.
	VerbUpdate Verb = "update"
	VerbAct    Verb = "action"
	// VerbDelete: to delete the app, or with MayOn one of its objects.
	VerbDelete Verb = "delete"
)

// Who is a reader.
type Who struct {
	// Name is a subject such as "admin" or "proj:team:ci"; "" of an anonymous one.
	Name string
	// Title is for people: a mail address, a display name, or Name.
	Title     string
	Groups    []string
	Anonymous bool
	// Local: the installation's own account or token, no identity provider's.
	Local bool
}

// Desk is the installation as one reader sees it, from one address, in one request:
// every method checks what the reader may, leaves out what it may not see, and
// notes in the audit trail what was done or seen. Its methods are those of Backend.
type Desk interface {
	Accounts
	Who() Who
	// May reports whether the reader may do that with the app; for what pages offer.
	May(Verb, App) bool
	// MayOn is May for an object of the app, of VerbAct and VerbDelete; action is the
	// name of the action.
	MayOn(verb Verb, app App, on model.ObjectKey, action string) bool
	// Can reports what the policy says of a request in RBAC's own words, whether there is
	// such an object or not. A resource that no policy can name is model.ErrInvalid.
	Can(ctx context.Context, resource, action, object string) (bool, error)

	// Together is what read returns, which may be one value for all readers that have the
	// same rights and ask for the same; it must not be changed. read is called after each
	// of them asked, with a desk that has no name and does no deeds, and must depend on
	// nothing but what and that desk. What it looks at each of them has looked at.
	Together(ctx context.Context, what string, read func(context.Context, Desk) (any, error)) (any, error)

	Apps(context.Context, Query) (Page, error)
	Manifests(context.Context, Query) ([]map[string]any, Page, error)
	Brief(context.Context, model.AppKey) (App, error)
	App(context.Context, model.AppKey) (Detail, error)
	Tree(context.Context, model.AppKey) (Tree, error)
	Diff(context.Context, model.AppKey, DiffQuery) (Diff, error)
	Object(context.Context, model.AppKey, model.ObjectKey) (Object, error)
	Events(context.Context, model.AppKey, model.ObjectKey) ([]Event, error)
	Logs(context.Context, model.AppKey, LogQuery, func(LogLine) error) error

	Clusters(context.Context) ([]Cluster, error)
	Unreachable(context.Context) ([]Cluster, error)
	Repositories(context.Context) ([]Repository, error)
	Projects(context.Context) ([]Project, error)
	Feeders(context.Context) ([]Feeder, error)
	Activity(context.Context, ActivityQuery) ([]Activity, error)
	Audits(context.Context, AuditQuery) ([]Audit, error)
	VerifyAudit(context.Context) (AuditCheck, error)

	// Watch is refused like a read of the topic. What is read after a signal is
	// checked anew; the channel is closed once the reader would be refused.
	Watch(context.Context, Topic) (<-chan struct{}, error)

	Sync(context.Context, model.AppKey, SyncRequest) error
	Rollback(context.Context, model.AppKey, RollbackRequest) error
	Terminate(context.Context, model.AppKey) error
	Refresh(ctx context.Context, app model.AppKey, hard bool) error
	Suspend(ctx context.Context, app model.AppKey, suspend bool) error
	Automate(ctx context.Context, app model.AppKey, a Automation) error
	DeleteApp(ctx context.Context, app model.AppKey, c Cascade) error
	// Declare is Backend's. Where there is no such app, or none that the reader may see, it
	// is an error unless edit makes one of nothing.
	Declare(ctx context.Context, app model.AppKey, edit Edit) (map[string]any, error)
	Act(ctx context.Context, app model.AppKey, on model.ObjectKey, action string, params map[string]string) ([]string, error)
	Delete(ctx context.Context, app model.AppKey, on model.ObjectKey) error
}
