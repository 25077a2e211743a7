package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"

	"modernc.org/sqlite" // registers the driver as well
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// file is an SQLite file.
type file struct{ path string }

var _ database = file{}

func (file) name() string { return "sqlite" }

// pragmas of every connection. A killed process loses nothing, a power cut at most
// the last entries.
const pragmas = "_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
	"&_pragma=temp_store(MEMORY)&_pragma=trusted_schema(OFF)&_pragma=journal_size_limit(8388608)"

func (f file) open() (*sql.DB, error) {
	made, err := os.OpenFile(f.path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite would take the umask's mode
	if err != nil {
		return nil, err
	}
	if err := made.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: f.path}).EscapedPath()+"?"+pragmas)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(1)
	return db, nil
}

// exclude does nothing: a transaction that changes the file is alone from its begin.
func (file) exclude(session, lock) error { return nil }

func (file) isBroken(error) bool { return false }

// judge: another process that has the file for long, and a full disk, may pass.
func (file) judge(err error) error {
	if failed := (*sqlite.Error)(nil); errors.As(err, &failed) {
		switch failed.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
			return model.As(model.ErrTransient, err)
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return model.As(model.ErrTransient, err)
	}
	return err
}

// isDamaged reports whether an error says that the file is no good database.
func isDamaged(err error) bool {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return false
	}
	code := failed.Code() & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// renew sets a damaged file aside, and its log with it, and begins anew; the caller
// has the store for itself. It returns why with where the file is, or nil if there is
// no why.
func (s *Store) renew(damaged *sql.DB, why error) error {
	aside, err := setAside(s.config.Path)
	if err == nil {
		var fresh *sql.DB
		if fresh, err = s.kind.open(); err == nil {
			_ = damaged.Close() // damaged
			s.db, s.schema = fresh, schema{}
			s.seen.reset()
			err = migrate(context.Background(), fresh, s.kind)
			s.schema.migrated = err == nil
		}
	}
	switch {
	case why == nil:
		return err
	case err != nil:
		return fmt.Errorf("%w; it can't be begun anew: %w", why, err)
	}
	return fmt.Errorf("%w: the file is now %s, and the history begins anew", why, aside)
}

// maxAside is how many damaged files are kept: the audit trail is in them.
const maxAside = 9

// setAside renames a file, to a name that is free if there is one, and removes its
// log.
func setAside(path string) (aside string, err error) {
	for n := range maxAside {
		aside = path + ".damaged"
		if n > 0 {
			aside += "-" + strconv.Itoa(n+1)
		}
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err := os.Rename(path, aside); err != nil {
		return "", err
	}
	for _, log := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + log); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return aside, nil
}
