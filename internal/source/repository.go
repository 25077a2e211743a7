package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/hosts"
)

// repository is a Git repository as one set of credentials sees it. Its fields
// are used by the running look alone.
type repository struct {
	url    string // for messages
	access *access
	mirror *mirror

	// good is what each ref was last.
	good map[model.Ref]*good
	// views are what was made of that for each ask.
	views map[askKey]*view
	// discards is the mirror's count when good was made.
	discards int64
}

// good is the last success of one ref.
type good struct {
	target
	commit model.Commit
	tree   *tree
	base   string              // where it came from
	past   map[string]struct{} // the commits before it
	pinned bool                // it cannot change any more
}

// found is what a look found for one ref.
type found struct {
	good     *good
	err      error
	restored bool // from the last process, with err
}

func (s *Store) gitPlace(src model.Source) (place, error) {
	r, user, err := parseURL(src.URL, s.cfg.AllowLocal)
	if err != nil {
		return place{}, err
	}
	key := groupKey{kind: model.SourceGit, url: r.key(), auth: withUserinfo(src.Auth, user), proxy: src.Proxy, foreign: src.Foreign}
	at := place{key: key, open: func() finder {
		a := s.accessTo(r, key.auth, key.proxy, s.policyOf(src))
		return &repository{url: withoutUserinfo(r.String()), access: a, mirror: a.mirror, good: map[model.Ref]*good{}, views: map[askKey]*view{}}
	}}
	for _, b := range bases(r, s.cfg.Rewrites, s.cfg.AllowLocal) {
		at.index = append(at.index, b.index())
	}
	return at, nil
}

// accessTo opens a repository for some credentials. s.mu is held.
func (s *Store) accessTo(r remote, auth model.Auth, proxy model.Proxy, policy *hosts.Policy) *access {
	return &access{
		store: s, mirror: s.mirrorOf(r), orig: r, auth: auth, proxy: proxy, policy: policy,
		bases: bases(r, s.cfg.Rewrites, s.cfg.AllowLocal),
	}
}

func (r *repository) grant(timeout time.Duration) { r.access.timeout.Store(int64(timeout)) }

// look finds the newest commit of each ref and makes of it what is asked for.
func (r *repository) look(ctx context.Context, asks map[askKey]model.Source) (map[askKey]outcome, error) {
	maps.DeleteFunc(r.views, func(key askKey, _ *view) bool { _, ok := asks[key]; return !ok })
	refs := map[model.Ref]bool{}
	for _, src := range asks {
		refs[src.Ref] = refs[src.Ref] || src.Verify != nil && src.Verify.Tag
	}
	all, err := r.resolve(ctx, refs)
	out := map[askKey]outcome{}
	for key, src := range asks {
		if f, ok := all[src.Ref]; ok {
			out[key] = r.outcome(ctx, key, src, f)
			if now := out[key].err; err == nil && errors.Is(now, model.ErrTransient) && !errors.Is(now, model.ErrIncludeUnavailable) {
				err = now
			}
		}
	}
	return out, err
}

// resolve finds the newest commit of each ref; a true value asks for its tag
// too. The error is that of the repository as a whole.
func (r *repository) resolve(ctx context.Context, refs map[model.Ref]bool) (map[model.Ref]found, error) {
	out := map[model.Ref]found{}
	if n := r.mirror.discards.Load(); n != r.discards {
		r.discards, r.good = n, map[model.Ref]*good{}
	}
	open := map[model.Ref]bool{}
	for ref, tag := range refs {
		if err := checkRef(ref); err != nil {
			out[ref] = found{err: fmt.Errorf("%s: %w", r.url, err)}
		} else if have := r.good[ref]; have != nil && have.pinned && !r.mirror.suspect.Load() {
			out[ref] = found{good: have}
		} else {
			open[ref] = tag
		}
	}
	if len(open) == 0 {
		return out, nil
	}
	advert, base, err := r.access.list(ctx, !ofBranchesAndTags(maps.Keys(open)))
	if err == nil {
		err = r.follow(ctx, open, advert, base.key(), out)
	}
	if err != nil && ctx.Err() == nil {
		for ref := range open {
			if _, done := out[ref]; !done {
				out[ref] = r.recall(ctx, refName(ref), ref, err)
			}
		}
	}
	return out, err
}

// follow takes each ref to the commit that the repository says it has.
func (r *repository) follow(ctx context.Context, refs map[model.Ref]bool, advert *advert, base string, out map[model.Ref]found) error {
	done, err := r.mirror.use(ctx)
	if err != nil {
		return err
	}
	defer done()
	if r.mirror.suspect.Load() {
		if err := r.discard(); err != nil {
			return err
		}
	}
	targets := map[model.Ref]target{}
	for ref, tag := range refs {
		t, err := r.target(ctx, ref, advert)
		if err != nil {
			out[ref] = found{err: r.refError(err)}
			continue
		}
		if have := r.good[ref]; have != nil && have.isStale(t.id, base) {
			t = have.target
		}
		t.wantTag = tag && t.tag != ""
		targets[ref] = t
	}
	err = r.take(ctx, targets, base, out)
	if errors.Is(err, errDamaged) {
		if err := r.discard(); err != nil {
			return err
		}
		err = r.take(ctx, targets, base, out)
	}
	return err
}

