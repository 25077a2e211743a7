package history

import (
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Forget drops all that is kept of an app; nothing at all is no error.
func (s *Store) Forget(app model.AppKey) error {
	err := s.change(func(tx session) error {
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
		for _, statement := range []string{`DELETE FROM history_entry WHERE id = $1`, `DELETE FROM history_span WHERE entry = $1`} {
			if err := tx.exec(statement, id); err != nil {
				return err
			}
		}
		for _, s := range spans {
			if err := collect(tx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// collect removes the objects of a span that are in no span any more.
func collect(tx session, s span) error {
	return tx.exec(`DELETE FROM history_object WHERE id >= $1 AND id < $2 AND NOT EXISTS (
		SELECT 1 FROM history_span WHERE first > history_object.id - $3 AND first <= history_object.id
		AND first + length > history_object.id)`, s.first, s.first+s.length, maxSpan)
}

// makeRoom drops the oldest entries, but not the one called newest, until the file
// is no larger than it may be.
func (s *Store) makeRoom(tx session, newest int64) error {
	for {
		used, err := bytesUsed(tx)
		if err != nil || used <= s.config.MaxBytes {
			return err
		}
		oldest, err := rows(tx, scanID, `SELECT id FROM history_entry WHERE id <> $1 ORDER BY id LIMIT 8`, newest)
		if err != nil {
			return err
		}
		if len(oldest) == 0 {
			return model.Invalidf("the history is larger than the %d MiB that it may use", s.config.MaxBytes>>20)
		}
		if err := drop(tx, oldest); err != nil {
			return err
		}
	}
}

// bytesUsed is what is in use of the file; SQLite's own.
func bytesUsed(tx session) (n int64, err error) {
	err = tx.row([]any{&n}, `SELECT (p.page_count - f.freelist_count) * s.page_size
		FROM pragma_page_count AS p, pragma_freelist_count AS f, pragma_page_size AS s`)
	return n, err
}
