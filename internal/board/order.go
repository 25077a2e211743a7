package board

import (
	"cmp"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// orders are the ways to sort but by name. Those by status put the worst first.
var orders = map[string]func(a, b *row) int{
	"status":    func(a, b *row) int { return cmp.Compare(b.trouble, a.trouble) },
	"health":    func(a, b *row) int { return cmp.Compare(healthRank(b.app.Health), healthRank(a.app.Health)) },
	"sync":      func(a, b *row) int { return cmp.Compare(syncRank(b.app.Sync), syncRank(a.app.Sync)) },
	"project":   func(a, b *row) int { return cmp.Compare(a.app.Project, b.app.Project) },
	"cluster":   func(a, b *row) int { return cmp.Compare(a.app.Cluster.Name, b.app.Cluster.Name) },
	"namespace": func(a, b *row) int { return cmp.Compare(a.app.Namespace, b.app.Namespace) },
	"changed":   func(a, b *row) int { return a.app.Changed.Compare(b.app.Changed) },
	"revision":  func(a, b *row) int { return cmp.Compare(a.app.Revision, b.app.Revision) },
}

// thenName compares rows by that, or turned round; those that are alike by their names.
func thenName(by func(a, b *row) int, desc bool) func(a, b *row) int {
	return func(a, b *row) int {
		c := by(a, b)
		if desc {
			c = -c
		}
		if c != 0 {
			return c
		}
		return compareKeys(a.app.Key, b.app.Key)
	}
}

// first brings the first n of rows by their order to the front, sorted, and returns
// them. It looks at each of the others about once.
func first(rows []*row, n int, compare func(a, b *row) int) []*row {
	kept, sorted := rows[:0], 0
	for _, r := range rows {
		if sorted == n && compare(r, kept[n-1]) > 0 {
			continue
		}
		if kept = append(kept, r); len(kept) >= 2*n {
			slices.SortFunc(kept, compare)
			kept, sorted = kept[:n], n
		}
	}
	slices.SortFunc(kept, compare)
	return kept[:min(n, len(kept))]
}

// trouble is how much an app wants somebody to look: by health, where a failed sync
// is as bad as Degraded, then by sync status.
func trouble(a *view.App) int {
	rank := healthRank(a.Health)
	if a.Phase == model.PhaseFailed || a.Phase == model.PhaseError {
		rank = max(rank, healthRank(model.Degraded))
	}
	return rank*len(syncStatuses) + syncRank(a.Sync)
}

// The statuses from best to worst.
var (
	healthStatuses = []model.HealthStatus{
		model.Healthy, model.Suspended, model.Progressing, model.Missing, model.Degraded, model.Unknown,
	}
	syncStatuses = []model.SyncStatus{model.Synced, model.SyncUnknown, model.OutOfSync}
)

func healthRank(h model.HealthStatus) int { return max(0, slices.Index(healthStatuses, h)) }

func syncRank(s model.SyncStatus) int { return max(0, slices.Index(syncStatuses, s)) }
