package backend

import (
	"slices"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// mostCommits is how many commits are remembered.
const mostCommits = 4096

// commits remembers what the commits are that were seen: a report tells it of those
// that it is about, and a history only names them.
type commits struct {
	mu   sync.Mutex
	byID map[string]model.Commit
	ring []string
	next int
}

// see takes in the commits of a report.
func (c *commits) see(r model.Report) {
	for _, s := range append(slices.Clip(r.Sources), r.Snapshot, r.Newest) {
		if s != nil && s.Commit.ID != "" {
			c.add(Shown(s.Commit))
		}
	}
}

func (c *commits) add(commit model.Commit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.byID[commit.ID]; known {
		return
	}
	if c.byID == nil {
		c.byID = map[string]model.Commit{}
	}
	if len(c.ring) < mostCommits {
		c.ring = append(c.ring, commit.ID)
	} else {
		delete(c.byID, c.ring[c.next])
		c.ring[c.next] = commit.ID
		c.next = (c.next + 1) % mostCommits
	}
	c.byID[commit.ID] = commit
}

// of is what a commit is; zero if that is not known.
func (c *commits) of(id string) model.Commit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[id]
}
