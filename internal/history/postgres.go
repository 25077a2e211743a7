package history

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// postgres is a PostgreSQL database, or one schema of it, which several processes
// share.
type postgres struct{ config *pgx.ConnConfig }

var _ database = postgres{}

// settings are those of a connection whose user has not set others: a statement or a
// transaction that is stuck ends, so that what it has locked is free again.
var settings = map[string]string{
	"application_name":                    "fixpoint",
	"statement_timeout":                   "60s",
	"idle_in_transaction_session_timeout": "60s",
}

// newPostgres reads a connection string, of which no error says anything: it may
// hold a password.
func newPostgres(url string) (postgres, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return postgres{}, model.Invalidf("the connection string can't be read: postgres://user:password@host:port/database?sslmode=verify-full is expected, with special characters of the password as %%XX, and files that it names have to be there")
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > time.Minute {
		config.ConnectTimeout = 5 * time.Second
	}
	for name, value := range settings {
		if _, ok := config.RuntimeParams[name]; !ok {
			config.RuntimeParams[name] = value
		}
	}
	return postgres{config}, nil
}

func (postgres) name() string { return "postgres" }

func (p postgres) open() (*sql.DB, error) {
	db := stdlib.OpenDB(*p.config)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(2)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(time.Hour)
	return db, nil
}

// exclude takes an advisory lock, which ends with the transaction. It is of the
// schema that the tables are in.
func (postgres) exclude(tx session, l lock) error {
	return tx.exec(`SELECT pg_advisory_xact_lock(hashtextextended('fixpoint ' || current_schema(), $1))`, int64(l))
}

// judge: what ends a connection, a transaction or a wait may pass; so may a server
// that does not answer, that is starting, or that is a standby for now.
func (p postgres) judge(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var connect *pgconn.ConnectError
	isConnect := errors.As(err, &connect)
	if isConnect {
		err = wordsOf(connect) // it holds the password
	}
	if said := (*pgconn.PgError)(nil); errors.As(err, &said) || isConnect && errors.As(connect, &said) {
		if kind := kindOfCode(said.Code); kind != nil {
			return model.As(kind, err)
		}
		return err
	}
	if isConnect || p.isBroken(err) || errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) {
		return model.As(model.ErrTransient, err)
	}
	return err
}

// wordsOf is the text of an error in one line.
func wordsOf(err error) error { return errors.New(strings.Join(strings.Fields(err.Error()), " ")) }

// kinds are those of the server's errors, by their code or its first characters:
// the longest that fits. Others have none: they are of the set-up, and no fault of
// who asks for something.
var kinds = map[string]error{
	"08": model.ErrTransient, // the connection
	"22": model.ErrInvalid,   // a value
	"40": model.ErrTransient, // the transaction was rolled back
	"53": model.ErrTransient, // memory, disk, connections
	"57": model.ErrTransient, // somebody intervened: shut-down, start, time-out
	"58": model.ErrTransient, // the system

	"25006": model.ErrTransient, // read-only: a standby
	"55P03": model.ErrTransient, // a lock was not to be had
	"57P04": nil,                // the database was dropped
}

func kindOfCode(code string) error {
	for n := len(code); n >= 2; n-- {
		if kind, ok := kinds[code[:n]]; ok {
			return kind
		}
	}
	return nil
}

// isBroken: a server that was shut down says so, or nothing.
func (postgres) isBroken(err error) bool {
	if connect := (*pgconn.ConnectError)(nil); errors.As(err, &connect) {
		return false // another one would end the same way
	}
	if said := (*pgconn.PgError)(nil); errors.As(err, &said) {
		return strings.HasPrefix(said.Code, "08") || said.Code == "57P01" || said.Code == "57P02"
	}
	var failed *net.OpError
	for _, broken := range []error{driver.ErrBadConn, sql.ErrConnDone, pgconn.ErrConnClosed, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return errors.As(err, &failed) && !errors.Is(err, context.DeadlineExceeded)
}
