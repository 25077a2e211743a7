package model

import (
	"math"
	"testing"
	"time"
)

func TestRetryWait(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		retry  Retry
		n      int
		want   time.Duration
	}{
		"first":          {"the base", Retry{Base: 5 * time.Second, Factor: 2, Max: time.Minute}, 0, 5 * time.Second},
		"third":          {"base times factor squared", Retry{Base: 5 * time.Second, Factor: 2, Max: time.Minute}, 2, 20 * time.Second},
		"limit":          {"not above the limit", Retry{Base: 5 * time.Second, Factor: 2, Max: time.Minute}, 9, time.Minute},
		"below the base": {"the limit counts from the first", Retry{Base: 5 * time.Second, Max: time.Second}, 0, time.Second},
		"no limit":       {"no overflow", Retry{Base: 5 * time.Second, Factor: 2}, 10_000, longest},
		"no factor":      {"always the base", Retry{Base: 5 * time.Second}, math.MaxInt, 5 * time.Second},
		"huge factor":    {"no overflow in one step", Retry{Base: time.Second, Factor: math.MaxInt32, Max: math.MaxInt64}, 2, longest},
		"no base":        {"at once", Retry{Factor: 2}, math.MaxInt, 0},
	} {
		if got := c.retry.Wait(c.n); got != c.want {
			t.Errorf("%s (%s): %s, want %s", name, c.reason, got, c.want)
		}
	}
}
