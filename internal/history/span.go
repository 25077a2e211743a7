package history

import "database/sql"

// span are length rows of history_object, from first on.
type span struct{ first, length int64 }

// maxSpan bounds a span, so that those which may hold a row are near it in the
// index.
const maxSpan = 256

// spansOf are rows as spans, in the same order.
func spansOf(ids []int64) []span {
	var out []span
	for _, id := range ids {
		if n := len(out) - 1; n >= 0 && out[n].first+out[n].length == id && out[n].length < maxSpan {
			out[n].length++
			continue
		}
		out = append(out, span{id, 1})
	}
	return out
}

func insertSpans(tx *sql.Tx, entry int64, spans []span) error {
	put, err := tx.Prepare(`INSERT INTO history_span (entry, position, first, length) VALUES ($1, $2, $3, $4)`)
	if err != nil {
		return err
	}
	defer put.Close() //nolint:errcheck // ends with the transaction
	for i, s := range spans {
		if _, err := put.Exec(entry, i, s.first, s.length); err != nil {
			return err
		}
	}
	return nil
}

// querier is a database or a transaction.
type querier interface {
	Query(query string, args ...any) (*sql.Rows, error)
	QueryRow(query string, args ...any) *sql.Row
}

// rows collects what scan reads of each row.
func rows[T any](q querier, scan func(*sql.Rows, *T) error, query string, args ...any) (out []T, err error) {
	found, err := q.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close() //nolint:errcheck // Err says what went wrong
	for found.Next() {
		var one T
		if err := scan(found, &one); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, found.Err()
}

func scanID(r *sql.Rows, id *int64) error { return r.Scan(id) }

func scanSpan(r *sql.Rows, s *span) error { return r.Scan(&s.first, &s.length) }
