package history

import (
	"context"
	"database/sql"
)

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

func insertSpans(tx session, entry int64, spans []span) error {
	put, err := tx.prepare(`INSERT INTO history_span (entry, position, first, length) VALUES ($1, $2, $3, $4)`)
	if err != nil {
		return err
	}
	defer put.Close()
	for i, s := range spans {
		if _, err := put.ExecContext(context.Background(), entry, i, s.first, s.length); err != nil {
			return err
		}
	}
	return nil
}

func scanSpan(r *sql.Rows, s *span) error { return r.Scan(&s.first, &s.length) }
