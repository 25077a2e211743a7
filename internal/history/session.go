package history

import (
	"context"
	"database/sql"
)

// session is the database or a transaction of it, for as long as ctx lasts.
type session struct {
	ctx context.Context
	on  interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
}

func (s session) exec(query string, args ...any) error {
	_, err := s.on.ExecContext(s.ctx, query, args...)
	return err
}

// row scans the one row of an answer; sql.ErrNoRows if there is none.
func (s session) row(into []any, query string, args ...any) error {
	return s.on.QueryRowContext(s.ctx, query, args...).Scan(into...)
}

// rows collects what scan reads of each row of an answer.
func rows[T any](s session, scan func(*sql.Rows, *T) error, query string, args ...any) (out []T, err error) {
	found, err := s.on.QueryContext(s.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
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
