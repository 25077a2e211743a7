package history

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// schemas are the steps of the schema, numbered from 1: a folder for each
// database, since types and storage are not the same in all of them. A step that
// has shipped is never changed.
//
//go:embed schema
var schemas embed.FS

// migrate brings the schema to its newest version, a transaction a step. Several
// processes may do so at the same time.
func migrate(ctx context.Context, db *sql.DB, kind database) error {
	names, err := fs.Glob(schemas, "schema/"+kind.name()+"/*.sql")
	if err != nil {
		return err
	}
	var version int
	err = alone(ctx, db, kind, func(tx session) error {
		if err := tx.exec(`CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)`); err != nil {
			return err
		}
		version, err = versionOf(tx)
		return err
	})
	if err != nil {
		return err
	}
	if version > len(names) {
		return fmt.Errorf("it was written by a newer version of Fixpoint (schema %d, this one knows %d): run that one, or choose another --data-dir or database", version, len(names))
	}
	for _, name := range names[version:] {
		if err := step(ctx, db, kind, name); err != nil {
			return fmt.Errorf("bringing the schema up to date (%s): %w", name, err)
		}
	}
	return nil
}

// step carries one step out, unless another process has just done so.
func step(ctx context.Context, db *sql.DB, kind database, name string) error {
	text, err := schemas.ReadFile(name)
	if err != nil {
		return err
	}
	base := name[strings.LastIndexByte(name, '/')+1:]
	number, err := strconv.Atoi(base[:4])
	if err != nil {
		return err
	}
	return alone(ctx, db, kind, func(tx session) error {
		version, err := versionOf(tx)
		if err != nil || version >= number {
			return err
		}
		if err := tx.exec(string(text)); err != nil {
			return err
		}
		return tx.exec(`INSERT INTO schema_version (version) VALUES ($1)`, number)
	})
}

// alone is a transaction that no other process migrates in.
func alone(ctx context.Context, db *sql.DB, kind database, do func(session) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	within := session{ctx, tx}
	if err := kind.exclude(within, lockSchema); err != nil {
		return errors.Join(err, ended(tx.Rollback()))
	}
	if err := do(within); err != nil {
		return errors.Join(err, ended(tx.Rollback()))
	}
	return tx.Commit()
}

func versionOf(on session) (version int, err error) {
	err = on.row([]any{&version}, `SELECT COALESCE(MAX(version), 0) FROM schema_version`)
	return version, err
}
