package target

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Config is what a target needs.
type Config struct {
	// Name is what apps call the cluster; "" is the one Fixpoint runs in.
	Name string
	// REST is the connection. Its rate limits are replaced.
	REST *rest.Config
	// Marks are those of all dialects.
	Marks []Mark
	// Health judges a whole object; NeedsContent says of which kinds whole
	// objects are watched at all, instead of their metadata.
	Health func(map[string]any) model.Health
	// Busy reports of an object that is Progressing whether something of it is really
	// running; nil: always.
	Busy         func(map[string]any) bool
	NeedsContent func(group, kind string) bool
	// Notify is called for every app that a change of a live object concerns.
	// The key is zero when a kind has been listed, or can't be. Must not block.
	Notify func(model.AppKey, model.ObjectKey)
	// KindsChanged is called when kinds were added or removed. Must not block.
	KindsChanged func()
	// Parallel is the ceiling of writes under way at a time; 0 is 16.
	Parallel int
	Log      *slog.Logger
}

// Target is a cluster.
type Target struct {
	cfg      Config
	managers []string
	kinds    *kinds
	served   served
	mirror   *mirror
	limit    *limiter
	counter  *counter
	dynamic  dynamic.Interface
	metadata metadata.Interface
	changes  changes

	mu       sync.Mutex
	ctx      context.Context // of Run; nil before
	ended    bool            // of Run; nothing is started any more
	watches  map[groupKind]*kindWatch
	versions map[groupKind]string
	wg       sync.WaitGroup
}

// New connects to a cluster. It sends no request yet.
func New(cfg Config) (*Target, error) {
	if cfg.Parallel <= 0 {
		cfg.Parallel = 16
	}
	t := &Target{cfg: cfg, watches: map[groupKind]*kindWatch{}, versions: map[groupKind]string{}}
	for _, m := range cfg.Marks {
		if !slices.Contains(t.managers, m.Manager) {
			t.managers = append(t.managers, m.Manager)
		}
	}
	t.limit = newLimiter(cfg.Parallel)
	t.counter = &counter{throttled: t.limit.throttled}
	t.mirror = newMirror(cfg.Notify)

	rc := rest.CopyConfig(cfg.REST)
	rc.QPS = -1 // the limiter adapts to the server instead
	// A cluster that does not answer must not hold workers that others need.
	rc.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	rc.WarningHandler, rc.WarningHandlerWithContext = nil, warningHandler{}
	rc.Wrap(func(next http.RoundTripper) http.RoundTripper { t.counter.next = next; return t.counter })
	client, err := rest.HTTPClientFor(rc)
	if err != nil {
		return nil, fmt.Errorf("connecting to cluster %q: %w", cfg.Name, err)
	}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(rc, client)
	if err != nil {
		return nil, fmt.Errorf("connecting to cluster %q: %w", cfg.Name, err)
	}
	t.kinds, t.served.client = newKinds(disco), disco
	if t.dynamic, err = dynamic.NewForConfigAndClient(rc, client); err != nil {
		return nil, fmt.Errorf("connecting to cluster %q: %w", cfg.Name, err)
	}
	if t.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(rc), client); err != nil {
		return nil, fmt.Errorf("connecting to cluster %q: %w", cfg.Name, err)
	}
	return t, nil
}

const (
	// dialTimeout bounds a connection's start, requestTimeout a write or read.
	dialTimeout    = 5 * time.Second
	requestTimeout = 30 * time.Second
)

// Name is what apps call the cluster.
func (t *Target) Name() string { return t.cfg.Name }

// Run keeps the mirror until ctx ends. Ensure starts its watches.
func (t *Target) Run(ctx context.Context) error {
	t.mu.Lock()
	t.ctx = ctx
	for _, w := range t.watches {
		t.startLocked(w)
	}
	t.mu.Unlock()
	<-ctx.Done()
	t.mu.Lock()
	t.ended = true
	t.mu.Unlock()
	t.wg.Wait()
	return nil
}

// running, called with the lock, reports whether goroutines may be started.
func (t *Target) running() bool { return t.ctx != nil && !t.ended }

