package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// groupKey is what subscriptions have in common that one look serves.
type groupKey struct {
	url   string // as the user wrote it, without credentials
	auth  model.Auth
	proxy model.Proxy
}

// group is a repository as one set of credentials sees it.
type group struct {
	key    groupKey
	remote remote
	access *access
	mirror *mirror

	// Guarded by Store.mu.
	subs     map[model.SourceKey]*subscription
	next     time.Time
	busy     bool
	again    bool // look once more after the one that runs
	failures int

	// good is what each ref was last; only the running look uses it.
	good map[model.Ref]*good
	// discards is the mirror's count when good was made.
	discards int64
}

// good is the last success of one ref.
type good struct {
	snapshot *model.Snapshot
	base     string              // where it came from
	past     map[string]struct{} // the commits before it
	pinned   bool                // it cannot change any more
}

// outcome is what a look found for one ref.
type outcome struct {
	snapshot *model.Snapshot
	err      error
	restored bool // from the last process, with err
}

// look finds the newest content of each ref. The error is that of the
// repository as a whole.
func (g *group) look(ctx context.Context, refs []model.Ref) (map[model.Ref]outcome, error) {
	out := map[model.Ref]outcome{}
	if n := g.mirror.discards.Load(); n != g.discards {
		g.discards, g.good = n, map[model.Ref]*good{}
	}
	var open []model.Ref
	for _, ref := range refs {
		if err := checkRef(ref); err != nil {
			out[ref] = outcome{err: fmt.Errorf("%s: %w", g.key.url, err)}
		} else if have := g.good[ref]; have != nil && have.pinned && !g.mirror.suspect.Load() {
			out[ref] = outcome{snapshot: have.snapshot}
		} else {
			open = append(open, ref)
		}
	}
	if len(open) == 0 {
		return out, nil
	}
	advert, base, err := g.access.list(ctx, !ofBranchesAndTags(open))
	if err == nil {
		err = g.follow(ctx, open, advert, base.key(), out)
	}
	if err != nil && ctx.Err() == nil {
		for _, ref := range open {
			if _, done := out[ref]; !done {
				out[ref] = g.restore(ctx, ref, err)
			}
		}
	}
	return out, err
}

// follow takes each ref to the commit that the repository says it has.
func (g *group) follow(ctx context.Context, refs []model.Ref, advert *advert, base string, out map[model.Ref]outcome) error {
	done, err := g.mirror.use(ctx)
	if err != nil {
		return err
	}
	defer done()
	if g.mirror.suspect.Load() {
		if err := g.discard(); err != nil {
			return err
		}
	}
	targets := map[model.Ref]target{}
	for _, ref := range refs {
		t, err := g.target(ctx, ref, advert)
		if err != nil {
			out[ref] = outcome{err: g.refError(err)}
			continue
		}
		if have := g.good[ref]; have != nil && have.isStale(t.commit, base) {
			t = target{commit: have.snapshot.Commit.ID, name: have.snapshot.Ref}
		}
		targets[ref] = t
	}
	err = g.take(ctx, targets, base, out)
	if errors.Is(err, errDamaged) {
		if err := g.discard(); err != nil {
			return err
		}
		err = g.take(ctx, targets, base, out)
	}
	return err
}

// discard makes the mirror anew; what it held for others is fetched again when
// they look or read.
func (g *group) discard() error {
	err := g.mirror.discard()
	g.discards, g.good = g.mirror.discards.Load(), map[model.Ref]*good{}
	return err
}

// isStale reports whether a commit is one that was left before, seen at another
// base: that base lags behind.
func (o *good) isStale(commit, base string) bool {
	_, old := o.past[commit]
	return old && base != o.base
}

func (g *group) refError(err error) error {
	return fmt.Errorf("repository %s: %w", g.key.url, err)
}

// target resolves a ref, with a search for a commit that no ref names. Its
// success is a proof that the credentials may read the commit.
func (g *group) target(ctx context.Context, ref model.Ref, advert *advert) (target, error) {
	t, err := advert.resolve(ref)
	if err != nil || !t.lookup {
		return t, err
	}
	if have := g.good[ref]; have != nil && have.pinned {
		return target{commit: have.snapshot.Commit.ID, lookup: true}, nil
	}
	scope := g.mirror.store.scope.of(g.key.auth)
	if k, ok := g.mirror.recall(ctx, scope, ref); ok && k.name == "" {
		return target{commit: k.commit, lookup: true}, nil
	}
	t.commit, err = g.access.prove(ctx, t.commit)
	return t, err
}

