package history

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Revoke notes that the token with the id is not valid any more. It is forgotten
// after until, when the token has expired by itself; zero is never. Of several times
// the latest counts.
func (s *Store) Revoke(ctx context.Context, id string, until time.Time) error {
	if id == "" {
		return model.Invalidf("a token without an id can't be revoked")
	}
	token, expires := sha256.Sum256([]byte(id)), int64(math.MaxInt64)
	if !until.IsZero() {
		expires = until.UnixMilli()
	}
	err := s.change(ctx, lockTokens, func(tx session) error {
		if err := tx.exec(`DELETE FROM revoked_token WHERE expires <= $1`, s.config.Now().UnixMilli()); err != nil {
			return err
		}
		return tx.exec(`INSERT INTO revoked_token (token, expires) VALUES ($1, $2)
			ON CONFLICT (token) DO UPDATE SET expires = excluded.expires WHERE excluded.expires > revoked_token.expires`, token[:], expires)
	})
	if err != nil {
		return fmt.Errorf("revoking a token: %w", err)
	}
	return nil
}

// Revoked reports whether the token with the id was revoked. Where there is an
// error, it may have been.
func (s *Store) Revoked(ctx context.Context, id string) (revoked bool, err error) {
	token := sha256.Sum256([]byte(id))
	err = s.look(ctx, func(db session) error {
		var expires int64
		err := db.row([]any{&expires}, `SELECT expires FROM revoked_token WHERE token = $1`, token[:])
		revoked = err == nil && expires > s.config.Now().UnixMilli()
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("looking whether a token was revoked: %w", err)
	}
	return revoked, nil
}
