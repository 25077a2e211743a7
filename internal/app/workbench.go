package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/remote"
	"github.com/fixpoint-cd/fixpoint/internal/source"
)

// workbench renders and fetches for the command line, without a cluster. The
// source store is made at the first use.
type workbench struct {
	flags     cli.WorkbenchFlags
	policy    remote.Policy
	downloads *remote.Downloads
	rendering *rendering
	stop      context.CancelFunc

	mu    sync.Mutex
	dir   string
	store *source.Store
	uses  *remote.Uses
	ended chan error
}

// newWorkbench is cli.Deps.Workbench.
func newWorkbench(flags cli.WorkbenchFlags) (cli.Workbench, error) {
	policy, err := policyOf(flags.AllowRemote)
	if err != nil {
		return nil, err
	}
	r, err := newRendering(renderOptions{Plugins: flags.Plugins, Vaults: flags.Vaults, Log: slog.Default()})
	if err != nil {
		return nil, err
	}
	return &workbench{flags: flags, policy: policy, downloads: remote.NewDownloads(policy), rendering: r}, nil
}

func policyOf(allow []string) (remote.Policy, error) {
	if len(allow) == 0 {
		allow = remote.DefaultAllow()
	}
	policy, err := remote.NewPolicy(allow)
	if err != nil {
		return policy, fmt.Errorf("--allow-remote: %w", err)
	}
	return policy, nil
}

// Render is confined as in the controller: what is looked at before it is merged
// may be anybody's.
func (w *workbench) Render(ctx context.Context, in model.RenderInput) (model.Rendered, error) {
	in.Host = bench{w}
	return w.rendering.Render(ctx, in)
}

// Fetch gets a source that the user has named.
func (w *workbench) Fetch(ctx context.Context, src model.Source) (*model.Snapshot, error) {
	if err := w.open(); err != nil {
		return nil, err
	}
	for {
		snap, err := w.uses.Fetch(ctx, model.AppKey{}, src)
		if !errors.Is(err, remote.ErrFetching) {
			return snap, err
		}
	}
}

// Base is read from the work tree's own repository.
func (w *workbench) Base(ctx context.Context, worktree, revision string) (*model.Snapshot, error) {
	if err := w.open(); err != nil {
		return nil, err
	}
	return w.store.Base(ctx, worktree, revision)
}

// open starts a store in a folder of its own.
func (w *workbench) open() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.store != nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "fixpoint-")
	if err != nil {
		return fmt.Errorf("making a directory for repositories: %w: free some space, or set $TMPDIR", err)
	}
	store, err := source.New(source.Config{
		Dir: filepath.Join(dir, "sources"), Rewrites: rewrites(w.flags.Mirrors), AllowLocal: w.flags.AllowLocal,
		OnChange: func(key model.SourceKey) { w.uses.Changed(key) }, Interval: time.Hour,
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	ctx, stop := context.WithCancel(context.Background())
	w.dir, w.store, w.stop, w.ended = dir, store, stop, make(chan error, 1)
	w.uses = remote.NewUses(store, func(model.AppKey) {})
	go func() { w.ended <- store.Run(ctx) }()
	return nil
}

// Close removes what was fetched.
func (w *workbench) Close() error {
	w.rendering.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.store == nil {
		return nil
	}
	w.stop()
	return errors.Join(<-w.ended, w.store.Close(), os.RemoveAll(w.dir))
}

// bench is what renders may ask of a workbench.
type bench struct{ w *workbench }

// Cluster is what the flags say; nothing is Helm's default.
func (b bench) Cluster(context.Context) (string, []string, error) {
	return b.w.flags.KubeVersion, b.w.flags.APIVersions, nil
}

// Remote is allowed by the policy.
func (b bench) Remote(ctx context.Context, src model.Source) (*model.Snapshot, error) {
	if err := b.w.policy.CheckRemote(ctx, src.URL); err != nil {
		return nil, err
	}
	src.Foreign = !b.w.policy.Names(src.URL)
	return b.w.Fetch(ctx, src)
}

// Download is allowed by the policy.
func (b bench) Download(ctx context.Context, url string) ([]byte, error) {
	return b.w.downloads.Get(ctx, url)
}

// Lookup finds nothing: there is no cluster.
func (b bench) Lookup(context.Context, model.ObjectRef) ([]byte, error) { return nil, nil }
