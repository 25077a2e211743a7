package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/engine"
	"github.com/fixpoint-cd/fixpoint/internal/history"
	"github.com/fixpoint-cd/fixpoint/internal/ledger"
	"github.com/fixpoint-cd/fixpoint/internal/metrics"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/policy"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
	"github.com/fixpoint-cd/fixpoint/internal/script"
	"github.com/fixpoint-cd/fixpoint/internal/source"
	"github.com/fixpoint-cd/fixpoint/internal/target"
	"github.com/fixpoint-cd/fixpoint/internal/webhook"
)

// Options are those of a controller.
type Options struct {
	// REST is the connection to the cluster that holds the apps.
	REST *rest.Config
	// DataDir holds the Git mirrors and the ledger. One controller uses it.
	DataDir string
	// Mirrors rewrite repository URLs.
	Mirrors []source.Rewrite
	// AllowLocal permits repositories that are paths of this machine.
	AllowLocal bool
	// Listen is the address of /metrics, /healthz, /readyz and /webhook.
	Listen string
	// ArgoNamespace is Argo CD's control-plane namespace; "" is "argocd".
	ArgoNamespace string
	// AppNamespaces are further namespaces with Applications; "*" is all.
	AppNamespaces []string
	// WebhookSecret is what webhook calls have to be signed with, beside the
	// secrets of argocd-secret.
	WebhookSecret string
	// UnsignedWebhooks accepts unsigned calls while no secret is configured.
	UnsignedWebhooks bool
	// AllowRemote are URLs that renders may fetch from; see package remote. None is
	// remote.DefaultAllow.
	AllowRemote []string
	// DenyHosts and AllowHosts say where sources may lie; see source.Config.
	DenyHosts, AllowHosts []string
	// Plugins is the folder of the config management plugins; "" is none.
	Plugins string
	// NoCrossNamespace forbids Flux's objects to name sources of other namespaces.
	NoCrossNamespace bool
	// Vaults are the HashiCorp Vaults that a token for SOPS may be sent to.
	Vaults []string
	// RenderMemory and RenderTimeout bound a render, RenderWorkers how many run
	// at a time; 0 is the default.
	RenderMemory  int64
	RenderTimeout time.Duration
	RenderWorkers int
	// Workers is how many apps are worked on at a time; 0 is the engine's default.
	Workers int
	// LeaderElection lets one of several controllers work, by a Lease in this
	// namespace; "" is off.
	LeaderElection string
	// Started is called with the address that is listened on; nil for none.
	Started func(addr string)
	// UIListen is the address of the web pages and the APIs; "" is none. TLS is what
	// they prove themselves with, and UIStarted is called with the real address.
	UIListen  string
	TLS       Certificate
	UIStarted func(addr string)
	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// UIHosts are names at which anonymous readers are let in, besides those of the
	// installation's addresses.
	UIHosts []string
	// HistoryURL is the PostgreSQL database of history and audit trail; "" is a file in
	// DataDir.
	HistoryURL string
	// KeepAudit is how long the audit trail goes back; 0 is for ever.
	KeepAudit time.Duration
}

// controller is the wiring: every part and how they find each other.
type controller struct {
	opt     Options
	log     *slog.Logger
	metrics *prometheus.Registry
	store   *source.Store
	render  *rendering
	ledger  *ledger.Ledger
	history *history.Store
	scripts *script.Pool
	targets *targets
	hosts   *hosts
	hooks   *webhook.Handler
	engine  *engine.Engine
	argo    *argo.Reconciler
	flux    *flux.Controller
	events  record.EventRecorder
	ui      *ui // nil for none
	ready   atomic.Bool
	known   chan struct{} // closed with ready

	mu       sync.Mutex
	clusters map[string]argo.Cluster // by the name that apps use
}

