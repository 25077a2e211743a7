package backend

import (
	"fmt"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestCommits(t *testing.T) {
	var c commits
	snapshot := func(id string) *model.Snapshot {
		return &model.Snapshot{Commit: model.Commit{ID: id, Author: "Team <team@example.com>", Subject: "s " + id}}
	}
	c.see(model.Report{Snapshot: snapshot("a"), Newest: snapshot("b"), Sources: []*model.Snapshot{snapshot("a"), nil, {}}})
	if got := c.of("b"); got.Subject != "s b" || got.Author != "Team" {
		t.Errorf("b is %+v", got)
	}
	if got := c.of("unknown"); got != (model.Commit{}) {
		t.Errorf("what was never seen is %+v", got)
	}
	for i := range 2 * mostCommits {
		c.see(model.Report{Snapshot: snapshot(fmt.Sprint(i))})
	}
	if len(c.byID) != mostCommits || len(c.ring) != mostCommits {
		t.Errorf("%d commits in a ring of %d", len(c.byID), len(c.ring))
	}
	if c.of("a") != (model.Commit{}) || c.of(fmt.Sprint(2*mostCommits-1)) == (model.Commit{}) {
		t.Error("not the newest are remembered")
	}
}
