package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// attempts is how often something is tried whose connection has ended: the pool may
// have two of before the server was restarted.
const attempts = 3

// use does something with the database, and renews a file that turns out to be
// damaged.
func (s *Store) use(ctx context.Context, do func(session) error) error {
	if err := s.migrate(ctx); err != nil {
		return err
	}
	s.mu.RLock()
	db := s.db
	err := do(session{ctx, db})
	s.mu.RUnlock()
	if !isDamaged(err) {
		return s.kind.judge(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != db {
		return err // another has seen it too
	}
	return s.renew(db, err)
}

// look is use for a single query, which may be repeated.
func (s *Store) look(ctx context.Context, do func(session) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.patience)
	defer cancel()
	return s.use(ctx, func(db session) (err error) {
		for range attempts {
			if err = do(db); !s.kind.isBroken(err) {
				return err
			}
		}
		return err
	})
}

// snapshot is use for queries that see the database as it is at the first of them.
func (s *Store) snapshot(ctx context.Context, do func(session) error) error {
	return s.use(ctx, func(db session) error {
		tx, err := s.begin(db, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
		if err != nil {
			return err
		}
		return errors.Join(do(session{ctx, tx}), ended(tx.Rollback()))
	})
}

// change is use in one transaction, one at a time of those with the same lock.
func (s *Store) change(ctx context.Context, l lock, do func(session) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.patience)
	defer cancel()
	select {
	case s.turns[l] <- struct{}{}:
		defer func() { <-s.turns[l] }()
	case <-ctx.Done():
		return model.As(model.ErrTransient, fmt.Errorf("waiting for the database: %w", ctx.Err()))
	}
	return s.use(ctx, func(db session) error {
		tx, err := s.begin(db, nil)
		if err != nil {
			return err
		}
		within := session{ctx, tx}
		if err := s.kind.exclude(within, l); err != nil {
			return errors.Join(err, ended(tx.Rollback()))
		}
		if err := do(within); err != nil {
			return errors.Join(err, ended(tx.Rollback()))
		}
		return tx.Commit()
	})
}

// begin begins a transaction, on another connection if the first has ended.
func (s *Store) begin(db session, options *sql.TxOptions) (tx *sql.Tx, err error) {
	for range attempts {
		if tx, err = db.on.(*sql.DB).BeginTx(db.ctx, options); !s.kind.isBroken(err) {
			return tx, err
		}
	}
	return nil, err
}

// ended leaves out that a transaction has ended before its roll-back: it ends with
// its connection and with its context.
func ended(err error) error {
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}