// Controller keeps clusters at the state that Git declares, until ctx ends.
func Controller(ctx context.Context, opt Options, log *slog.Logger) error {
	if opt.ArgoNamespace == "" {
		opt.ArgoNamespace = "argocd"
	}
	opt.REST = rest.CopyConfig(opt.REST)
	opt.REST.QPS = -1 // the API server says when it is too much
	c := &controller{opt: opt, log: log, metrics: prometheus.NewRegistry(), known: make(chan struct{})}
	mgr, err := c.connect(ctx)
	if errors.Is(err, context.Canceled) {
		return nil // told to stop before it had begun
	}
	if err != nil {
		return err
	}
	if err := c.open(mgr); err != nil {
		return err
	}
	defer c.close()
	if err := c.watch(ctx, mgr); err != nil {
		return err
	}
	srv, err := newServer(opt.Listen, log, prometheus.Gatherers{c.metrics, ctrlmetrics.Registry}, c.hooks, c.isReady)
	if err != nil {
		return err
	}
	if opt.Started != nil {
		opt.Started(srv.listener.Addr().String())
	}
	if err := c.watchRows(ctx, mgr); err != nil {
		return err
	}
	// In the order of their start; all stop when one fails.
	g, ctx := errgroup.WithContext(ctx)
	for name, run := range map[string]func(context.Context) error{
		"ui": c.runUI, "server": srv.Run, "sources": c.store.Run, "targets": c.targets.Run,
		"engine": c.engine.Run, "apps": mgr.Start, "start": func(ctx context.Context) error { return c.release(ctx, mgr) },
	} {
		g.Go(func() error {
			if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// open makes the parts and tells them of each other.
func (c *controller) open(mgr ctrl.Manager) error {
	if err := os.MkdirAll(c.opt.DataDir, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w: choose another with --data-dir", err)
	}
	var err error
	if c.ledger, err = ledger.Open(filepath.Join(c.opt.DataDir, "ledger.db")); err != nil {
		return err
	}
	if c.history, err = openHistory(mgr, c.opt); err != nil {
		return errors.Join(err, c.ledger.Close())
	}
	c.scripts = script.New(script.Config{})
	c.store, err = source.New(source.Config{
		Dir: filepath.Join(c.opt.DataDir, "git"), Rewrites: c.opt.Mirrors, AllowLocal: c.opt.AllowLocal, Log: c.log,
		DenyHosts: c.opt.DenyHosts, AllowHosts: c.opt.AllowHosts,
		OnChange: c.sourceChanged,
	})
	if err != nil {
		return errors.Join(err, c.ledger.Close())
	}
	if c.render, err = newRendering(c.opt.rendering(c.log)); err != nil {
		return errors.Join(err, c.store.Close(), c.ledger.Close())
	}
	c.tellConfinement()
	tracker := &argo.Tracker{ControlPlaneNamespace: c.opt.ArgoNamespace}
	c.targets = &targets{
		log: c.log, all: map[string]*running{}, find: c.findCluster, marks: marks(tracker), judge: judge{c.scripts, c.healthScript},
		notify: func(app model.AppKey, _ model.ObjectKey) { c.engine.Wake(app); c.listed() },
		kinds:  func(name string) { c.engine.KindsChanged(name) },
	}
	if c.hosts, err = c.newHosts(); err != nil {
		return errors.Join(err, c.store.Close(), c.ledger.Close())
	}
	m := metrics.New(c.metrics)
	dialects := map[string]engine.Dialect{}
	c.engine = engine.New(engine.Config{
		Sources: c.store, Renderer: c.render, Target: c.targets.get, Ledger: c.ledger, History: c.history, Paths: c.scripts.Paths,
		Workers: c.opt.Workers, Log: c.log,
		Host: c.hosts.of, Rendered: c.hosts.uses.End, Forgotten: c.hosts.uses.Forget,
		Observe: m.Reconciled, Synced: m.Synced, Dialects: dialects,
	})
	//nolint:staticcheck // the new events API has no place for what kubectl describe shows
	c.events = mgr.GetEventRecorderFor("fixpoint")
	c.flux = flux.NewController()
	c.argo = argo.New(argo.Config{
		Client: mgr.GetClient(), Engine: declaring{c.engine, c}, Sources: c.store, Recorder: c.events,
		Tracker: tracker, Namespace: c.opt.ArgoNamespace, Namespaces: c.opt.AppNamespaces,
		ClustersChanged: c.clustersChanged, SettingsChanged: c.settingsChanged, Log: c.log,
	})
	maps.Copy(dialects, dialectsFor(tracker, c.argo.Settings, told{c, c.argo}, told{c, c.flux}))
	c.hooks = c.newWebhooks()
	c.engine.Hold()
	c.count(m)
	if c.opt.UIListen == "" {
		return nil
	}
	c.ui, err = c.newUI(mgr, dialectsFor(tracker, c.argo.Settings, nil, nil))
	return err
}

// tellConfinement says at the start what holds back renders.
func (c *controller) tellConfinement() {
	if confined := sandbox.Available(); confined.Full() {
		c.log.Info("renders are confined", "by", confined.String())
	} else {
		c.log.Warn("renders are not fully confined: who may push may read more than files of the repository", "by", confined.String())
	}
}

func (c *controller) close() {
	c.render.Close()
	c.scripts.Close()
	if err := c.history.Close(); err != nil {
		c.log.Error("closing the history", "err", err)
	}
	if err := errors.Join(c.store.Close(), c.ledger.Close()); err != nil {
		c.log.Error("closing", "err", err)
	}
}

// dialectsFor is what the engine needs of each front end. Reporters may be nil
// where nothing is acted on.
func dialectsFor(tracker *argo.Tracker, settings func() *argo.Settings, forArgo, forFlux engine.Reporter) map[string]engine.Dialect {
	return map[string]engine.Dialect{
		argo.Dialect: {Reporter: forArgo, Stamp: tracker.Stamp, Policy: applicationPolicy(settings), Traits: argo.Traits, Permit: permit(settings)},
		flux.Dialect: {
			Reporter: forFlux, Stamp: flux.Tracker{}.Stamp, Traits: flux.Traits,
			Policy: always(policy.Rules{Skip: flux.Skip, Unhonoured: flux.Unhonoured}),
		},
		flux.HelmDialect: {
			Reporter: forFlux, Stamp: flux.HelmTracker{}.Stamp, Traits: flux.HelmTraits,
			Policy: always(policy.Rules{Hooks: true, Unhonoured: flux.HelmUnhonoured}),
		},
	}
}

func always(rules policy.Rules) func(model.App) policy.Rules {
	return func(model.App) policy.Rules { return rules }
}

// applicationPolicy leaves out of Applications what Argo CD's settings exclude.
func applicationPolicy(settings func() *argo.Settings) func(model.App) policy.Rules {
	return func(app model.App) policy.Rules {
		s := settings()
		return policy.Rules{
			Unhonoured: argo.Unhonoured,
			Excluded:   func(group, kind string) string { return s.Excluded(app.Target, group, kind) },
		}
	}
}

// permit says what an Application may not write.
func permit(settings func() *argo.Settings) func(model.App, []model.ObjectRef) error {
	return func(app model.App, refs []model.ObjectRef) error {
		return settings().Permit(app, refs)
	}
}

// healthScript is the users' own health check of a kind.
func (c *controller) healthScript(group, kind string) (src string, openLibs, ok bool) {
	return c.argo.Settings().HealthScript(group, kind)
}

// settingsChanged reads all clusters anew where what was read of them is out of
// date.
func (c *controller) settingsChanged(change argo.SettingsChange) {
	c.log.Info("settings of Argo CD have changed: objects are read anew", "marks", change.Marks, "scripts", change.Scripts)
	for _, name := range c.targets.renew() {
		c.engine.TargetChanged(name)
	}
}

// marks are how the dialects mark what is theirs.
func marks(tracker *argo.Tracker) []target.Mark {
	return []target.Mark{
		{Manager: argo.Manager, Owner: tracker.Owner, Alone: true, Traits: argo.Traits},
		{Manager: argo.Manager, Owner: tracker.Former, Traits: argo.Traits},
		{Manager: flux.Manager, Owner: flux.Tracker{}.Owner, Traits: flux.Traits},
		{Manager: flux.HelmManager, Owner: flux.HelmTracker{}.Owner, Traits: flux.HelmTraits},
	}
}

// ownerOf is the app that an object of the own cluster is marked as part of.
func (c *controller) ownerOf(labels, annotations map[string]string, obj model.ObjectKey) (model.AppKey, bool) {
	for _, m := range c.targets.marks {
		if app, ok := m.Owner(labels, annotations, obj); ok {
			return app, true
		}
	}
	return model.AppKey{}, false
}

// sourceChanged tells everybody that a source has news.
func (c *controller) sourceChanged(key model.SourceKey) {
	c.flux.SourceChanged(key)
	c.engine.SourceChanged(key)
	c.hosts.uses.Changed(key)
	c.sourceSeen(key)
}

// findCluster finds the connection of an app's target.
func (c *controller) findCluster(name string) (*rest.Config, error) {
	if name == "" {
		return c.opt.REST, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.clusters[name]
	if !ok {
		return nil, model.As(model.ErrNotFound, fmt.Errorf("there is no cluster %s: declare it by a cluster Secret in namespace %s", name, c.opt.ArgoNamespace))
	}
	return found.Config, found.Err
}

// clustersChanged takes the clusters that Argo CD's Secrets declare. Apps of
// those whose connection is another now are worked on anew.
func (c *controller) clustersChanged(clusters []argo.Cluster) {
	all := make(map[string]argo.Cluster, len(clusters))
	for _, found := range clusters {
		all[found.Target()] = found
	}
	c.mu.Lock()
	var changed []string
	for name, old := range c.clusters {
		if now, still := all[name]; still && now.Digest == old.Digest {
			all[name] = old // the connection stays
		} else {
			changed = append(changed, name)
		}
	}
	c.clusters = all
	c.mu.Unlock()
	for _, name := range changed {
		c.engine.TargetChanged(name)
	}
}

// release lets the engine act once every app that exists has been read.
func (c *controller) release(ctx context.Context, mgr ctrl.Manager) error {
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		return nil
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		// Anew each time: an app that goes meanwhile is never known.
		keys, err := c.declared(ctx, mgr.GetClient())
		if err != nil {
			return err
		}
		if c.allKnown(keys) {
			c.engine.Release()
			c.ready.Store(true)
			close(c.known)
			c.log.Info("ready", "apps", len(keys))
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *controller) allKnown(keys []model.AppKey) bool {
	for _, k := range keys {
		if !c.engine.Known(k) {
			return false
		}
	}
	return true
}

func (c *controller) isReady() error {
	if !c.ready.Load() {
		return errors.New("still reading the apps")
	}
	return nil
}
