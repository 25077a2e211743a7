package history

import (
	"context"
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Forget drops all that is kept of an app; nothing at all is no error.
func (s *Store) Forget(app model.AppKey) error {
	err := s.change(context.Background(), lockRevisions, func(tx session) error {
		all, err := beyond(tx, app, 0)
		if err != nil {
			return err
		}
		return drop(tx, all)
	})
	if err != nil {
		return fmt.Errorf("forgetting the history of %s: %w", app, err)
	}
	return nil
}

// beyond are the entries of an app that come after the newest limit.
func beyond(tx session, app model.AppKey, limit int) ([]int64, error) {
	return rows(tx, scanID, `SELECT id FROM history_entry WHERE dialect = $1 AND namespace = $2 AND name = $3
		ORDER BY id DESC LIMIT 1000000 OFFSET $4`, app.Dialect, app.Namespace, app.Name, limit)
}

// drop removes entries, and the objects that no other entry has.
func drop(tx session, entries []int64) error {
	for _, id := range entries {
		spans, err := rows(tx, scanSpan, `SELECT first, length FROM history_span WHERE entry = $1`, id)
		if err != nil {
			return err
		}
		freed, err := remove(tx, entryOverhead, `DELETE FROM history_entry WHERE id = $1 RETURNING LENGTH(body)`, id)
		if err != nil {
			return err
		}
		if err := tx.exec(`DELETE FROM history_span WHERE entry = $1`, id); err != nil {
			return err
		}
		for _, s := range spans {
			n, err := collect(tx, s)
			if err != nil {
				return err
			}
			freed += n + spanOverhead
		}
		if err := grow(tx, -freed); err != nil {
			return err
		}
	}
	return nil
}

// collect removes the objects of a span that are in no span any more, and returns
// their size.
func collect(tx session, s span) (int64, error) {
	return remove(tx, objectOverhead, `DELETE FROM history_object WHERE id >= $1 AND id < $2 AND NOT EXISTS (
		SELECT 1 FROM history_span WHERE first > history_object.id - $3 AND first <= history_object.id
		AND first + length > history_object.id) RETURNING LENGTH(body)`, s.first, s.first+s.length, maxSpan)
}

// remove carries out a DELETE that returns sizes, and adds them up, with that much
// more for each row.
func remove(tx session, overhead int64, statement string, args ...any) (freed int64, err error) {
	sizes, err := rows(tx, scanID, statement, args...)
	for _, n := range sizes {
		freed += n + overhead
	}
	return freed, err
}
