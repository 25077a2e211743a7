package source

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/bucket"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
	"github.com/fixpoint-cd/fixpoint/internal/source/helmrepo"
	"github.com/fixpoint-cd/fixpoint/internal/source/oci"
	"github.com/fixpoint-cd/fixpoint/internal/source/overlay"
)

// artifacts are what one place that is no Git repository has: a repository in a
// registry, a Helm repository or a bucket. Its fields are used by the running
// look alone.
type artifacts struct {
	store    *Store
	key      groupKey
	name     string // the place for errors
	host     string
	settings fetch.Settings
	puller   fetch.Puller
	timeout  atomic.Int64
	// good is what each want was last.
	good map[fetch.Want]*taken
	// views are the snapshots made of that for each ask.
	views map[askKey]*artifactView
}

// taken is the last success of a want.
type taken struct {
	got *fetch.Got
	// restored: it is from an earlier process, and no look has confirmed it yet.
	restored bool
}

// artifactView is what was taken as one ask wants it.
type artifactView struct {
	of       *fetch.Got
	snapshot *model.Snapshot
	id       string
}

// artifactPlace checks a source and says where it is.
func (s *Store) artifactPlace(src model.Source) (place, error) {
	host, user, err := artifactHost(src)
	if err != nil {
		return place{}, err
	}
	shown := withoutQuery(src.URL)
	auth := withUserinfo(src.Auth, user)
	src.URL, src.Auth = hideUserinfo(src.URL), auth
	settings := fetch.Settings{Auth: auth, Proxy: src.Proxy, Hosts: s.policyOf(src), Requests: &s.stats.requests}
	puller, err := s.puller(src, settings)
	if err != nil {
		return place{}, fmt.Errorf("source %s: %w", shown, err)
	}
	key := groupKey{kind: src.Kind, url: shown + " " + digestOf(settingsOf(src)), auth: auth, proxy: src.Proxy}
	return place{key: key, index: artifactIndex(src), open: func() finder {
		return &artifacts{
			store: s, key: key, name: shown, host: host, settings: settings, puller: puller,
			good: map[fetch.Want]*taken{}, views: map[askKey]*artifactView{},
		}
	}}, nil
}

// puller makes what speaks to the place. It asks nothing yet.
func (s *Store) puller(src model.Source, settings fetch.Settings) (fetch.Puller, error) {
	switch src.Kind {
	case model.SourceOCI:
		return oci.New(src, settings, s.shelf.room)
	case model.SourceHelm:
		return helmrepo.New(src, settings, s.shelf.room, s.cfg.MaxIndex)
	case model.SourceBucket:
		return bucket.New(src, settings, s.shelf.room)
	}
	return nil, model.Invalidf("sources of the kind %q are not supported", src.Kind)
}

// settingsOf is what tells places of one URL apart, since one look can't serve
// them: all but what the key has, the wants and the times.
func settingsOf(src model.Source) any {
	chart, ignored := "", (*model.Ignore)(nil)
	switch src.Kind {
	case model.SourceOCI:
		chart = src.Chart
	case model.SourceBucket:
		ignored = src.Ignore // it says what is fetched
	}
	return []any{src.URL, chart, ignored, src.Verify, src.OCI, src.Bucket, src.Foreign}
}

// sameContent reports whether what one source has got may serve the other until
// that was looked at: it stands for the same, verified in the same way.
func sameContent(a, b model.Source) bool {
	return a.Kind == b.Kind && a.URL == b.URL && a.Ref == b.Ref && a.Chart == b.Chart &&
		a.OCI == b.OCI && a.Bucket == b.Bucket && reflect.DeepEqual(a.Verify, b.Verify)
}

// wantOf is what a source asks its place for.
func wantOf(src model.Source) fetch.Want {
	w := fetch.Want{Ref: src.Ref}
	if src.Kind == model.SourceHelm {
		w.Chart = src.Chart
	}
	return w
}

// artifactHost takes a URL apart: the host with its port, and the credentials.
func artifactHost(src model.Source) (string, *url.Userinfo, error) {
	raw := src.URL
	if src.Kind == model.SourceBucket && !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", nil, model.Invalidf("source URL %q: it can't be parsed; write special characters as %%XX", hideUserinfo(src.URL))
	case u.Hostname() == "":
		return "", nil, model.Invalidf("source URL %q: it names no host", hideUserinfo(src.URL))
	case u.Fragment != "" || u.RawQuery != "" && src.Kind != model.SourceHelm:
		return "", nil, model.Invalidf("source URL %q: it must not have a query or a fragment", withoutQuery(src.URL))
	}
	return strings.ToLower(u.Host), u.User, nil
}

func withoutQuery(raw string) string {
	raw, _, _ = strings.Cut(hideUserinfo(raw), "?")
	raw, _, _ = strings.Cut(raw, "#")
	return raw
}

// artifactIndex is what a webhook may call a source: host and path, in lower
// case, with and without the chart.
func artifactIndex(src model.Source) []string {
	u, err := url.Parse(src.URL)
	if err != nil || u.Host == "" {
		u = &url.URL{Host: src.URL}
	}
	at := strings.ToLower(u.Host + strings.TrimRight(u.Path, "/"))
	out := []string{at}
	if src.Chart != "" && !strings.HasSuffix(at, "/"+strings.ToLower(src.Chart)) {
		out = append(out, at+"/"+strings.ToLower(src.Chart))
	}
	if src.Bucket.Name != "" {
		out = append(out, at+"/"+strings.ToLower(src.Bucket.Name))
	}
	return out
}

