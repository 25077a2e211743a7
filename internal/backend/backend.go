package backend

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/board"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Engine is what is asked of the engine.
type Engine interface {
	App(model.AppKey) (model.App, bool)
	Report(model.AppKey) (model.Report, bool)
	Desired(model.AppKey, model.ObjectKey) (model.Object, bool)
}

// Sources says what content there is.
type Sources interface {
	State(model.SourceKey) (model.SourceState, bool)
	// Usage counts the looks at a subscription's repository, and those that found
	// something newer.
	Usage(model.SourceKey) (looks, contents int64, ok bool)
}

// History keeps what happened.
type History interface {
	Note(context.Context, view.Activity) error
	Activities(context.Context, view.ActivityQuery) ([]view.Activity, error)
	Audits(context.Context, view.AuditQuery) ([]view.Audit, error)
	VerifyAudit(context.Context) (view.AuditCheck, error)
}

// Objects does what can be done with the objects of apps.
type Objects interface {
	// Actions are those of an object as it is now.
	Actions(ctx context.Context, app model.App, obj model.ObjectRef) ([]view.Action, error)
	// Act does one of them.
	Act(ctx context.Context, app model.App, obj model.ObjectRef, name string, params map[string]string) ([]string, error)
}

// Connection is how a cluster is, as far as Fixpoint uses it.
type Connection struct {
	// Connected: it has answered. Err says why not.
	Connected bool
	Err       error
	Requests  map[string]int64
	Kinds     int
}

// Config is what a Backend is made of. All of it is required, but for what says otherwise.
type Config struct {
	Engine  Engine
	Sources Sources
	History History
	Objects Objects
	// Cache reads the dialects' objects, as unstructured ones; Latest does so past any
	// cache, for what is decided by their state; Client writes them.
	Cache, Latest client.Reader
	Client        client.Client
	// Extra lists objects of kinds that need not be served: AppProjects and
	// ApplicationSets.
	Extra func(kind string) []*unstructured.Unstructured
	// Kinds are those that feed Flux's apps.
	Kinds []schema.GroupVersionKind
	// Settings are Argo CD's.
	Settings func() *argo.Settings
	// Namespace is Argo CD's control-plane namespace; "" is argocd.
	Namespace string
	// Owner is the app that an object of the cluster that apps are declared in is marked
	// as part of.
	Owner func(labels, annotations map[string]string, obj model.ObjectKey) (model.AppKey, bool)
	// Declares reports whether Applications of a namespace are worked on.
	Declares func(namespace string) bool
	// Live reads the clusters, Place finds one of its, and Cluster says how the
	// connection to one is.
	Live    *live.Service
	Place   func(target string) (*live.Cluster, error)
	Cluster func(target string) Connection
	// Preview says what a sync would change.
	Preview func(context.Context, model.App, view.DiffQuery) (view.Diff, error)
	Now     func() time.Time
	Log     *slog.Logger
}

// Backend implements view.Backend. Run has to be called once.
type Backend struct {
	Config
	board *board.Board
	notes chan view.Activity
	// changed are the apps whose line is to be made anew.
	changed *changes
	seen    commits
	roll    *roll
	// started is when the Backend was made: what ended before that is told of already.
	started time.Time
	// told are the last operations, and troubles the errors, that were noted. Only who
	// keeps the board touches them.
	told     map[model.AppKey]string
	troubles map[model.AppKey]string
	// contents are what the apps' objects were made of last, as model.Report has it; only
	// who keeps the board touches them, too.
	contents map[model.AppKey]model.Digest
}

var _ view.Backend = (*Backend)(nil)

// New makes a Backend without any app.
func New(config Config) *Backend {
	config.Namespace = cmp.Or(config.Namespace, argo.DefaultNamespace)
	b := &Backend{
		Config: config, board: board.New(), notes: make(chan view.Activity, 4096), changed: newChanges(), started: config.Now(),
		told: map[model.AppKey]string{}, troubles: map[model.AppKey]string{}, contents: map[model.AppKey]model.Digest{},
	}
	b.roll = newRoll(b.version)
	return b
}

// Run keeps the board, asks clusters whether they answer while somebody watches them, and
// writes what happens into the history, until ctx ends.
func (b *Backend) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { b.keepBoard(ctx) })
	wg.Go(func() { b.keepRoll(ctx) })
	for {
		select {
		case <-ctx.Done():
			wg.Wait()
			b.flush()
			return nil
		case note := <-b.notes:
			b.write(note)
		}
	}
}

// flush writes what is left to be written.
func (b *Backend) flush() {
	for {
		select {
		case note := <-b.notes:
			b.write(note)
		default:
			return
		}
	}
}

func (b *Backend) write(note view.Activity) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.History.Note(ctx, note); err != nil {
		b.Log.Error("noting an activity", "app", note.App, "activity", note.Kind, "err", err)
		return
	}
	b.board.Touch(view.TopicActivity)
}

// note hands an activity to who writes it. It never blocks: where the history can't
// follow, the activity is lost, and the log says so.
func (b *Backend) note(activity view.Activity) {
	select {
	case b.notes <- activity:
	default:
		b.Log.Warn("an activity is lost: the history is too slow", "app", activity.App, "activity", activity.Kind)
	}
}

// Apps asks for a page of apps.
func (b *Backend) Apps(q view.Query, may func(*view.App) bool) view.Page { return b.board.Apps(q, may) }

// Brief is one app's line.
func (b *Backend) Brief(key model.AppKey) (view.App, bool) { return b.board.Get(key) }

// Activity is what happened.
func (b *Backend) Activity(ctx context.Context, q view.ActivityQuery) ([]view.Activity, error) {
	return b.History.Activities(ctx, q)
}

// VerifyAudit says whether the audit trail is whole.
func (b *Backend) VerifyAudit(ctx context.Context) (view.AuditCheck, error) {
	return b.History.VerifyAudit(ctx)
}

// Audits are who did or saw what.
func (b *Backend) Audits(ctx context.Context, q view.AuditQuery) ([]view.Audit, error) {
	return b.History.Audits(ctx, q)
}
