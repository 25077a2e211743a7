package board

import (
	"cmp"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// orders are the ways to sort but by name. Those by status put the worst first.
var orders = map[string]func(a, b *view.App) int{
	"status":    func(a, b *view.App) int { return cmp.Compare(trouble(b), trouble(a)) },
	"health":    func(a, b *view.App) int { return cmp.Compare(healthRank(b.Health), healthRank(a.Health)) },
	"sync":      func(a, b *view.App) int { return cmp.Compare(syncRank(b.Sync), syncRank(a.Sync)) },
	"project":   func(a, b *view.App) int { return cmp.Compare(a.Project, b.Project) },
	"cluster":   func(a, b *view.App) int { return cmp.Compare(a.Cluster.Name, b.Cluster.Name) },
	"namespace": func(a, b *view.App) int { return cmp.Compare(a.Namespace, b.Namespace) },
	"changed":   func(a, b *view.App) int { return a.Changed.Compare(b.Changed) },
	"revision":  func(a, b *view.App) int { return cmp.Compare(a.Revision, b.Revision) },
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