// take fetches what is not in the mirror yet and makes the snapshots.
func (g *group) take(ctx context.Context, targets map[model.Ref]target, base string, out map[model.Ref]outcome) error {
	if err := g.fetchMissing(ctx, targets); err != nil {
		return err
	}
	fresh := map[model.Ref]kept{}
	for ref, t := range targets {
		have := g.good[ref]
		if have != nil && have.snapshot.Commit.ID == t.commit && have.snapshot.Ref == t.name {
			have.base = base
			out[ref] = outcome{snapshot: have.snapshot}
			continue
		}
		snapshot, err := g.snapshot(t.commit, t.name)
		if errors.Is(err, model.ErrInvalid) {
			out[ref] = outcome{err: g.refError(err)}
			continue
		}
		if err != nil {
			return model.As(errDamaged, model.As(model.ErrTransient, fmt.Errorf("reading commit %s of %s: %w", t.commit, g.key.url, err)))
		}
		g.note(ref, t, snapshot, base)
		fresh[ref] = kept{commit: t.commit, name: t.name}
		out[ref] = outcome{snapshot: snapshot}
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := g.mirror.keep(ctx, g.mirror.store.scope.of(g.key.auth), fresh); err != nil {
		// The content is here; only a restart without the remote would miss it.
		g.mirror.store.cfg.Log.Warn("noting the fetched commits failed", "repository", g.key.url, "error", err)
	}
	if err := g.mirror.tidy(ctx); err != nil {
		g.mirror.store.cfg.Log.Warn("joining the packs of a mirror failed", "repository", g.key.url, "error", err)
	}
	return nil
}

func (g *group) fetchMissing(ctx context.Context, targets map[model.Ref]target) error {
	want := map[string]bool{}
	var ids []oid
	for ref, t := range targets {
		if have := g.good[ref]; have != nil && have.snapshot.Commit.ID == t.commit {
			continue
		}
		id, err := parseOID(t.commit)
		if err != nil {
			return err
		}
		if !want[t.commit] {
			want[t.commit] = true
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	missing, err := g.mirror.missing(ids)
	if err != nil {
		return model.As(errDamaged, err)
	}
	if len(missing) == 0 {
		return nil
	}
	commits := make([]string, len(missing))
	for i, id := range missing {
		commits[i] = id.String()
	}
	return g.access.fetch(ctx, commits)
}

// note remembers a success, and which commits were left behind.
func (g *group) note(ref model.Ref, t target, snapshot *model.Snapshot, base string) {
	const memory = 64
	n := &good{snapshot: snapshot, base: base, past: map[string]struct{}{}, pinned: t.lookup || ref.Commit != "" || isCommitID(ref.Any)}
	if old := g.good[ref]; old != nil {
		if len(old.past) < memory {
			n.past = maps.Clone(old.past)
		}
		n.past[old.snapshot.Commit.ID] = struct{}{}
		delete(n.past, t.commit)
	}
	g.good[ref] = n
}

func (g *group) snapshot(commit, name string) (*model.Snapshot, error) {
	c, root, err := g.mirror.load(commit)
	if err != nil {
		return nil, err
	}
	return &model.Snapshot{
		URL: g.key.url, Ref: name, Revision: c.ID, Commit: c,
		Tree: &tree{access: g.access, commit: commit, root: root},
	}, nil
}

// restore serves a ref whose repository cannot be looked at from the mirror, if
// these credentials have fetched it before.
func (g *group) restore(ctx context.Context, ref model.Ref, cause error) outcome {
	out := outcome{err: cause}
	if have := g.good[ref]; have != nil {
		out.snapshot = have.snapshot
		return out
	}
	done, err := g.mirror.use(ctx)
	if err != nil {
		return out
	}
	defer done()
	k, ok := g.mirror.recall(ctx, g.mirror.store.scope.of(g.key.auth), ref)
	if !ok {
		return out
	}
	if snapshot, err := g.snapshot(k.commit, k.name); err == nil {
		out.snapshot, out.restored = snapshot, true
		if cause == nil {
			return out
		}
		out.err = fmt.Errorf("%w; the commit fetched by an earlier start (%s) is used", cause, k.commit)
	}
	return out
}

// refs are what the subscriptions ask for, each once.
func (g *group) refs() []model.Ref {
	set := map[model.Ref]bool{}
	for _, sub := range g.subs {
		if !sub.src.Suspended {
			set[sub.src.Ref] = true
		}
	}
	return slices.Collect(maps.Keys(set))
}
