package history

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// signed is an audit record as it is stored.
type signed struct {
	view.Audit
	keyID, mac []byte
}

// Audit adds a record to the audit trail, whose ID does not matter; without At it
// is of now. Once it returns nil the record is stored. Texts that are too long are
// cut. It drops records that are older than Config.KeepAudit.
func (s *Store) Audit(ctx context.Context, a view.Audit) error {
	a = s.boundedAudit(a)
	var c chain
	err := s.change(ctx, lockAudit, func(tx session) (err error) {
		if c, err = s.chainFor(tx); err != nil {
			return err
		}
		if err := s.appendTo(tx, &c, a); err != nil {
			return err
		}
		start := c.startID
		if err := s.retire(tx, &c); err != nil {
			return err
		}
		if err := s.putChain(tx, c); err != nil || c.startID == start {
			return err
		}
		return tx.exec(`DELETE FROM audit_record WHERE id > $1 AND id <= $2`, start, c.startID)
	})
	if err != nil {
		return fmt.Errorf("writing to the audit trail: %w", err)
	}
	s.seen.advance(c.lastID, c.lastMAC)
	return nil
}

// appendTo adds a record to the chain.
func (s *Store) appendTo(tx session, c *chain, a view.Audit) error {
	a.ID = c.lastID + 1
	mac := s.recordMAC(c.lastMAC, a)
	c.lastID, c.lastMAC = a.ID, mac
	return tx.exec(`INSERT INTO audit_record (`+auditColumns+`) VALUES `+tuples(1, 13),
		a.ID, a.At.UnixMilli(), a.Who, a.From, a.Via, a.Action, a.Object, a.Target, a.Revision, a.Outcome, a.Detail, s.seal.id[:], mac)
}

func (s *Store) boundedAudit(a view.Audit) view.Audit {
	if a.At.IsZero() {
		a.At = s.config.Now()
	}
	for _, name := range []*string{&a.Who, &a.From, &a.Via, &a.Action, &a.Outcome} {
		*name = bounded(*name, maxName)
	}
	for _, object := range []*string{&a.Object, &a.Target, &a.Revision} {
		*object = bounded(*object, maxObject)
	}
	a.Detail = bounded(a.Detail, maxMessage)
	return a
}

// recordMAC is what makes a record the one after that with the mac before.
func (s *Store) recordMAC(before []byte, a view.Audit) []byte {
	number := func(n int64) []byte { return strconv.AppendInt(nil, n, 10) }
	parts := [][]byte{[]byte("record"), before, number(a.ID), number(a.At.UnixMilli())}
	for _, text := range []string{a.Who, a.From, a.Via, a.Action, a.Object, a.Target, a.Revision, a.Outcome, a.Detail} {
		parts = append(parts, []byte(text))
	}
	return s.seal.sign(parts...)
}

const auditColumns = `id, at, actor, address, via, action, object, target, revision, outcome, detail, key_id, mac`

func scanSigned(r *sql.Rows, a *signed) error {
	var at int64
	err := r.Scan(&a.ID, &at, &a.Who, &a.From, &a.Via, &a.Action, &a.Object, &a.Target, &a.Revision, &a.Outcome, &a.Detail, &a.keyID, &a.mac)
	a.At = time.UnixMilli(at).UTC()
	return err
}

// Audits are those records that a query asks for, newest first.
func (s *Store) Audits(ctx context.Context, q view.AuditQuery) ([]view.Audit, error) {
	c := auditClause(q)
	if q.Before > 0 {
		c.and("id < ?", q.Before)
	}
	return s.audits(ctx, c, "id DESC", limited(q.Limit, 100, 1000))
}

// exportPage is how many records Export reads at once.
const exportPage = 500

// Export calls emit with each record that a query asks for, oldest first, until
// there is none left, ctx ends or emit fails, which is then its error. Limit does
// not count; with Before it ends with the record before that one. Records that are
// written meanwhile may be among them.
func (s *Store) Export(ctx context.Context, q view.AuditQuery, emit func(view.Audit) error) error {
	end := q.Before
	if end <= 0 {
		end = math.MaxInt64
	}
	for after := int64(0); ; {
		c := auditClause(q)
		c.and("id > ? AND id < ?", after, end)
		page, err := s.audits(ctx, c, "id", exportPage)
		if err != nil {
			return err
		}
		for _, a := range page {
			if err := emit(a); err != nil {
				return err
			}
			after = a.ID
		}
		if len(page) < exportPage {
			return nil
		}
	}
}

func auditClause(q view.AuditQuery) clause {
	var c clause
	c.andEqual("actor", q.Who)
	c.andEqual("action", q.Action)
	c.andEqual("object", q.Object)
	c.andEqual("outcome", q.Outcome)
	c.andTime(q.From, q.To)
	return c
}

func (s *Store) audits(ctx context.Context, c clause, order string, limit int) (found []view.Audit, err error) {
	query, args := c.query(`SELECT `+auditColumns+` FROM audit_record`, order, limit)
	err = s.look(ctx, func(db session) error {
		records, err := rows(db, scanSigned, query, args...)
		found = make([]view.Audit, len(records))
		for i, r := range records {
			found[i] = r.Audit
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit trail: %w", err)
	}
	return found, nil
}
