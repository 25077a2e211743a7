package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/engine"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/remote"
	"github.com/fixpoint-cd/fixpoint/internal/script"
	"github.com/fixpoint-cd/fixpoint/internal/source"
)

// Inspect says what a sync of an app would change. It takes the controller's
// own way, from the repository to the plan, with parts of its own, and writes
// nothing but dry runs.
func Inspect(ctx context.Context, flags cli.InspectFlags) (cli.Inspection, error) {
	connection, err := flags.REST()
	if err != nil {
		return cli.Inspection{}, err
	}
	d, err := readDeclaration(ctx, connection, flags)
	if err != nil {
		return cli.Inspection{}, err
	}
	dir, err := os.MkdirTemp("", "fixpoint-diff-")
	if err != nil {
		return cli.Inspection{}, fmt.Errorf("making a directory for the repository: %w: free some space, or set $TMPDIR", err)
	}
	defer os.RemoveAll(dir)
	i, err := newInspector(dir, flags, d)
	if err != nil {
		return cli.Inspection{}, err
	}
	return i.inspect(ctx, d)
}

// inspector is a controller that looks at one app and does nothing.
type inspector struct {
	store   *source.Store
	targets *targets
	hosts   *hosts
	render  *rendering
	engine  *engine.Engine
	scripts *script.Pool
	changed chan struct{}
}

func newInspector(dir string, flags cli.InspectFlags, d declaration) (*inspector, error) {
	i := &inspector{changed: make(chan struct{}, 1)}
	var err error
	i.store, err = source.New(source.Config{
		Dir: dir, Rewrites: rewrites(flags.Mirrors), AllowLocal: flags.AllowLocal,
		OnChange: func(key model.SourceKey) { i.hosts.uses.Changed(key); i.signal() },
	})
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	tracker := &argo.Tracker{ControlPlaneNamespace: flags.ArgoNamespace}
	tracker.Follow(d.settings)
	i.scripts = script.New(script.Config{})
	tracker.SetDestination(d.app.Key, d.app.Namespace)
	i.targets = &targets{
		log: log, all: map[string]*running{}, marks: marks(tracker), judge: judge{i.scripts, d.settings.HealthScript},
		notify: func(model.AppKey, model.ObjectKey) { i.signal() }, kinds: func(string) { i.signal() },
		find: func(string) (*rest.Config, error) { return d.cluster, nil },
	}
	if i.hosts, err = i.newHosts(flags, d); err != nil {
		return nil, err
	}
	if i.render, err = newRendering(renderOptions{Plugins: flags.Plugins, Vaults: flags.Vaults, Log: slog.Default()}); err != nil {
		return nil, err
	}
	i.engine = engine.New(engine.Config{
		Sources: i.store, Renderer: i.render, Host: i.hosts.of, Rendered: i.hosts.uses.End, Target: i.targets.get, Ledger: noLedger{}, Paths: i.scripts.Paths, Log: log,
		Dialects: dialectsFor(tracker, func() *argo.Settings { return d.settings }, nil, nil),
	})
	return i, nil
}

// newHosts answers the app's renders with the app's own credentials.
func (i *inspector) newHosts(flags cli.InspectFlags, d declaration) (*hosts, error) {
	policy, err := policyOf(flags.AllowRemote)
	if err != nil {
		return nil, err
	}
	return &hosts{
		targets: i.targets, policy: policy, downloads: remote.NewDownloads(policy),
		uses: remote.NewUses(i.store, func(model.AppKey) { i.signal() }),
		complete: map[string]func(model.AppKey, model.Source) (model.Source, error){
			d.app.Key.Dialect: func(_ model.AppKey, src model.Source) (model.Source, error) { return d.complete(src) },
		},
	}, nil
}

// signal tells a waiting inspection that there is news.
func (i *inspector) signal() {
	select {
	case i.changed <- struct{}{}:
	default:
	}
}

func (i *inspector) inspect(ctx context.Context, d declaration) (out cli.Inspection, err error) {
	run, stop := context.WithCancel(ctx)
	var g errgroup.Group
	g.Go(func() error { return i.store.Run(run) })
	g.Go(func() error { return i.targets.Run(run) })
	defer func() {
		stop()
		i.render.Close()
		i.scripts.Close()
		if ended := g.Wait(); err == nil {
			err = ended
		}
		if closed := i.store.Close(); err == nil {
			err = closed
		}
	}()
	for key, src := range d.sources {
		i.store.Set(key, src)
	}
	t, err := i.targets.get(d.app.Target)
	if err != nil {
		return out, err
	}
	for app, objects := range d.others {
		t.Claim(app, objects, nil)
	}
	found, err := i.engine.Inspect(ctx, d.app, i.changed)
	if err != nil {
		return out, err
	}
	out = cli.Inspection{Blocked: found.Plan.Blocked, Warnings: found.Warnings}
	if s := found.Snapshot; s != nil {
		out.Ref, out.Commit = s.Ref, s.Revision
	}
	i.targets.mu.Lock()
	cluster := i.targets.all[d.app.Target].Target
	i.targets.mu.Unlock()
	out.Changes, err = contents(ctx, cluster, found, d.app, i.scripts.Paths)
	for n := range out.Changes {
		out.Changes[n].Err = engine.Discreet(d.app, out.Changes[n].Err)
	}
	return out, err
}

// noLedger remembers nothing: every object is compared by a dry run.
type noLedger struct{}

func (noLedger) Load(model.AppKey) (map[model.ObjectKey]model.Pair, []model.ObjectRef, error) {
	return map[model.ObjectKey]model.Pair{}, nil, nil
}

func (noLedger) Save(model.AppKey, map[model.ObjectKey]model.Pair, []model.ObjectKey) error {
	return nil
}
func (noLedger) SaveKinds(model.AppKey, []model.ObjectRef) error { return nil }
func (noLedger) Forget(model.AppKey) error                       { return nil }
