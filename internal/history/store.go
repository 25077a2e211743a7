package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Config is what a history is made of.
type Config struct {
	// Path is the SQLite file; it is made for its owner alone. It is not used where
	// URL is set.
	Path string
	// URL is the connection string of a PostgreSQL database, such as
	// postgres://user:password@host/database?sslmode=verify-full; "" is the file.
	URL string `json:"-"`
	Key Key
	// MaxRevision bounds the objects of one revision, in bytes before compression;
	// 0 is 64 MiB.
	MaxRevision int64
	// MaxBytes bounds what is kept of revisions, in bytes as stored: beyond it the
	// oldest entries of any app go; 0 is 2 GiB.
	MaxBytes int64
	// MaxActivities bounds the activities: beyond it the oldest go; 0 is 100,000.
	MaxActivities int
	// KeepAudit is how long audit records are kept; 0 is for ever.
	KeepAudit time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time `json:"-"`

	// patience bounds each use of the database; 0 is 30 s.
	patience time.Duration
}

// String names the database and hides how to get in.
func (c Config) String() string {
	if c.URL != "" {
		return "PostgreSQL, " + c.Key.String()
	}
	return "file " + c.Path + ", " + c.Key.String()
}

// GoString is String.
func (c Config) GoString() string { return c.String() }

func (c Config) withDefaults() Config {
	if c.MaxRevision <= 0 {
		c.MaxRevision = 64 << 20
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 2 << 30
	}
	if c.MaxActivities <= 0 {
		c.MaxActivities = 100_000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.patience <= 0 {
		c.patience = 30 * time.Second
	}
	return c
}

// database is what the databases differ in.
type database interface {
	// name is the folder of its schema.
	name() string
	// open makes the pool of connections.
	open() (*sql.DB, error)
	// exclude makes a transaction the only one of all processes that has the lock, until
	// its end.
	exclude(tx session, l lock) error
	// judge gives an error of it a kind.
	judge(error) error
	// isBroken reports whether an error says that the connection has ended, so that
	// another one may do.
	isBroken(error) bool
}

// lock is what changes exclude each other by.
type lock int

const (
	lockSchema lock = iota
	lockRevisions
	lockActivity
	lockAudit
	lockTokens
	locks
)

// Store is an open history. Its methods may be called concurrently. An error that
// may pass, as of a database that can't be reached, is model.ErrTransient.
type Store struct {
	config Config
	seal   *sealer
	pack   *packer
	kind   database
	// turns are taken by whoever changes something in this process.
	turns [locks]chan struct{}
	seen  head

	mu     sync.RWMutex // guards the two below
	db     *sql.DB
	schema schema
}

// Open opens or creates the file, or connects to PostgreSQL. A PostgreSQL that can't
// be reached is no error: the methods fail until it can be.
func Open(config Config) (*Store, error) {
	if config.Key.IsZero() {
		return nil, errors.New("opening the history: it has no key")
	}
	s := &Store{config: config.withDefaults()}
	s.config.URL = ""
	err := s.prepare(config.URL)
	if err == nil {
		err = s.connect()
	}
	if err != nil {
		if s.pack != nil {
			s.pack.close()
		}
		return nil, fmt.Errorf("opening the history%s: %w", s.at(), err)
	}
	return s, nil
}

// at names the file for people; "" for a database that is not ours alone.
func (s *Store) at() string {
	if _, ok := s.kind.(file); ok {
		return " " + s.config.Path
	}
	return ""
}

// prepare is all of Open that needs no database.
func (s *Store) prepare(url string) (err error) {
	if s.kind, err = kindOf(s.config.Path, url); err != nil {
		return err
	}
	for l := range s.turns {
		s.turns[l] = make(chan struct{}, 1)
		if url == "" && lock(l) > lockRevisions {
			s.turns[l] = s.turns[lockRevisions] // a file has one writer
		}
	}
	if s.seal, err = newSealer(s.config.Key); err != nil {
		return err
	}
	s.pack, err = newPacker(s.config.MaxRevision + 1<<20)
	return err
}

func kindOf(path, url string) (database, error) {
	if url != "" {
		return newPostgres(url)
	}
	return file{path}, nil
}

// connect opens the database and brings its schema up to date.
func (s *Store) connect() (err error) {
	if s.db, err = s.kind.open(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.config.patience)
	defer cancel()
	err = s.migrate(ctx)
	switch {
	case isDamaged(err):
		return s.renew(s.db, nil)
	case errors.Is(err, model.ErrTransient) && s.at() == "":
		return nil
	case err != nil:
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// migrate brings the schema up to date, once. Who waits for another's attempt has its
// outcome.
func (s *Store) migrate(ctx context.Context) error {
	db, before := s.state()
	if before.migrated {
		return nil
	}
	select {
	case s.turns[lockSchema] <- struct{}{}:
		defer func() { <-s.turns[lockSchema] }()
	case <-ctx.Done():
		return s.kind.judge(fmt.Errorf("waiting for the database: %w", ctx.Err()))
	}
	if _, now := s.state(); now.migrated || now.attempts > before.attempts {
		return now.failed
	}
	err := s.kind.judge(migrate(ctx, db, s.kind))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.schema.attempts++
	s.schema.migrated, s.schema.failed = err == nil, err
	return err
}

// schema is how far the database is known to be prepared.
type schema struct {
	migrated bool
	attempts int
	failed   error
}

func (s *Store) state() (*sql.DB, schema) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.db, s.schema
}

// Close ends the use of the database.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pack.close()
	return s.db.Close()
}
