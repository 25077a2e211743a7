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
}

func newHashes(n int) *hashes {
	return &hashes{turns: make(chan struct{}, n), reserve: make(chan struct{}, 1)}
}

// compare reports whether the hash is that of the password. It always costs the same.
// The error is Busy if its turn does not come.
func (h *hashes) compare(ctx context.Context, hash []byte, password string, known bool) (bool, error) {
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
	err := bcrypt.CompareHashAndPassword(hash, text)
	return err == nil && fits, nil
}

// decoy is the hash of no password, as costly as those of accounts.
func (set *Settings) decoy() []byte {
	cost := bcrypt.MinCost
	for _, account := range set.Accounts {
		if c, err := bcrypt.Cost(account.Hash); err == nil {
			cost = max(cost, c)
		}
	}
	return fmt.Appendf(nil, "$2a$%02d$%s", cost, "O9rS5C0CqVQ1zOq0O7bqQeT3X2mE0Jm9oPqL5cW1dF8hN6kR4vYbC")
}
