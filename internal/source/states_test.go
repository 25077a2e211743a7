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
			if first != nil && st.Snapshot != nil && st.Snapshot.Revision != first.Revision {
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

// A source that is changed while a look runs is not left behind at the old commit
// while the others go on to the new one.
func TestStatesOfASourceThatIsChangedDuringALook(t *testing.T) {
	git := server(t)
	old := commit(t, git, "main", map[string]*string{"f": text("1")})
	r := store(t, Config{})
	t.Cleanup(func() { _ = r.Close() })
	keys := []model.SourceKey{"a", "b"}
	src := model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}}
	r.Set("a", src)
	r.Set("b", src)
	var g *group
	for _, only := range r.groups {
		g = only
	}
	look := func() map[askKey]outcome {
		t.Helper()
		r.mu.Lock()
		asks := g.asks()
		g.busy, g.again = true, false
		r.mu.Unlock()
		out, err := g.finder.look(t.Context(), asks)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	revisions := func() [2]string {
		t.Helper()
		states, ok := r.States(keys)
		if !ok || states[0].Snapshot == nil || states[1].Snapshot == nil {
			t.Fatalf("states %+v, %v", states, ok)
		}
		return [2]string{states[0].Snapshot.Revision, states[1].Snapshot.Revision}
	}
	r.finish(g, look(), nil, nil)
	if got := revisions(); got != [2]string{old, old} {
		t.Fatalf("at first %v", got)
	}
	newer := commit(t, git, "main", map[string]*string{"f": text("2")})
	out := look()
	src.Ignore = fluxIgnore("")
	r.Set("b", src)
	r.finish(g, out, nil, nil)
	if got := revisions(); got != [2]string{old, old} {
		t.Errorf("after a change during the look: %v, want both at %s", got, old)
	}
	r.finish(g, look(), nil, nil)
	if got := revisions(); got != [2]string{newer, newer} {
		t.Errorf("after the next look: %v, want both at %s", got, newer)
	}
}
