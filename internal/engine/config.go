package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/compare"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/policy"
)

// Sources says what content there is.
type Sources interface {
	// States are those of several subscriptions at one moment; false if there is
	// no such subscription.
	States([]model.SourceKey) ([]model.SourceState, bool)
}

// Renderer makes objects of files.
type Renderer interface {
	Render(context.Context, model.RenderInput) (model.Rendered, error)
}

// Target is a cluster; see package target for the contracts.
type Target interface {
	Ensure(app model.AppKey, refs []model.ObjectRef) (bool, error)
	Claim(app model.AppKey, declared, interested []model.ObjectKey)
	Claimants(model.ObjectKey) []model.AppKey
	Live(key model.ObjectKey, app model.AppKey, manager string) (model.Live, bool)
	Owned(app model.AppKey, manager string) []model.Live
	Namespaced(model.ObjectRef) (bool, error)
	KindsEpoch() int
	Compare(ctx context.Context, obj model.Object, manager string, how model.Write, judge model.Judge) (model.Judgement, error)
	Read(ctx context.Context, ref model.ObjectRef) (map[string]any, error)
	Release(ctx context.Context, ref model.ObjectRef, uid string) error
	Apply(ctx context.Context, obj model.Object, manager string, how model.Write) (model.Live, error)
	Delete(ctx context.Context, ref model.ObjectRef, uid, policy string) error
	Parallel() int
}

// Ledger remembers pairs across restarts; see package ledger.
type Ledger interface {
	Load(model.AppKey) (map[model.ObjectKey]model.Pair, []model.ObjectRef, error)
	Save(app model.AppKey, put map[model.ObjectKey]model.Pair, gone []model.ObjectKey) error
	SaveKinds(model.AppKey, []model.ObjectRef) error
	Forget(model.AppKey) error
}

// History keeps what was deployed, so that it can be again without its sources;
// see package history.
type History interface {
	// Keep stores the objects of a revision that was deployed, as rendered, and
	// drops the oldest beyond the newest limit of the app.
	Keep(app model.AppKey, deployed model.Deployed, limit int) error
	// Kept returns what was stored of a revision and the digest of the sources that
	// made it; model.ErrNotFound if nothing is.
	Kept(app model.AppKey, revision string, spec model.Digest) (model.Deployed, error)
	// Healthy notes that the app was seen healthy with what was kept.
	Healthy(app model.AppKey, revision string, spec model.Digest) error
	// LastHealthy is what was kept last, of what was seen healthy, but for that
	// revision and spec; model.ErrNotFound if nothing is.
	LastHealthy(app model.AppKey, revision string, spec model.Digest) (model.Deployed, error)
	// Newest is what was kept last; model.ErrNotFound if nothing is.
	Newest(app model.AppKey) (model.Deployed, error)
}

// Reporter takes the state of apps of one dialect. It must not block.
type Reporter interface {
	Report(context.Context, model.Report)
}

// Stamp marks an object as an app's.
type Stamp func(model.AppKey, model.ObjectKey) (labels, annotations map[string]string)

// Dialect is what the engine needs of a front end.
type Dialect struct {
	Reporter Reporter
	Stamp    Stamp
	// Policy says which objects of an app are managed; nil is every one.
	Policy func(model.App) policy.Rules
	// Traits reads what an object asks for; nil is nothing.
	Traits func(labels, annotations map[string]string) model.Traits
	// Permit says whether an app may write objects: one error for all that it may
	// not; nil permits everything.
	Permit func(model.App, []model.ObjectRef) error
}

func (d Dialect) rules(app model.App) policy.Rules {
	if d.Policy == nil {
		return policy.Rules{}
	}
	return d.Policy(app)
}

// Config is what an engine is made of.
type Config struct {
	Sources  Sources
	Renderer Renderer
	// Host is what renders of an app may ask of the world; nil is nothing.
	Host func(model.App) model.RenderHost
	// Rendered is told when all sources of an app have been rendered with a Host,
	// and returns what to warn of; nil for none.
	Rendered func(model.AppKey) []string
	// Target finds a cluster by the name that apps use; model.ErrNotFound if
	// there is none.
	Target func(name string) (Target, error)
	Ledger Ledger
	// History keeps what was deployed; nil keeps nothing.
	History History
	// Paths evaluates jq path expressions; nil refuses them.
	Paths compare.Paths
	// Dialects are by their names in AppKey.
	Dialects map[string]Dialect
	// Workers is how many apps are worked on at a time; 0 is four times the
	// cores, at least 16: they wait for the API server more than they compute.
	Workers int
	Log     *slog.Logger
	// Forgotten is told of every app that was dropped; nil for none.
	Forgotten func(model.AppKey)
	// Observe is told of every reconcile, Synced of every sync that ended, for
	// metrics; nil for none.
	Observe func(app model.AppKey, took time.Duration, report model.Report)
	Synced  func(model.AppKey, model.Operation)
}
