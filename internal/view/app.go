package view

import (
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The kinds of objects that declare apps, with the dialect of their model.AppKey.
const (
	KindApplication   = "Application"   // "argo"
	KindKustomization = "Kustomization" // "flux"
	KindHelmRelease   = "HelmRelease"   // "helm"
)

// App is one line of the list of apps: all that is known of an app without asking
// anybody.
type App struct {
	Key  model.AppKey
	Kind string
	UID  string
	// Project is an Application's; "" for Flux's kinds, which have none.
	Project string
	Labels  map[string]string
	// Cluster is where its objects are, Namespace the one that they are put in if
	// they name none.
	Cluster   ClusterName
	Namespace string
	// Sources are what it is made of, at least one where its declaration can be read.
	Sources []Source
	// Revision is that of its objects, in the form of model.Revision; "" if there is
	// none yet. Commit is zero where the first source is no Git repository.
	Revision string
	Commit   model.Commit
	// Deployed is what the last sync that succeeded applied, where that is another
	// revision than Revision; "" otherwise, and where nothing was applied.
	Deployed string

	Sync    model.SyncStatus
	Health  model.HealthStatus
	Message string // why it is not healthy or not in sync, one line; "" if it is
	// Auto, Prune and SelfHeal are its rules of syncing.
	Auto, Prune, SelfHeal bool
	// Suspended: nothing is done until somebody resumes it. Flux's kinds only.
	Suspended bool
	// Deleting: it is being deleted.
	Deleting bool
	// Phase is that of its running or last sync; "" if there was none.
	Phase model.Phase
	// Objects, OutOfSync and Unhealthy count its objects.
	Objects, OutOfSync, Unhealthy int
	// Created is when it was declared, Changed when its state last changed: sync,
	// health, revision or operation.
	Created, Changed time.Time
	// Links are what its annotations link.argocd.argoproj.io/* and its Ingresses
	// say; only http and https.
	Links []Link
	// Version rises with each change of the line, over all apps.
	Version uint64
}

// Title is how people name the app: "namespace/name".
func (a App) Title() string { return a.Key.Namespace + "/" + a.Key.Name }

// ClusterName names a cluster: "in-cluster" is the one that Fixpoint runs in.
type ClusterName struct{ Name, Server string }

// Link is an address that a user wrote: http or https, nothing else.
type Link struct{ Title, URL string }

// Source is where an app's content comes from, without credentials.
type Source struct {
	// Kind is git, oci, helm or bucket.
	Kind model.SourceKind
	// URL is as the user wrote it, Web the page of it that a browser shows; "" if
	// there is none.
	URL, Web string
	// Path and Chart say what of it; Target is the revision that is followed, such
	// as main or 1.x.
	Path, Chart, Target string
	// Object is the Flux object that declares it, as "Kind/namespace/name"; "" if the
	// app does itself.
	Object string
	// Tool is what renders it: Directory, Kustomize, Helm, Plugin, …
	Tool string
	// Revision is what it is at, Commit what that is.
	Revision string
	Commit   model.Commit
}

// Detail is one app, with all that its page shows but its tree.
type Detail struct {
	App
	// Conditions are what is wrong or worth knowing, worst first.
	Conditions []Condition
	// Asked: somebody has asked for a look or a sync that has not been taken up, or is
	// still under way.
	Asked bool
	// Operation is the running or last sync; nil if there was none.
	Operation *Operation
	// Resources are the objects that it declares, those to be pruned and its hooks,
	// by key.
	Resources []Resource
	// History is what was deployed, newest first.
	History []Deployment
	// Images are those that its objects run.
	Images []string
	// Declaration is the declaring object, without managed fields and status.
	Declaration map[string]any
	// Raw is all of the declaring object, status included, for the APIs of its dialect.
	Raw map[string]any
	// Deletion is what becomes of its objects when it is deleted.
	Deletion Deletion
	// Blocking says what its deletion waits for.
	Blocking []string
	// Origin is what makes its declaration; nil where nobody is known to.
	Origin *Origin
	// SyncOptions are those that it declares, such as "CreateNamespace=true".
	SyncOptions []string
	// CanRollback says that History can be gone back to; WhyNot why it can't.
	CanRollback bool
	WhyNot      string
}

// Deletion is what a deletion of an app takes along, or has begun to.
type Deletion struct {
	// Since is when it was asked for; zero if it was not.
	Since time.Time
	// Cascade is what was asked for, or is if nothing else is said. Flux's kinds have
	// CascadeNone where their objects stay.
	Cascade Cascade
	// Why says why the objects stay, or the deletion can't be done as it is; "" if neither.
	Why string
}

// Origin is what declares or generates the object that declares an app, and makes of it
// again what it was.
type Origin struct {
	// Kind is that of an app, or ApplicationSet. Name is "" of one that the reader may not
	// see.
	Kind, Namespace, Name string
	// App is its key; zero of an ApplicationSet, and where Name is "".
	App model.AppKey
	// Heals: at once, and not at its next sync only.
	Heals bool
	// Automated are the fields of automated sync that it declares, such as "prune"; Known
	// is whether that is known.
	Automated []string
	Known     bool
}

// Severity orders conditions.
type Severity string

// The severities, worst first.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Condition is something about an app in plain words.
type Condition struct {
	Severity Severity
	// Type is a word for it, such as "Render", "Source", "Shared".
	Type string
	// Text says what is the matter, Next what to do; Next may be "".
	Text, Next string
	// Since is zero where it is not known.
	Since time.Time
}

// Operation is a sync that runs, or has ended.
type Operation struct {
	Phase   model.Phase
	Message string
	// By is who asked; "" is Fixpoint itself.
	By       string
	Revision string
	Started  time.Time
	Finished time.Time // zero while it runs
	DryRun   bool
	Prune    bool
	Retries  int
	// Heal: it repaired drift; Rollback: it went back by itself.
	Heal, Rollback bool
	Terminating    bool
	Results        []Result
}

// Result is what an operation did with an object.
type Result struct {
	Ref model.ObjectRef
	// Status is created, updated, unchanged, pruned, skipped, failed, running,
	// succeeded: a word.
	Status  string
	Message string
	Phase   string // PreSync, Sync, PostSync, …
	Hook    bool
	Failed  bool
}

// Badge is how an app is, in few words.
type Badge struct {
	Name     string
	Health   model.HealthStatus
	Sync     model.SyncStatus
	Revision string
}

// Resource is an object of an app, as the list of them shows it.
type Resource struct {
	Ref    model.ObjectRef
	Sync   model.SyncStatus // "" of a hook
	Health model.HealthStatus
	// Message says why it is not healthy, or what differs.
	Message string
	Wave    int
	Hook    bool
	// Prune: no longer declared, and still there. Confirm: somebody has to agree.
	Prune, Confirm bool
	// Live: it exists.
	Live bool
	// Stays: a deletion of the app leaves it.
	Stays bool
}

// Deployment is an entry of an app's history.
type Deployment struct {
	// ID is what a rollback names.
	ID       int64
	Revision string
	Commit   model.Commit
	Sources  []Source
	At       time.Time
	// Started is when its sync began; zero if not known.
	Started time.Time
	By      string
	// Current: it is what is deployed.
	Current bool
}
