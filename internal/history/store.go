package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"

	"modernc.org/sqlite" // registers the driver as well
	sqlite3 "modernc.org/sqlite/lib"
)

// Config is what a history is made of.
type Config struct {
	// Path is the file; it is made for its owner alone.
	Path string
	Key  Key
	// MaxRevision bounds the objects of one revision, in bytes before compression;
	// 0 is 64 MiB.
	MaxRevision int64
	// MaxBytes bounds the file: beyond it the oldest entries of any app go; 0 is
	// 2 GiB.
	MaxBytes int64
}

// Store is an open history. Its methods may be called concurrently.
type Store struct {
	config Config
	seal   *sealer
	pack   *packer
	// writing is held by the one writer.
	writing sync.Mutex

	mu sync.RWMutex // guards db
	db *sql.DB
}

// Open opens or creates the file.
func Open(config Config) (*Store, error) {
	if config.Key.IsZero() {
		return nil, errors.New("opening the history: it has no key")
	}
	if config.MaxRevision <= 0 {
		config.MaxRevision = 64 << 20
	}
	if config.MaxBytes <= 0 {
		config.MaxBytes = 2 << 30
	}
	s := &Store{config: config}
	var err error
	if s.seal, err = newSealer(config.Key); err != nil {
		return nil, fmt.Errorf("opening the history: %w", err)
	}
	if s.pack, err = newPacker(config.MaxRevision + 1<<20); err != nil {
		return nil, fmt.Errorf("opening the history: %w", err)
	}
	if s.db, err = openFile(config.Path); isDamaged(err) {
		s.db, err = renewed(config.Path)
	}
	if err != nil {
		s.pack.close()
		return nil, fmt.Errorf("opening the history %s: %w", config.Path, err)
	}
	return s, nil
}

// Close ends the use of the file.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pack.close()
	return s.db.Close()
}

// pragmas of every connection. A killed process loses nothing, a power cut at most
// the last entries.
const pragmas = "_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
	"&_pragma=temp_store(MEMORY)&_pragma=trusted_schema(OFF)&_pragma=journal_size_limit(8388608)"

func openFile(path string) (*sql.DB, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite would take the umask's mode
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(1)
	if err := migrate(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// renewed sets a damaged file aside, and its log with it, and begins anew.
func renewed(path string) (*sql.DB, error) {
	if err := os.Rename(path, path+".damaged"); err != nil {
		return nil, err
	}
	for _, log := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + log); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return openFile(path)
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

// use does something with the file, and renews it if it turns out to be damaged.
func (s *Store) use(do func(session) error) error {
	s.mu.RLock()
	db := s.db
	err := do(session{db})
	s.mu.RUnlock()
	if !isDamaged(err) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != db {
		return err // another has seen it too
	}
	fresh, failed := renewed(s.config.Path)
	if failed != nil {
		return fmt.Errorf("%w; it can't be begun anew: %w", err, failed)
	}
	_ = db.Close() // damaged
	s.db = fresh
	return fmt.Errorf("%w: the file is now %s.damaged, and the history begins anew", err, s.config.Path)
}

// change is use in one transaction, one at a time.
func (s *Store) change(do func(session) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.use(func(db session) error {
		tx, err := db.on.(*sql.DB).BeginTx(context.Background(), nil)
		if err != nil {
			return err
		}
		if err := do(session{tx}); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	})
}
