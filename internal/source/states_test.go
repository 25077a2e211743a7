package source

import (
	"fmt"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Sources of one app that follow one repository in different ways are never seen
// at two commits of it.
func TestStatesNeverMixCommits(t *testing.T) {
	git := server(t)
	commit(t, git, "main", map[string]*string{"f": text("0")})
	r := store(t, Config{}).run(t)
	keys := []model.SourceKey{"branch", "head", "name", "any"}
	for i, ref := range []model.Ref{{Branch: "main"}, {}, {Name: "refs/heads/main"}, {Any: "main"}} {
		r.Set(keys[i], model.Source{URL: git.URL("app"), Ref: ref, Interval: time.Millisecond})
	}
	seen := map[string]bool{}
	look := func() bool {
		states, ok := r.States(keys)
		if !ok || len(states) != len(keys) {
			t.Fatalf("%d states, %v", len(states), ok)
		}
		first := states[0].Snapshot
		for i, st := range states[1:] {
			if (st.Snapshot == nil) != (first == nil) || first != nil && st.Snapshot.Revision != first.Revision {
				t.Fatalf("%s and %s are at two commits: %+v, %+v", keys[0], keys[i+1], first, st.Snapshot)
			}
		}
		if first != nil {
			seen[first.Revision] = true
		}
		return first != nil
	}
	until(t, "the first commit", look)
	for i := range 10 {
		id := commit(t, git, "main", map[string]*string{"f": text(fmt.Sprint(i + 1))})
		until(t, "commit "+id, func() bool { look(); return seen[id] })
	}
	if _, ok := r.States([]model.SourceKey{"branch", "none"}); ok {
		t.Error("a key that does not exist has a state")
	}
	if states, ok := r.States(nil); !ok || len(states) != 0 {
		t.Errorf("no keys: %v, %v", states, ok)
	}
}
