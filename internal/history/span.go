package history

import (
	"database/sql"
	"slices"
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
	var values []any
	for i, s := range spans {
		values = append(values, entry, i, s.first, s.length)
	}
	for chunk := range slices.Chunk(values, 4*rowsAtOnce) {
		if err := tx.exec(`INSERT INTO history_span (entry, position, first, length) VALUES `+tuples(len(chunk)/4, 4), chunk...); err != nil {
			return err
		}
	}
	return grow(tx, int64(len(spans))*spanOverhead)
}

func scanSpan(r *sql.Rows, s *span) error { return r.Scan(&s.first, &s.length) }
