package signin

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/crypto/bcrypt"
)

const (
	// longest is how much of a password bcrypt looks at. A longer one is nobody's: what
	// is beyond would not count.
	longest = 72
	// patience is how long an attempt waits for its turn.
	patience = 10 * time.Second
)

// hashes compares passwords, a few at a time: each costs much, by design.
type hashes struct {
	// turns are for everybody, reserve for those that are known as well, so that no
	// crowd keeps them out.
	turns, reserve chan struct{}
	// same is bcrypt.CompareHashAndPassword.
	same func(hash, password []byte) error
}

func newHashes(n int) *hashes {
	return &hashes{turns: make(chan struct{}, n), reserve: make(chan struct{}, 1), same: bcrypt.CompareHashAndPassword}
}

// compare reports whether the hash is that of the password. To be refused costs as much
// as a hash of that cost, whatever this one's is. The error is Busy if its turn does not
// come.
func (h *hashes) compare(ctx context.Context, hash []byte, cost int, password string, known bool) (bool, error) {
	reserve := h.reserve
	if !known {
		reserve = nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case reserve <- struct{}{}:
		defer func() { <-h.reserve }()
	case <-timer.C:
		return false, Busy{After: patience}
	case <-ctx.Done():
		return false, ctx.Err()
	}
	text := []byte(password)
	fits := len(text) <= longest
	if !fits {
		text = text[:longest]
	}
	if h.same(hash, text) == nil && fits {
		return true, nil
	}
	h.makeUp(hash, cost, text)
	return false, nil
}

// makeUp does what refusing by a hash has cost less than one of that cost would have:
// each step of it is twice the work of the one before.
func (h *hashes) makeUp(hash []byte, cost int, password []byte) {
	paid, _ := bcrypt.Cost(hash) // 0 of what is no hash
	for paid = max(paid, bcrypt.MinCost); paid < cost; paid++ {
		_ = h.same(decoy(paid), password)
	}
}

// cost is that of the most costly account's hash.
func (set *Settings) cost() int {
	cost := bcrypt.MinCost
	for _, account := range set.Accounts {
		if c, err := bcrypt.Cost(account.Hash); err == nil {
			cost = max(cost, c)
		}
	}
	return cost
}

// decoy is the hash of no password.
func decoy(cost int) []byte {
	return fmt.Appendf(nil, "$2a$%02d$%s", cost, "O9rS5C0CqVQ1zOq0O7bqQeT3X2mE0Jm9oPqL5cW1dF8hN6kR4vYbC")
}
