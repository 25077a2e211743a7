package source

import (
	"sync/atomic"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Stats counts what a Store has done since New.
type Stats struct {
	// Looks are rounds of one repository with one set of credentials, LsRemotes
	// the git ls-remote commands that they took.
	Looks, LsRemotes int64
	// Fetches are fetches of commits, BlobFetches those of file contents.
	Fetches, BlobFetches int64
	// Large are files that were asked for at an LFS server.
	Large int64
	// Requests are HTTP requests to registries, Helm repositories and buckets,
	// Artifacts the contents that were new and were taken from them.
	Requests, Artifacts int64
	// Failures are git commands against a remote, and looks for artifacts, that
	// failed.
	Failures int64
	// Discards are mirrors that were damaged and thrown away.
	Discards int64
	// Readers are starts of git cat-file.
	Readers int64
	// Subscriptions and Repositories are what there is now; a repository counts
	// once per set of credentials.
	Subscriptions, Repositories int
}

type counters struct {
	looks, lsRemotes, fetches, blobFetches, failures, discards, catFiles,
	requests, artifacts, lfsFiles atomic.Int64
}

// Stats is a copy of the counters.
func (s *Store) Stats() Stats {
	c := &s.stats
	out := Stats{
		Looks: c.looks.Load(), LsRemotes: c.lsRemotes.Load(),
		Fetches: c.fetches.Load(), BlobFetches: c.blobFetches.Load(),
		Failures: c.failures.Load(), Discards: c.discards.Load(), Readers: c.catFiles.Load(),
		Requests: c.requests.Load(), Artifacts: c.artifacts.Load(), Large: c.lfsFiles.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Subscriptions, out.Repositories = len(s.subs), len(s.groups)
	return out
}

// Usage counts what was done for one repository with one set of credentials.
type Usage struct {
	// Looks are rounds, Contents those of them that found something newer than what a
	// subscription had: the first content of one is no news.
	Looks, Contents int64
}

// Usage is that of a subscription's repository; false if there is no such subscription.
func (s *Store) Usage(key model.SourceKey) (Usage, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[key]
	if sub == nil || sub.group == nil {
		return Usage{}, false
	}
	return sub.group.usage, true
}