// lookAtArtifacts makes all artifacts due: a copy on disk turned out to be damaged.
func (s *Store) lookAtArtifacts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.groups {
		if _, ok := g.finder.(*artifacts); ok {
			s.lookNow(g)
		}
	}
	s.poke()
}

func (a *artifacts) grant(timeout time.Duration) { a.timeout.Store(int64(timeout)) }

// look brings every want up to date and makes of it what is asked for.
func (a *artifacts) look(ctx context.Context, asks map[askKey]model.Source) (map[askKey]outcome, error) {
	have := map[fetch.Want]*fetch.Got{}
	for _, src := range asks {
		want := wantOf(src)
		have[want] = nil
		if t := a.recall(want); t != nil && !t.got.Tree.Damaged() {
			have[want] = t.got
		}
	}
	results, err := a.pull(ctx, have)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for want, r := range results {
		if r.Err == nil {
			a.take(want, r.Got)
		}
	}
	out := map[askKey]outcome{}
	for key, src := range asks {
		r, ok := results[wantOf(src)]
		cause := r.Err
		if !ok {
			cause = err
		}
		out[key] = a.outcome(key, src, cause)
	}
	for key := range a.views {
		if _, asked := asks[key]; !asked {
			delete(a.views, key)
		}
	}
	return out, err
}

func (a *artifacts) pull(ctx context.Context, have map[fetch.Want]*fetch.Got) (map[fetch.Want]fetch.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(a.timeout.Load()))
	defer cancel()
	leave, err := a.store.hosts.enter(ctx, a.host)
	if err != nil {
		return nil, model.As(model.ErrTransient, fmt.Errorf("waiting for other requests to %s: %w", a.host, err))
	}
	defer leave()
	out, err := a.puller.Pull(ctx, have)
	if err != nil {
		a.store.stats.failures.Add(1)
	}
	return out, err
}

// take keeps a success.
func (a *artifacts) take(want fetch.Want, got *fetch.Got) {
	old := a.good[want]
	if old != nil && old.got == got {
		old.restored = false
		a.store.shelf.touch(a.note(want))
		return
	}
	a.store.stats.artifacts.Add(1)
	kept := *got
	kept.Tree = a.store.shelf.share(got.Tree)
	a.good[want] = &taken{got: &kept}
	if err := a.store.shelf.keep(a.note(want), &kept); err != nil {
		// The content is here; only a restart without the remote would miss it.
		a.store.cfg.Log.Warn("noting an artifact failed", "source", a.name, "error", err)
	}
}

// recall is what a want was last, if these credentials have fetched it before.
func (a *artifacts) recall(want fetch.Want) *taken {
	if t := a.good[want]; t != nil {
		return t
	}
	got, ok := a.store.shelf.recall(a.note(want))
	if !ok {
		return nil
	}
	a.good[want] = &taken{got: got, restored: true}
	return a.good[want]
}

// note names what is remembered of a want.
func (a *artifacts) note(want fetch.Want) string {
	return digestOf(a.store.scope.of(a.key.auth), string(a.key.kind), a.key.url, want)
}

// outcome makes of what was taken what is asked for. cause is why there is
// nothing newer.
func (a *artifacts) outcome(key askKey, src model.Source, cause error) outcome {
	out := outcome{}
	if cause != nil {
		out.err = fmt.Errorf("source %s: %w", a.name, cause)
	}
	t := a.good[wantOf(src)]
	if t == nil {
		return out
	}
	v, err := a.view(key, src, t.got)
	if err != nil {
		if out.err == nil {
			out.err = fmt.Errorf("source %s: %w", a.name, err)
		}
		return out
	}
	out.snapshot, out.id, out.restored = v.snapshot, v.id, t.restored
	if t.restored && cause != nil {
		out.err = fmt.Errorf("%w; what an earlier start has fetched (%s) is used", out.err, t.got.Revision)
	}
	return out
}

func (a *artifacts) view(key askKey, src model.Source, got *fetch.Got) (*artifactView, error) {
	if v := a.views[key]; v != nil && v.of == got {
		return v, nil
	}
	v := &artifactView{of: got, id: digestOf(key, got.Digest, got.Tree.ID()), snapshot: &model.Snapshot{
		URL: a.name, Ref: got.Ref, Revision: got.Revision, Digest: got.Digest,
		Verified: got.Verified, Metadata: got.Metadata, Tree: got.Tree,
	}}
	if src.Ignore != nil {
		tree, err := overlay.New(got.Tree, overlay.Options{Ignore: src.Ignore, Cache: a.store.views})
		if err != nil {
			return nil, err
		}
		v.snapshot.Tree = tree
	}
	a.views[key] = v
	return v, nil
}

// restore serves an ask whose place is not to be looked at.
func (a *artifacts) restore(_ context.Context, src model.Source, cause error) outcome {
	a.recall(wantOf(src))
	return a.outcome(askOf(src), src, cause)
}