// discard makes the mirror anew; what it held for others is fetched again when
// they look or read.
func (r *repository) discard() error {
	err := r.mirror.discard()
	r.discards, r.good = r.mirror.discards.Load(), map[model.Ref]*good{}
	return err
}

// isStale reports whether a commit is one that was left before, seen at another
// base: that base lags behind.
func (o *good) isStale(commit, base string) bool {
	_, old := o.past[commit]
	return old && base != o.base
}

func (r *repository) refError(err error) error {
	return fmt.Errorf("repository %s: %w", r.url, err)
}

// target resolves a ref, with a search for a commit that no ref names. Its
// success is a proof that the credentials may read the commit.
func (r *repository) target(ctx context.Context, ref model.Ref, advert *advert) (target, error) {
	t, err := advert.resolve(ref)
	if err != nil || !t.lookup {
		return t, err
	}
	if have := r.good[ref]; have != nil && have.pinned {
		return have.target, nil
	}
	t.id, err = r.access.proven(ctx, refName(ref), t.id)
	return t, err
}

// take fetches what is not in the mirror yet.
func (r *repository) take(ctx context.Context, targets map[model.Ref]target, base string, out map[model.Ref]found) error {
	if err := r.fetchMissing(ctx, targets); err != nil {
		return err
	}
	fresh := map[string]kept{}
	for ref, t := range targets {
		have := r.good[ref]
		if have != nil && have.target.same(t) {
			have.base = base
			out[ref] = found{good: have}
			continue
		}
		now, err := r.read(kept{commit: t.id, name: t.name, tag: t.tag})
		if errors.Is(err, model.ErrInvalid) {
			out[ref] = found{err: r.refError(err)}
			continue
		}
		if err != nil {
			return model.As(errDamaged, model.As(model.ErrTransient, fmt.Errorf("reading commit %s of %s: %w", t.id, r.url, err)))
		}
		now.target, now.base = t, base
		now.pinned = t.lookup || ref.Commit != "" || isCommitID(ref.Any)
		now.leave(have)
		r.good[ref] = now
		fresh[refName(ref)] = kept{commit: t.id, name: t.name}
		out[ref] = found{good: now}
	}
	r.keep(ctx, fresh)
	if len(fresh) == 0 {
		return nil
	}
	if err := r.mirror.tidy(ctx); err != nil {
		r.mirror.store.cfg.Log.Warn("joining the packs of a mirror failed", "repository", r.url, "error", err)
	}
	return nil
}

// fetchMissing gets the commits, and the tags that are wanted, that are not in
// the mirror.
func (r *repository) fetchMissing(ctx context.Context, targets map[model.Ref]target) error {
	want := map[string]bool{}
	for ref, t := range targets {
		if have := r.good[ref]; have != nil && have.target.same(t) {
			continue
		}
		want[t.id] = true
		if t.wantTag {
			want[t.tag] = true
		}
	}
	return r.access.need(ctx, want)
}

// leave remembers which commits were there before.
func (o *good) leave(old *good) {
	const memory = 64
	o.past = map[string]struct{}{}
	if old == nil {
		return
	}
	if len(old.past) < memory {
		o.past = maps.Clone(old.past)
	}
	o.past[old.id] = struct{}{}
	delete(o.past, o.id)
}

// read makes the content of a commit that is in the mirror.
func (r *repository) read(k kept) (*good, error) {
	c, root, err := r.mirror.load(k.commit)
	if err != nil {
		return nil, err
	}
	return &good{
		target: target{id: k.commit, name: k.name, tag: k.tag},
		commit: c, tree: &tree{top: &content{access: r.access, commit: k.commit, root: root, at: "."}},
	}, nil
}

// restore serves an ask whose repository is not to be looked at.
func (r *repository) restore(ctx context.Context, src model.Source, cause error) outcome {
	return r.outcome(ctx, askOf(src), src, r.recall(ctx, refName(src.Ref), src.Ref, cause))
}

// recall finds what a ref was last, if these credentials have fetched it before.
func (r *repository) recall(ctx context.Context, name string, ref model.Ref, cause error) found {
	out := found{err: cause}
	if have := r.good[ref]; have != nil {
		out.good = have
		return out
	}
	done, err := r.mirror.use(ctx)
	if err != nil {
		return out
	}
	defer done()
	k, ok := r.mirror.recall(ctx, r.access.scope(), name)
	if !ok {
		return out
	}
	if old, err := r.read(k); err == nil {
		out.good, out.restored = old, true
		if cause != nil {
			out.err = fmt.Errorf("%w; the commit fetched by an earlier start (%s) is used", cause, k.commit)
		}
	}
	return out
}

// keep notes what is good, for a restart without the remote. The caller uses the
// mirror.
func (r *repository) keep(ctx context.Context, fresh map[string]kept) {
	if len(fresh) == 0 {
		return
	}
	if err := r.mirror.keep(ctx, r.access.scope(), fresh); err != nil {
		// The content is here; only a restart without the remote would miss it.
		r.mirror.store.cfg.Log.Warn("noting the fetched commits failed", "repository", r.url, "error", err)
	}
}