// Ensure watches the kinds of refs. It reports whether all have been listed;
// if not, the app is notified when they have. Kinds that the cluster does not
// serve are left out: there is nothing of them to watch.
func (t *Target) Ensure(app model.AppKey, refs []model.ObjectRef) (bool, error) {
	all := true
	for _, ref := range refs {
		w, err := t.watchOf(ref)
		if isUnknown(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		synced, err := w.state(app)
		if err != nil && !synced {
			return false, classify(fmt.Errorf("listing %s: %w", ref.Kind, err))
		}
		all = all && synced
	}
	return all, nil
}

func (t *Target) watchOf(ref model.ObjectRef) (*kindWatch, error) {
	gk := groupKind{ref.Group, ref.Kind}
	t.mu.Lock()
	w := t.watches[gk]
	t.mu.Unlock()
	if w != nil {
		return w, nil
	}
	res, err := t.kinds.anyVersion(ref) // objects of another version count too
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if w := t.watches[gk]; w != nil {
		return w, nil
	}
	w = &kindWatch{gk: gk, target: t, waiting: map[model.AppKey]struct{}{}}
	t.watches[gk], t.versions[gk] = w, res.Version
	w.resource = res
	if t.running() {
		t.startLocked(w)
	}
	return w, nil
}

func (t *Target) startLocked(w *kindWatch) {
	ctx, stop := context.WithCancel(t.ctx)
	w.stop = stop
	t.wg.Go(func() { w.run(ctx, t.lister(w.gk, w.resource)) })
}

// lister reads whole objects where health needs them, else metadata.
func (t *Target) lister(gk groupKind, res Resource) lister {
	if t.cfg.NeedsContent(gk.group, gk.kind) {
		c := t.dynamic.Resource(res.GroupVersionResource)
		return lister{
			list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return c.List(ctx, o) },
			watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				return c.Watch(ctx, o)
			},
		}
	}
	c := t.metadata.Resource(res.GroupVersionResource)
	return lister{
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return c.List(ctx, o) },
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.Watch(ctx, o)
		},
	}
}

// arrived takes in objects from a watch.
func (t *Target) arrived(entries ...*entry) {
	defined := false
	for _, e := range entries {
		t.mirror.put(e.rec, "")
		defined = defined || (isCRD(e.rec.Ref.ObjectKey) && e.rec.Health.Status == model.Healthy)
	}
	if defined {
		t.kindsChanged("")
	}
}

// gone takes in that an object no longer exists.
func (t *Target) gone(key model.ObjectKey, at string) {
	known := t.mirror.record(key) != nil
	t.mirror.drop(key, at)
	if isCRD(key) && known {
		_, group, _ := strings.Cut(key.Name, ".") // a CRD's name is plural.group
		t.kindsChanged(group)
	}
}

// Claim replaces the sets of objects that an app declares and that it only
// wants to hear of. Both have a record, whether they bear a mark or not: what
// was dropped on arrival, since nobody wanted it then, is read again where it
// is only waited for. What is declared has its record from the write.
func (t *Target) Claim(app model.AppKey, declared, interested []model.ObjectKey) {
	fresh := t.mirror.claim(app, declared, interested)
	if len(fresh) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range fresh {
		if w := t.watches[groupKind{key.Group, key.Kind}]; w != nil && t.running() {
			t.wg.Go(func() { t.look(w, key) })
		}
	}
}

// Claimants are the apps that declare the object.
func (t *Target) Claimants(key model.ObjectKey) []model.AppKey { return t.mirror.claimants(key) }

// Live is what is known of an object, as an app with that field manager sees
// it; false if there is no such object, or none that an app manages or claims.
func (t *Target) Live(key model.ObjectKey, app model.AppKey, manager string) (model.Live, bool) {
	return t.mirror.live(key, app, manager)
}

// Owned lists the live objects that bear the app's mark, by key.
func (t *Target) Owned(app model.AppKey, manager string) []model.Live {
	return t.mirror.ownedBy(app, manager)
}

// Namespaced reports whether the object's kind lives in namespaces;
// model.ErrNotFound if the kind is not served at that version.
func (t *Target) Namespaced(ref model.ObjectRef) (bool, error) {
	res, err := t.kinds.resource(ref)
	return res.Namespaced, err
}

// KindsEpoch rises whenever the served kinds may have changed.
func (t *Target) KindsEpoch() int { return t.kinds.generation() }

// Kinds is how many kinds are watched.
func (t *Target) Kinds() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.watches)
}

// Requests counts what has been sent.
func (t *Target) Requests() Requests { return t.counter.requests() }

// Parallel is how many writes may be under way now.
func (t *Target) Parallel() int { return t.limit.width() }

// classify gives an API server's error its kind.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return model.As(model.ErrDenied, err)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return model.As(model.ErrInvalid, err)
	case apierrors.IsNotFound(err):
		return model.As(model.ErrNotFound, err)
	}
	return model.As(model.ErrTransient, err)
}
