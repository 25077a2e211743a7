package history

import "github.com/fixpoint-cd/fixpoint/internal/model"

// What a row takes beside its body, with its indexes, in bytes.
const (
	objectOverhead = 64
	entryOverhead  = 256
	spanOverhead   = 48
)

// grow notes how much more or less is stored. What is in use of a database can't be
// asked for: it is not given back at once, and others may be in it.
func grow(tx session, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	return tx.exec(`UPDATE history_size SET bytes = bytes + $1`, bytes)
}

// bytesUsed is what grow has noted.
func bytesUsed(tx session) (n int64, err error) {
	err = tx.row([]any{&n}, `SELECT bytes FROM history_size`)
	return n, err
}

// makeRoom drops the oldest entries, but not the one called newest, until there is
// no more than there may be.
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
