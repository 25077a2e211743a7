package guard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// gathered is who has a turn, and what has been given in which order.
type gathered struct {
	t     *testing.T
	turns turns

	mu    sync.Mutex
	held  map[string][]func()
	told  []string // in the order of being given
	order []string // those of told that are held
}

// wants has a reader ask for n turns, each of which is kept until it is ended.
func (g *gathered) wants(reader string, n int) {
	for range n {
		go func() {
			done, err := g.turns.take(g.t.Context(), reader, false)
			if err != nil {
				return
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.held[reader] = append(g.held[reader], done)
			g.told, g.order = append(g.told, reader), append(g.order, reader)
		}()
		synctest.Wait()
	}
}

// ends gives back a turn of the reader.
func (g *gathered) ends(reader string) {
	g.t.Helper()
	g.mu.Lock()
	if len(g.held[reader]) == 0 {
		g.mu.Unlock()
		g.t.Fatalf("%s has no turn", reader)
	}
	done := g.held[reader][0]
	at := slices.Index(g.order, reader)
	g.order = slices.Delete(g.order, at, at+1)
	g.held[reader] = g.held[reader][1:]
	g.mu.Unlock()
	done()
	synctest.Wait()
}

// oldest is who has had a turn for longest.
func (g *gathered) oldest() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.order[0]
}

// has fails unless these are the turns that each has, such as "ana 2, bo 1".
func (g *gathered) has(want string) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	var parts []string
	for _, reader := range slices.Sorted(maps.Keys(g.held)) {
		if n := len(g.held[reader]); n > 0 {
			parts = append(parts, fmt.Sprint(reader, " ", n))
		}
	}
	if got := strings.Join(parts, ", "); got != want {
		g.t.Errorf("%q have turns, want %q", got, want)
	}
}

func gather(t *testing.T) *gathered { return &gathered{t: t, held: map[string][]func(){}} }

// TestSecurityDiffsOfOneReader: a reader who asks for many diffs at a time waits for
// its own; others don't wait for them.
func TestSecurityDiffsOfOneReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(t)
		g.wants("greedy", 10)
		g.has("greedy 2")
		g.wants("other", 1)
		g.has("greedy 2, other 1")
		g.ends("greedy")
		g.has("greedy 2, other 1")
	})
}

// TestSecurityDiffsAreShared: two greedy readers leave a turn for a third; who waits
// gets the next that is free before whoever has one, however much that one asks for.
func TestSecurityDiffsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(t)
		g.wants("ana", 20)
		g.wants("bo", 20)
		g.has("ana 2, bo 1")
		g.wants("cy", 20)
		g.has("ana 2, bo 1, cy 1")
		g.wants("di", 20)
		g.has("ana 2, bo 1, cy 1")
		g.ends("bo") // nobody but di has none
		g.has("ana 2, cy 1, di 1")
		g.ends("ana")
		g.has("ana 1, bo 1, cy 1, di 1")
		g.wants("eve", 20)
		// From now on each gets as much as any other.
		g.told = nil
		for range 40 {
			g.ends(g.oldest())
		}
		counts := map[string]int{}
		for _, reader := range g.told {
			counts[reader]++
		}
		if want := map[string]int{"ana": 8, "bo": 8, "cy": 8, "di": 8, "eve": 8}; !maps.Equal(counts, want) {
			t.Errorf("turns went to %v, want %v", counts, want)
		}
	})
}

// TestTurnsAreTold: who does not wait, and who has waited too long, is told for what; who
// has given up leaves nothing behind.
func TestTurnsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(t)
		g.wants("ana", 2)
		_, err := g.turns.take(t.Context(), "ana", true)
		if !errors.Is(err, view.ErrNoTurn) || !errors.Is(err, model.ErrTransient) || !strings.HasPrefix(err.Error(), "2 of your own") {
			t.Errorf("who asks for a third is told %v", err)
		}
		g.wants("bo", 1)
		g.wants("cy", 1)
		late, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := g.turns.take(late, "di", false); !errors.Is(err, view.ErrNoTurn) || !strings.HasPrefix(err.Error(), "4 diffs are being made") {
			t.Errorf("who has waited for a minute is told %v", err)
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := g.turns.take(gone, "di", false); !errors.Is(err, context.Canceled) {
			t.Errorf("who has gone gets %v", err)
		}
		for _, reader := range []string{"ana", "ana", "bo", "cy"} {
			g.ends(reader)
		}
		done, err := g.turns.take(t.Context(), "di", true)
		if err != nil {
			t.Fatal(err)
		}
		done()
		if len(g.turns.readers) != 0 || len(g.turns.waiting) != 0 || g.turns.taken != 0 {
			t.Errorf("%v are remembered, %d wait, %d are taken", g.turns.readers, len(g.turns.waiting), g.turns.taken)
		}
	})
}
