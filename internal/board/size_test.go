package board_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/board"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// many are n apps of all kinds and states.
func many(n int) *board.Board {
	b := board.New()
	health := []model.HealthStatus{model.Healthy, model.Healthy, model.Progressing, model.Degraded, model.Missing}
	for i := range n {
		a := app(fmt.Sprintf("service-%05d", i*7919%n))
		a.Project, a.Namespace = fmt.Sprintf("project-%d", i%12), fmt.Sprintf("team-%d", i%40)
		a.Health, a.Sync = health[i%len(health)], []model.SyncStatus{model.Synced, model.OutOfSync}[i%9/8]
		a.Cluster.Name = fmt.Sprintf("cluster-%d", i%5)
		a.Labels = map[string]string{"team": a.Namespace, "tier": fmt.Sprint(i % 3), "env": fmt.Sprint(i % 4)}
		a.Revision = fmt.Sprintf("%040x", i)
		a.Sources = []view.Source{{URL: fmt.Sprintf("https://git.example/teams/%d/deploy", i%60), Path: "overlays/production", Target: "main", Revision: a.Revision}}
		a.Changed = noon.Add(-time.Duration(i*37%1000) * time.Minute)
		b.Put(a, noon)
	}
	return b
}

var queries = map[string]view.Query{
	"first page": {},
	"facets":     {Facets: true},
	"search":     {Search: "service team-1 production", Facets: true},
	"field":      {Search: "health:degraded label:tier=1"},
	"filters":    {Health: []model.HealthStatus{model.Degraded}, Labels: []string{"team=team-3"}, Facets: true},
	"by status":  {Sort: "status", Facets: true},
	"by changed": {Sort: "changed", Desc: true, Offset: 200},
	"last page":  {Offset: 1 << 20},
}

// TestQueryAllocations: what a query allocates does not grow with the number of apps,
// and it asks once for each app whether the reader may see it.
func TestQueryAllocations(t *testing.T) {
	thousand, tenThousand := many(1000), many(10_000)
	for name, q := range queries {
		asked := 0
		may := func(*view.App) bool {
			asked++
			return true
		}
		count := func(b *board.Board) float64 {
			return testing.AllocsPerRun(5, func() { b.Apps(q, may) })
		}
		few, lots := count(thousand), count(tenThousand)
		if lots > few+4 {
			t.Errorf("%s: %.0f allocations of 1,000 apps, %.0f of 10,000", name, few, lots)
		}
		if want := 6 * 11_000; asked != want {
			t.Errorf("%s: asked %d times, want %d", name, asked, want)
		}
	}
}

// TestPutAllocations: a line that has changed nothing costs nothing that grows.
func TestPutAllocations(t *testing.T) {
	few := testing.AllocsPerRun(20, func() { many(1).Len() })
	b := many(1000)
	same, _ := b.Get(key("service-00007"))
	got := testing.AllocsPerRun(20, func() { b.Put(same, noon) })
	if got > few {
		t.Errorf("%.0f allocations of a Put that changes nothing, %.0f of making a board of one", got, few)
	}
}

// BenchmarkApps compares the costs of queries of 1,000 and of 10,000 apps.
func BenchmarkApps(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		board := many(n)
		for name, q := range queries {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					board.Apps(q, nil)
				}
			})
		}
	}
}

// BenchmarkPut is a change of one app of 10,000 between two queries.
func BenchmarkPut(b *testing.B) {
	board := many(10_000)
	a, _ := board.Get(key("service-00500"))
	for b.Loop() {
		a.Objects++
		board.Put(a, noon)
		board.Apps(view.Query{Search: "nothing"}, func(*view.App) bool { return false })
	}
}
