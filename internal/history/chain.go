package history

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"errors"
	"strconv"
	"sync"
)

// chain is where the chain of audit records begins and ends. There is one for all
// writers: they take turns by a lock, so that a record has one before it, whoever
// wrote that.
type chain struct {
	keyID []byte
	// startID is the last record that retention has removed.
	startID  int64
	startMAC []byte
	lastID   int64
	lastMAC  []byte
	// brokenID is the first record that was added to a chain that did not fit: what
	// comes before can't be vouched for. 0 is none.
	brokenID int64
	seal     []byte
	// isNew: it is not stored yet.
	isNew bool
}

// readChain is the chain; sql.ErrNoRows if there is none yet.
func readChain(on session) (c chain, err error) {
	err = on.row([]any{&c.keyID, &c.startID, &c.startMAC, &c.lastID, &c.lastMAC, &c.brokenID, &c.seal},
		`SELECT key_id, start_id, start_mac, last_id, last_mac, broken_id, seal FROM audit_chain`)
	return c, err
}

// putChain stores a chain whose last record is a new one.
func (s *Store) putChain(tx session, c chain) error {
	c.keyID = s.seal.id[:]
	statement := `UPDATE audit_chain SET key_id = $1, start_id = $2, start_mac = $3, last_id = $4, last_mac = $5, broken_id = $6, seal = $7`
	if c.isNew {
		statement = `INSERT INTO audit_chain (id, key_id, start_id, start_mac, last_id, last_mac, broken_id, seal) VALUES (1, $1, $2, $3, $4, $5, $6, $7)`
	}
	return tx.exec(statement, c.keyID, c.startID, c.startMAC, c.lastID, c.lastMAC, c.brokenID, s.chainSeal(c))
}

// chainSeal is a keyed hash of a chain.
func (s *Store) chainSeal(c chain) []byte {
	number := func(n int64) []byte { return strconv.AppendInt(nil, n, 10) }
	return s.seal.sign([]byte("chain"), c.keyID, number(c.startID), c.startMAC, number(c.lastID), c.lastMAC, number(c.brokenID))
}

// chainFor is the chain that a record may be added to. One that does not fit what is
// there is gone on with, since what happens now has to be recorded, and is marked.
func (s *Store) chainFor(tx session) (chain, error) {
	c, err := readChain(tx)
	if errors.Is(err, sql.ErrNoRows) {
		c, err = chain{startMAC: make([]byte, sha256.Size), lastMAC: make([]byte, sha256.Size), isNew: true}, nil
	}
	if err != nil {
		return c, err
	}
	var newest int64
	if err := tx.row([]any{&newest}, `SELECT COALESCE(MAX(id), 0) FROM audit_record`); err != nil {
		return c, err
	}
	seen, mac := s.seen.get()
	fits := c.isNew || bytes.Equal(c.seal, s.chainSeal(c))
	fits = fits && (newest == c.lastID || newest == 0 && c.startID == c.lastID)
	fits = fits && (seen < c.lastID || seen == c.lastID && (seen == 0 || bytes.Equal(mac, c.lastMAC)))
	if !fits {
		c.lastID = max(c.lastID, newest, seen)
		c.brokenID = c.lastID + 1
	}
	return c, nil
}

// retireAtOnce is how many records an Audit removes at most: more than it adds.
const retireAtOnce = 100

// retire moves the beginning of the chain behind the oldest records that are older
// than Config.KeepAudit.
func (s *Store) retire(tx session, c *chain) error {
	if s.config.KeepAudit <= 0 {
		return nil
	}
	limit := s.config.Now().Add(-s.config.KeepAudit)
	for _, count := range []int{1, retireAtOnce} { // mostly there is none to remove
		oldest, err := rows(tx, scanSigned, `SELECT `+auditColumns+` FROM audit_record WHERE id < $1 ORDER BY id LIMIT $2`, c.lastID, count)
		if err != nil {
			return err
		}
		for _, r := range oldest {
			if !r.At.Before(limit) {
				return nil
			}
			c.startID, c.startMAC = r.ID, r.mac
		}
		if c.brokenID <= c.startID {
			c.brokenID = 0
		}
	}
	return nil
}

// head is the newest record that this process knows of.
type head struct {
	mu  sync.Mutex // guards what follows
	id  int64
	mac []byte
}

func (h *head) get() (int64, []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.id, h.mac
}

func (h *head) advance(id int64, mac []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id > h.id {
		h.id, h.mac = id, mac
	}
}

func (h *head) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.id, h.mac = 0, nil
}
