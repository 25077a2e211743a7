package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// groupKey is what subscriptions have in common that one look serves: where it
// goes, and as whom.
type groupKey struct {
	kind  model.SourceKind
	url   string // the same for the ways to write it, without credentials
	auth  model.Auth
	proxy model.Proxy
	// foreign is that of the sources.
	foreign bool
}

// group is a place as one set of credentials sees it, and who wants to know.
type group struct {
	key    groupKey
	finder finder

	// Guarded by Store.mu.
	subs     map[model.SourceKey]*subscription
	next     time.Time
	busy     bool
	again    bool // look once more after the one that runs
	failures int
	held     int // looks in a row whose outcome was dropped
	usage    Usage
}

// finder looks at one place with one set of credentials. There is one call at a
// time; grant may come at any time.
type finder interface {
	// look finds the newest content for each ask. An ask without an outcome stays
	// as it is. The error is that of the place as a whole: the next look comes
	// sooner then.
	look(ctx context.Context, asks map[askKey]model.Source) (map[askKey]outcome, error)
	// restore finds the content that an earlier look has left, without asking the
	// place. cause is why it can't be asked; nil if nobody wants it to be.
	restore(ctx context.Context, src model.Source, cause error) outcome
	// grant sets how long one request or command may take.
	grant(timeout time.Duration)
}

// askKey is the same for subscriptions of a group that get the same snapshot.
type askKey string

// askOf names all of a source that decides about its content, or about whether
// it is trusted, but for what the group has in common.
func askOf(src model.Source) askKey {
	return askKey(digestOf(src.URL, src.Ref, src.Ignore, src.Verify, src.Chart, src.Git, src.OCI, src.Bucket))
}

// digestOf is a digest of values that have a JSON form.
func digestOf(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// outcome is what a look found for one ask.
type outcome struct {
	// snapshot is the newest content; with err, older content that may serve where
	// there is none.
	snapshot *model.Snapshot
	// id tells contents apart that have the same URL, Ref and Revision.
	id  string
	err error
	// restored: snapshot is from the last process, with err.
	restored bool
}

// asks are what the subscriptions want to know, each once.
func (g *group) asks() map[askKey]model.Source {
	out := map[askKey]model.Source{}
	for _, sub := range g.subs {
		if !sub.src.Suspended {
			out[sub.ask] = sub.src
		}
	}
	return out
}

// misses reports whether a subscription that has content has no part in what a
// look found, since it was changed during the look.
func (g *group) misses(out map[askKey]outcome) bool {
	for _, sub := range g.subs {
		if _, ok := out[sub.ask]; !ok && !sub.src.Suspended && sub.state.Snapshot != nil {
			return true
		}
	}
	return false
}

// idle are the asks of suspended subscriptions that have no content yet.
func (g *group) idle() map[askKey]model.Source {
	active, out := g.asks(), map[askKey]model.Source{}
	for _, sub := range g.subs {
		if _, ok := active[sub.ask]; !ok && sub.state.Snapshot == nil {
			out[sub.ask] = sub.src
		}
	}
	return out
}
