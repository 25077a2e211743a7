package view

import (
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Cluster is one that apps are applied to.
type Cluster struct {
	ClusterName
	// Project is the only one that may use it; "" is all.
	Project string
	// Connected: it answers. Err says why not, Since since when (zero: not known).
	Connected bool
	Err       string
	Since     time.Time
	// Version is the API server's.
	Version string
	// Apps and Objects count what is kept there, Kinds the kinds that are watched.
	Apps, Objects, Kinds int
	// Requests counts those to its API server, by verb: get, list, watch, apply, …
	Requests map[string]int64
	// Unsupported are settings that are not honoured.
	Unsupported []string
}

// Repository is a place that content comes from.
type Repository struct {
	Kind model.SourceKind
	// URL is without credentials; Web is its page, "" if there is none.
	URL, Web string
	// Project is the only one that may use it; "" is all.
	Project string
	// Credentials says which kind there are: "none", "password", "SSH key", …
	Credentials string
	// Err says why the last look failed, Since since when; Checked is the last look.
	Err            string
	Since, Checked time.Time
	// Revisions are what is followed there, such as main, with what they are at.
	Revisions []Followed
	// Apps counts those that use it.
	Apps int
	// Looks counts the looks at it since the start, Contents those that found something
	// newer than what was known: all others were answered by what is at hand.
	Looks, Contents int64
}

// Followed is a revision that is followed.
type Followed struct {
	Target, Revision string
	Commit           model.Commit
}

// Project is an Argo CD AppProject.
type Project struct {
	Name, Description string
	// SourceRepos, Destinations ("server or name / namespace") and Namespaces are
	// what it admits, as declared.
	SourceRepos, Destinations, Namespaces []string
	// ClusterKinds and NamespacedKinds are the kinds that it admits, as "Kind.group/name"
	// (of the core group without a group, of all names without a name), "-" before those
	// that it does not.
	ClusterKinds, NamespacedKinds []string
	Roles                         []Role
	// Windows are its sync windows, in words.
	Windows []string
	Apps    int
	// Declared: there is an AppProject. Implicit: it is the project default, which is there
	// and admits everything where no AppProject says otherwise. With neither only apps name
	// it.
	Declared, Implicit bool
	// Version and UID are those of the AppProject, Created when it was made.
	Version, UID string
	Created      time.Time
	// SyncWindows are its windows as they are declared.
	SyncWindows []map[string]any
}

// Role is one of a project's.
type Role struct {
	Name, Description string
	Policies, Groups  []string
	Tokens            int
}

// Feeder is an object that feeds apps and is none: a source, a receiver, an
// ApplicationSet.
type Feeder struct {
	Kind, Namespace, Name string
	// Project is an ApplicationSet's: that of the Applications that it makes, as its
	// template says; "" of other kinds.
	Project string
	// Ready is True, False or Unknown; Message says why.
	Ready, Message string
	Suspended      bool
	URL, Revision  string
	Commit         model.Commit
	Changed        time.Time
	// Feeds are the apps that it feeds, Upstream the feeders that it comes from, as
	// "Kind/namespace/name".
	Feeds    []model.AppKey
	Upstream []string
	// Address is where a Receiver is called, without host.
	Address string
	// Note is what is to be said of it: "ApplicationSets are not carried out yet".
	Note string
}

// Activity is something that happened to an app.
type Activity struct {
	ID  int64
	At  time.Time
	App model.AppKey
	// Project is the app's.
	Project string
	// Kind is one of the Activity… constants.
	Kind string
	// By is who; "" is Fixpoint itself.
	By       string
	Revision string
	Commit   model.Commit
	// Web is the commit's page; "" if there is none.
	Web     string
	Message string
	// Failed: it is a failure.
	Failed bool
}

// The kinds of activity.
const (
	ActivityCreated  = "created"  // the app was declared
	ActivityDeleted  = "deleted"  // the app is gone
	ActivityRevision = "revision" // new content
	ActivitySynced   = "synced"   // a sync succeeded
	ActivityFailed   = "failed"   // a sync failed
	ActivityDrift    = "drift"    // somebody else changed an object
	ActivityHealed   = "healed"   // drift was repaired
	ActivityRollback = "rollback"
	ActivityHealth   = "health" // the app became healthy, degraded, …
	ActivityError    = "error"  // it can't be read, fetched, rendered, reached
	ActivityAction   = "action" // somebody asked for something: sync, suspend, restart, …
)

// ActivityQuery asks for activities, newest first.
type ActivityQuery struct {
	App     *model.AppKey
	Project string
	Kinds   []string
	By      string
	// Search is a text that message, app or revision have to contain.
	Search   string
	From, To time.Time // zero: unbounded
	// Before is the ID of the last of the page before; 0 is the first page.
	Before int64
	Limit  int // 0 is 50, at most 500
}

// Audit is a record of who did or saw what.
type Audit struct {
	ID int64
	At time.Time
	// Who is the subject, From its address, Via "ui", "api", "argocd-api" or "cli".
	Who, From, Via string
	// Action is a word such as "sync", "logs", "login"; Object what it was about, as
	// "<resource>/<object>" of RBAC, and Target the object in it.
	Action, Object, Target string
	// Revision is the commit that it was for; "" if none.
	Revision string
	// Outcome is allowed, denied or failed; Detail says more.
	Outcome, Detail string
}

// AuditCheck is what a look at the whole audit trail has found.
type AuditCheck struct {
	// Records counts those that are as they were written and follow one another, from
	// First to Last. Older ones than First have gone by their age, if its ID is not 1.
	Records         int
	FirstID, LastID int64
	First, Last     time.Time
	// Broken says where the trail was changed; "" if it is whole.
	Broken string
}

// AuditQuery asks for audit records, newest first.
type AuditQuery struct {
	Who, Action, Object, Outcome string
	From, To                     time.Time
	Before                       int64
	Limit                        int // 0 is 100, at most 1000
}
