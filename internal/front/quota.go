package front

import (
	"sync"
	"time"
)

// The quota of refusals in the audit trail: so many at once, and so many a second.
const (
	quotaBurst = 100
	quotaRate  = 2
)

// quota says how many records strangers may cause.
type quota struct {
	mu   sync.Mutex
	have float64
	at   time.Time
	left int
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
