package model

import "time"

// AppKey identifies an app: the object of a dialect that declares it.
type AppKey struct {
	// Dialect is the front end that reads the app: "argo" or "flux".
	Dialect string
	// Namespace and Name are those of the declaring object.
	Namespace, Name string
}

// String is the key as "dialect/namespace/name".
func (k AppKey) String() string { return k.Dialect + "/" + k.Namespace + "/" + k.Name }

// IsZero reports whether k names no app.
func (k AppKey) IsZero() bool { return k == AppKey{} }

// The propagation policies of deletes, as Kubernetes calls them: what descends from an
// object goes before it, goes after it, or stays. For the objects of an app that is deleted
// Orphan says that they stay.
const (
	Foreground = "Foreground"
	Background = "Background"
	Orphan     = "Orphan"
)

// App is what a dialect's object asks for, in the engine's words. It is a
// value: adapters fill it, the engine never changes it.
type App struct {
	Key AppKey
	// Generation is the metadata.generation that was adapted.
	Generation int64
	// Created is when the app was declared; zero if that is not known. What was deployed
	// before it was another app's, of the same name.
	Created time.Time
	// Sources feed the app; the objects of all of them are the app's. There is at
	// least one.
	Sources []AppSource
	// Target is the cluster that is written to; "" is the one Fixpoint runs in.
	Target string
	// Namespace is given to namespaced objects that name none; "" leaves
	// them as they are, which is an error for a namespaced kind.
	Namespace string
	// Labels and Annotations are set on every object, over its own.
	Labels, Annotations map[string]string
	Sync                Sync
	// Compare says how objects are compared.
	Compare Comparison
	// Settings is a digest of the installation's settings that what the app's
	// objects become depends on, besides what is in App.
	Settings Digest
	// History is how many deployed revisions are kept; 0 is none.
	History int
	// Approved is when somebody agreed to deletions that ask for it; zero: never.
	Approved time.Time
	// Since is when the app's deletion was asked for; zero if it was not.
	Since time.Time
	// Health says which objects have to be healthy.
	Health HealthRules
	// Manager is the field manager of every write.
	Manager string
	// Suspended stops everything but reading.
	Suspended bool
	// DependsOn names apps that have to be ready before this one is applied.
	DependsOn []AppKey
	// Known are objects that an earlier run applied (inventory, status):
	// their kinds are watched from the start, so that none is forgotten.
	Known []ObjectRef
	// Deleting is set while the declaring object is being deleted and its
	// objects have to go first.
	Deleting bool
	// DeleteHooks: the declaring object says that the app has hooks for its deletion.
	DeleteHooks bool
	// Deletion is the propagation policy of deletes: Foreground, Background or Orphan.
	Deletion string
	// Secrets are texts of Secrets that the objects may be made with. No error shows
	// one.
	Secrets []Hidden
	// Invalid, when set, says why the app can't be worked on.
	Invalid error
	// Warnings are what the adapter has to tell the user.
	Warnings []Warning
	// Spec is a digest of all that makes a new sync worth trying: the source
	// and render settings as the user wrote them.
	Spec Digest
	// Last is the last operation that the declaring object's status records;
	// nil if there is none. It lets a restart continue where it was.
	Last *Operation
	// Applied is the revision of the last sync that succeeded, from the same.
	Applied string
}

// AppSource is one source of an app.
type AppSource struct {
	// Key is the subscription in the source store.
	Key SourceKey
	// Ref names the source for the value files of the others; "" is no name.
	Ref string
	// FilesOnly: it serves files to the others and renders nothing itself.
	FilesOnly bool
	// Render says how the files become objects.
	Render Render
}

// Sync are the rules of writing.
type Sync struct {
	// Auto applies what differs without being asked.
	Auto bool
	// Prune deletes what the source no longer declares.
	Prune bool
	// SelfHeal restores objects that somebody else changed or deleted.
	SelfHeal bool
	// AllowEmpty permits that a render without objects prunes everything.
	AllowEmpty bool
	// CreateNamespace creates Namespace before anything is written to it.
	// NamespaceMeta are its labels and annotations; nil leaves an existing one alone.
	CreateNamespace bool
	NamespaceMeta   *NamespaceMeta
	// Defaults are the traits of objects that say nothing of their own.
	Defaults Traits
	// FailOnShared fails a sync that declares an object of another app.
	FailOnShared bool
	// Rollback returns to what was deployed before when an automated sync ends
	// unhealthy, and Patience is how long it may take to become healthy; 0 is five
	// minutes.
	Rollback bool
	Patience time.Duration
	// Migrate are field managers whose updates, client-side applies, become the app's
	// own with its first server-side apply of an object; none leaves them theirs.
	Migrate []string
	// Recreate deletes and creates an object whose change is refused because
	// of an immutable field.
	Recreate bool
	// Retry says how a failed sync is repeated.
	Retry Retry
	// Interval is what the app asks for, for texts only: nothing waits for it,
	// since every change that matters is an event.
	Interval time.Duration
	// Timeout bounds one sync with its health wait; 0 is no bound.
	Timeout time.Duration
}

// NamespaceMeta is what a created namespace bears.
type NamespaceMeta struct{ Labels, Annotations map[string]string }

// Retry is the back-off of a failing sync: wait = min(Max, Base*Factor^n).
type Retry struct {
	// Limit is how many times; negative is for ever.
	Limit  int
	Base   time.Duration
	Factor int
	Max    time.Duration
}

// Wait is the pause before attempt n+1, n counted from 0. Without a Max, longest is
// the longest.
func (r Retry) Wait(n int) time.Duration {
	limit := longest
	if r.Max > 0 {
		limit = min(r.Max, longest)
	}
	d, factor := min(max(r.Base, 0), limit), int64(max(r.Factor, 1))
	for range n {
		if d == 0 || factor == 1 || d >= limit {
			break
		}
		if int64(d) > int64(limit)/factor {
			return limit
		}
		d = time.Duration(int64(d) * factor)
	}
	return d
}

// longest is the longest pause of a Retry.
const longest = 365 * 24 * time.Hour

// HealthRules say what an app waits for after a sync.
type HealthRules struct {
	// All waits for every applied object.
	All bool
	// Only waits for these, when All is false; they need not be the app's own.
	Only []ObjectRef
}

// Waits reports whether there is anything to wait for.
func (h HealthRules) Waits() bool { return h.All || len(h.Only) > 0 }
