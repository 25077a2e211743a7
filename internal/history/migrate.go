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

// migrate brings the schema to its newest version, a transaction a step.
func migrate(db *sql.DB) error {
	names, err := fs.Glob(schemas, "schema/sqlite/*.sql")
	if err != nil {
		return err
	}
	err = session{db}.exec(`CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)`)
	if err != nil {
		return err
	}
	version, err := versionOf(session{db})
	if err != nil {
		return err
	}
	if version > len(names) {
		return fmt.Errorf("it was written by a newer version of Fixpoint (schema %d, this one knows %d): run that one, or choose another --data-dir", version, len(names))
	}
	for _, name := range names[version:] {
		if err := step(db, name); err != nil {
			return fmt.Errorf("bringing the schema up to date (%s): %w", name, err)
		}
	}
	return nil
}

// step carries one step out, unless another process has just done so.
func step(db *sql.DB, name string) error {
	text, err := schemas.ReadFile(name)
	if err != nil {
		return err
	}
	base := name[strings.LastIndexByte(name, '/')+1:]
	number, err := strconv.Atoi(base[:4])
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	version, err := versionOf(session{tx})
	if err != nil || version >= number {
		return errors.Join(err, tx.Rollback())
	}
	for _, statement := range []string{string(text), "INSERT INTO schema_version (version) VALUES (" + strconv.Itoa(number) + ")"} {
		if err := (session{tx}).exec(statement); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func versionOf(on session) (version int, err error) {
	err = on.row([]any{&version}, `SELECT COALESCE(MAX(version), 0) FROM schema_version`)
	return version, err
}
