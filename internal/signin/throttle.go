package signin

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// The limits of attempts to sign in.
const (
	// fades is in which time half of the failures are forgotten.
	fades = 30 * time.Minute
	// freePair is how often somebody may fail for one account from one address,
	// freeAddress for any accounts from one address, freeDevice in one known browser,
	// before there are pauses; they double with each further failure.
	freePair, freeAddress, freeDevice = 5, 30, 10
	longestPause                      = 15 * time.Minute
	// freeAccount is how many failures for an account there may be from everywhere,
	// before attempts from unknown places take longer, by up to slowest.
	freeAccount = 30
	slowest     = 5 * time.Second
	// atOnce bounds attempts under way, atOncePerAddress those from one address.
	atOnce, atOncePerAddress = 512, 8
	// places is how many addresses are remembered that an account has signed in from,
	// placeLasts for how long.
	places     = 32
	placeLasts = 30 * 24 * time.Hour
)

// visitor is who tries.
type visitor struct {
	account, address string
	// device is the id of a browser that the account has signed in with; "" otherwise.
	device string
}

// throttle limits attempts. Failures count for the pair of account and address and for
// the address, and both are made to wait: nobody is kept out by what others do at other
// addresses. Failures for an account from everywhere only slow attempts down, and not
// those from places where the account has signed in before. A known browser has a count
// of its own.
type throttle struct {
	mu                              sync.Mutex
	pairs, addresses, accounts, own *table
	// inside counts attempts under way, in all and by address.
	inside    int
	byAddress map[string]int
	// known are the places that accounts have signed in from, the newest last; only
	// successes get in.
	known map[string][]knownPlace
}

type knownPlace struct {
	address string
	at      time.Time
}

func newThrottle() *throttle {
	return &throttle{
		pairs: newTable(), addresses: newTable(), accounts: newTable(), own: newTable(),
		byAddress: map[string]int{}, known: map[string][]knownPlace{},
	}
}

// attempt is one that may go on. It counts as a failure unless it succeeds or its cost
// is refunded.
type attempt struct {
	t   *throttle
	who visitor
	// known: the place or the browser is.
	known bool
}

// enter lets an attempt begin, perhaps after some time; it is Busy if it may not.
func (t *throttle) enter(ctx context.Context, who visitor) (*attempt, error) {
	a, slow, err := t.begin(who)
	if err != nil || slow == 0 {
		return a, err
	}
	timer := time.NewTimer(slow)
	defer timer.Stop()
	select {
	case <-timer.C:
		return a, nil
	case <-ctx.Done():
		a.refund()
		a.leave()
		return nil, ctx.Err()
	}
}

func (t *throttle) begin(who visitor) (*attempt, time.Duration, error) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if wait := t.pause(who, now); wait > 0 {
		return nil, 0, Busy{After: wait}
	}
	a := &attempt{t: t, who: who, known: who.device != "" || t.knows(who, now)}
	if !a.known && (t.inside >= atOnce || t.byAddress[who.address] >= atOncePerAddress) {
		return nil, 0, Busy{After: slowest}
	}
	var slow time.Duration
	if !a.known {
		slow = min(pauseAfter(freeAccount, 100*time.Millisecond)(t.accounts.level(who.account, now)), slowest)
	}
	t.count(who, (*table).add, now)
	t.inside++
	t.byAddress[who.address]++
	return a, slow, nil
}

// pause is how long the visitor has to wait.
func (t *throttle) pause(who visitor, now time.Time) time.Duration {
	if who.device != "" {
		return t.own.wait(who.device, now, pauseAfter(freeDevice, time.Second))
	}
	return max(t.pairs.wait(who.pair(), now, pauseAfter(freePair, time.Second)),
		t.addresses.wait(who.address, now, pauseAfter(freeAddress, time.Second)))
}

// count does add or take with all that the visitor counts for.
func (t *throttle) count(who visitor, do func(t *table, key string, now time.Time), now time.Time) {
	if who.device != "" {
		do(t.own, who.device, now)
		return
	}
	do(t.pairs, who.pair(), now)
	do(t.addresses, who.address, now)
	do(t.accounts, who.account, now)
}

func (who visitor) pair() string { return who.account + "\x00" + who.address }

// pauseAfter doubles the first pause with each failure after those that are free.
func pauseAfter(free int, first time.Duration) func(float64) time.Duration {
	return func(level float64) time.Duration {
		n := int(level+0.5) - free
		switch {
		case n < 0:
			return 0
		case n >= 20:
			return longestPause
		}
		return min(first<<n, longestPause)
	}
}

// refund takes back that the attempt counts: nothing was compared.
func (a *attempt) refund() {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	a.t.count(a.who, (*table).take, time.Now())
}

// succeed takes back that the attempt counts, and remembers the place.
func (a *attempt) succeed() {
	a.refund()
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	var kept []knownPlace
	for _, p := range a.t.known[a.who.account] {
		if p.address != a.who.address {
			kept = append(kept, p)
		}
	}
	kept = append(kept, knownPlace{a.who.address, time.Now()})
	a.t.known[a.who.account] = kept[max(0, len(kept)-places):]
}

func (a *attempt) leave() {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	a.t.inside--
	if a.t.byAddress[a.who.address]--; a.t.byAddress[a.who.address] == 0 {
		delete(a.t.byAddress, a.who.address)
	}
}

func (t *throttle) knows(who visitor, now time.Time) bool {
	for _, p := range t.known[who.account] {
		if p.address == who.address && now.Sub(p.at) < placeLasts {
			return true
		}
	}
	return false
}

// network is the part of an address that one party has: all of an IPv4 address, the
// first 64 bits of an IPv6 one.
func network(from string) string {
	addr, err := netip.ParseAddr(from)
	if err != nil {
		port, err := netip.ParseAddrPort(from)
		if err != nil {
			return from
		}
		addr = port.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return from
	}
	return prefix.String()
}
