package front

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// The quota of refusals in the audit trail: so many at once, and so many a second. A
// flood that lasts makes 360 records an hour, each of which counts those between.
const (
	quotaBurst = 100
	quotaRate  = 0.1
)

// Refusals note in the audit trail who was turned away, by whichever door, and so many
// that a flood fills it with nothing but itself. Those in between are counted.
type Refusals struct {
	audit func(context.Context, view.Audit) error
	log   *slog.Logger
	// tried is the quota of attempts to sign in whose password was compared, cheap that
	// of what costs the sender nothing: a flood of the one hides none of the other.
	tried, cheap *quota
}

// NewRefusals has refusals noted by audit; an error of that is logged.
func NewRefusals(audit func(context.Context, view.Audit) error, log *slog.Logger) *Refusals {
	return &Refusals{audit: audit, log: log, tried: newQuota(), cheap: newQuota()}
}

// Tried notes a refusal of somebody whose password was compared.
func (r *Refusals) Tried(ctx context.Context, a view.Audit) { r.note(ctx, r.tried, a) }

// Cheap notes any other refusal.
func (r *Refusals) Cheap(ctx context.Context, a view.Audit) { r.note(ctx, r.cheap, a) }

func (r *Refusals) note(ctx context.Context, q *quota, a view.Audit) {
	left, ok := q.take()
	if !ok {
		return
	}
	if left > 0 {
		a.Detail = fmt.Sprintf("%s; %d more before it were refused, and are only counted", a.Detail, left)
	}
	a.Outcome = "denied"
	r.write(ctx, a)
}

// Flush notes what is counted only, at the end of the process.
func (r *Refusals) Flush(ctx context.Context) {
	for _, q := range []*quota{r.tried, r.cheap} {
		if left := q.rest(); left > 0 {
			r.write(ctx, view.Audit{Action: "many", Outcome: "denied", Detail: fmt.Sprintf("%d more were refused, and are only counted", left)})
		}
	}
}

func (r *Refusals) write(ctx context.Context, a view.Audit) {
	if err := r.audit(context.WithoutCancel(ctx), a); err != nil {
		r.log.Error("writing to the audit trail", "action", a.Action, "err", err)
	}
}

// quota says how many records strangers may cause.
type quota struct {
	mu   sync.Mutex
	have float64
	at   time.Time
	left int
}

// rest is how many were not given since the last one, which are not told again.
func (q *quota) rest() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := q.left
	q.left = 0
	return left
}

func newQuota() *quota { return &quota{have: quotaBurst, at: time.Now()} }

// take takes one; left is how many were not given since the last one.
func (q *quota) take() (left int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.have = min(quotaBurst, q.have+quotaRate*now.Sub(q.at).Seconds())
	q.at = now
	if q.have < 1 {
		q.left++
		return 0, false
	}
	q.have--
	left, q.left = q.left, 0
	return left, true
}
