package signin

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// TestTable: a count is never too low, whoever else fails, seldom too high, and fades.
func TestTable(t *testing.T) {
	table, now := newTable(), time.Now()
	for range 8 {
		table.add("offender", now)
	}
	for i := range 20_000 {
		table.add(fmt.Sprint("newcomer", i), now)
	}
	if level := table.level("offender", now); level < 7.9 {
		t.Errorf("the offender counts %v after newcomers, want 8", level)
	}
	blamed := 0
	for i := range 2000 {
		if table.level(fmt.Sprint("innocent", i), now) >= freePair {
			blamed++
		}
	}
	if blamed > 2 {
		t.Errorf("%d of 2000 who did nothing are made to wait", blamed)
	}
	fresh := newTable()
	for range 8 {
		fresh.add("offender", now)
	}
	later := now.Add(time.Hour)
	if level := fresh.level("offender", later); math.Abs(level-2) > 0.01 {
		t.Errorf("8 failures count %v after an hour, want 2", level)
	}
	fresh.add("offender", later)
	fresh.take("offender", later.Add(30*time.Minute))
	if level := fresh.level("offender", later.Add(30*time.Minute)); math.Abs(level-0.5) > 0.01 {
		t.Errorf("after one was taken back it counts %v, want 0.5", level)
	}
	for range 5 {
		fresh.take("offender", later)
	}
	if level := fresh.level("offender", later); level != 0 {
		t.Errorf("it counts %v after more were taken back than there were", level)
	}
}

// TestPauses double, and end somewhere.
func TestPauses(t *testing.T) {
	pause := pauseAfter(5, time.Second)
	for level, want := range map[float64]time.Duration{
		0: 0, 4.4: 0, 4.6: time.Second, 5: time.Second, 6: 2 * time.Second, 8: 8 * time.Second, 14: 512 * time.Second,
		15: longestPause, 1e9: longestPause,
	} {
		if got := pause(level); got != want {
			t.Errorf("after %v failures: %s, want %s", level, got, want)
		}
	}
}

// TestNetwork says what counts as one address.
func TestNetwork(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "192.0.2.1:4711": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8::1": "2001:db8::/64", "[2001:db8::2]:4711": "2001:db8::/64", "fe80::1%eth0": "fe80::/64",
		"": "", "unknown": "unknown",
	} {
		if got := network(from); got != want {
			t.Errorf("network(%q) = %q, want %q", from, got, want)
		}
	}
}
