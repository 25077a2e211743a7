package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// ErrAltered is what the error of VerifyAudit is if the audit trail was changed.
var ErrAltered = errors.New("the audit trail was changed")

// VerifyAudit reads all of the audit trail and says how much of it is as it was
// written. Its error satisfies errors.Is(err, ErrAltered), and names the first record
// that is not as it was written or does not follow the one before, if there is one:
// then the records before that are those that count. Records that were written with
// another key can't be told from changed ones. What it can't find is that the whole
// database is one of before: keep exports elsewhere.
func (s *Store) VerifyAudit(ctx context.Context) (view.AuditCheck, error) {
	var good view.AuditCheck
	var found error
	err := s.snapshot(ctx, func(db session) (err error) {
		good, found, err = s.verify(db)
		return err
	})
	if err != nil {
		return view.AuditCheck{}, fmt.Errorf("verifying the audit trail: %w", err)
	}
	return good, found
}

// verify returns what was found as the first error.
func (s *Store) verify(db session) (good view.AuditCheck, found, err error) {
	c, err := readChain(db)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return good, nil, err
	}
	last, mac := c.startID, c.startMAC
	for after := int64(math.MinInt64); ; {
		page, err := rows(db, scanSigned, `SELECT `+auditColumns+` FROM audit_record WHERE id > $1 ORDER BY id LIMIT $2`, after, exportPage)
		if err != nil {
			return good, nil, err
		}
		for _, r := range page {
			if found := s.verifyRecord(c, r, last, mac); found != nil {
				return good, found, nil
			}
			after, last, mac = r.ID, r.ID, r.mac
			if good.Records++; good.Records == 1 {
				good.FirstID, good.First = r.ID, r.At
			}
			good.LastID, good.Last = r.ID, r.At
		}
		if len(page) < exportPage {
			return good, s.verifyEnds(c, last, mac), nil
		}
	}
}

// verifyRecord says what is wrong with a record, given the one before.
func (s *Store) verifyRecord(c chain, r signed, before int64, mac []byte) error {
	switch {
	case r.ID <= before:
		return fmt.Errorf("%w: record %d was not there, or was removed long ago", ErrAltered, r.ID)
	case r.ID != before+1:
		return fmt.Errorf("%w: record %d is missing", ErrAltered, before+1)
	case r.ID == c.brokenID:
		return fmt.Errorf("%w before record %d: when that was written, it did not end as it should have", ErrAltered, r.ID)
	case !bytes.Equal(r.keyID, s.seal.id[:]):
		return fmt.Errorf("%w, or written with another key: record %d (%s) is of the key with the id %s, the present one's is %s",
			ErrAltered, r.ID, r.At.Format(timeFormat), keyText(r.keyID), keyText(s.seal.id[:]))
	case !bytes.Equal(r.mac, s.recordMAC(mac, r.Audit)):
		return fmt.Errorf("%w: record %d (%s) is not as it was written, or not the one that followed record %d", ErrAltered, r.ID, r.At.Format(timeFormat), before)
	}
	return nil
}

const timeFormat = "2006-01-02 15:04:05 UTC"

// verifyEnds says what is wrong with the ends of a chain whose records are good up
// to the last.
func (s *Store) verifyEnds(c chain, last int64, mac []byte) error {
	newest, _ := s.seen.get()
	newest = max(newest, c.lastID)
	switch {
	case last < newest:
		return fmt.Errorf("%w: record %d is missing, and those up to %d", ErrAltered, last+1, newest)
	case last == 0:
		return nil
	case c.lastID != last || !bytes.Equal(c.lastMAC, mac):
		return fmt.Errorf("%w: record %d was not the last one", ErrAltered, last)
	case !bytes.Equal(c.seal, s.chainSeal(c)):
		return fmt.Errorf("%w: record %d was not the first one, or others than the oldest were removed", ErrAltered, c.startID+1)
	}
	return nil
}
