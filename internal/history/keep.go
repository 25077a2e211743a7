package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Keep stores the objects of a revision that was deployed as the newest of its
// app, and drops the oldest beyond the newest limit. Keeping the same once more
// makes it the newest; it stays healthy if it was. With a limit below 1 nothing of
// the app is kept. A revision beyond Config.MaxRevision is not kept, which is an
// error that satisfies errors.Is(err, model.ErrInvalid).
func (s *Store) Keep(app model.AppKey, deployed model.Deployed, limit int) error {
	err := s.keep(app, deployed, limit)
	if err != nil {
		return fmt.Errorf("keeping revision %s of %s: %w", deployed.Revision, app, err)
	}
	return nil
}

func (s *Store) keep(app model.AppKey, deployed model.Deployed, limit int) error {
	if limit < 1 {
		return s.Forget(app)
	}
	b, err := s.batch(deployed)
	if err != nil {
		return err
	}
	body, err := json.Marshal(factsOf(deployed, b.addresses))
	if err != nil {
		return err
	}
	address := s.entryAddress(app, deployed.Revision, deployed.Spec)
	sealed := s.seal.seal(address, s.pack.pack(body))
	return s.change(context.Background(), lockRevisions, func(tx session) error {
		ids, err := s.putAll(tx, b)
		if err != nil {
			return err
		}
		before, healthy, err := supersede(tx, address)
		if err != nil {
			return err
		}
		id, err := insertEntry(tx, app, deployed, healthy, address, s.seal.id[:], sealed)
		if err != nil {
			return err
		}
		if err := insertSpans(tx, id, spansOf(ids)); err != nil {
			return err
		}
		old, err := beyond(tx, app, limit)
		if err != nil {
			return err
		}
		if err := drop(tx, append(before, old...)); err != nil {
			return err
		}
		return s.makeRoom(tx, id)
	})
}

// batch are the objects of a revision as text, with their addresses.
type batch struct{ records, addresses [][]byte }

func (s *Store) batch(deployed model.Deployed) (batch, error) {
	var b batch
	var size int64
	for _, o := range deployed.Objects {
		text, err := record(o)
		if err != nil {
			return b, err
		}
		if size += int64(len(text)); size > s.config.MaxRevision {
			return b, model.Invalidf("its objects are larger than %d MiB: no rollback to it is possible while its sources can't be reached", s.config.MaxRevision>>20)
		}
		b.records = append(b.records, text)
		b.addresses = append(b.addresses, s.seal.address([]byte("object"), text))
	}
	return b, nil
}

// entryAddress is where the entry of a revision is.
func (s *Store) entryAddress(app model.AppKey, revision string, spec model.Digest) []byte {
	return s.seal.address([]byte("entry"), []byte(app.Dialect), []byte(app.Namespace), []byte(app.Name), []byte(revision), spec[:])
}

// rowsAtOnce is how many rows a statement asks for or inserts.
const rowsAtOnce = 128

// putAll stores the objects that are not there yet, and returns the rows of all.
func (s *Store) putAll(tx session, b batch) ([]int64, error) {
	known, err := idsOf(tx, b.addresses)
	if err != nil {
		return nil, err
	}
	next, err := nextID(tx, `SELECT COALESCE(MAX(id), 0) + 1 FROM history_object`)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(b.records))
	var fresh []any
	var added int64
	for i, address := range b.addresses {
		id, ok := known[string(address)]
		if !ok {
			id = next
			next++
			known[string(address)] = id
			body := s.seal.seal(address, s.pack.pack(b.records[i]))
			fresh = append(fresh, id, address, body)
			added += int64(len(body)) + objectOverhead
		}
		ids[i] = id
	}
	for chunk := range slices.Chunk(fresh, 3*rowsAtOnce) {
		if err := tx.exec(`INSERT INTO history_object (id, address, body) VALUES `+tuples(len(chunk)/3, 3), chunk...); err != nil {
			return nil, err
		}
	}
	return ids, grow(tx, added)
}

// addressed is the row of an object.
type addressed struct {
	id      int64
	address []byte
}

// idsOf are the rows of those objects that are there, by address.
func idsOf(tx session, addresses [][]byte) (map[string]int64, error) {
	ids := map[string]int64{}
	for chunk := range slices.Chunk(addresses, rowsAtOnce) {
		args := make([]any, len(chunk))
		for i, address := range chunk {
			args[i] = address
		}
		found, err := rows(tx, func(r *sql.Rows, a *addressed) error { return r.Scan(&a.id, &a.address) },
			`SELECT id, address FROM history_object WHERE address IN `+tuples(1, len(args)), args...)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			ids[string(a.address)] = a.id
		}
	}
	return ids, nil
}

func nextID(tx session, query string) (id int64, err error) {
	err = tx.row([]any{&id}, query)
	return id, err
}

// supersede takes the place of an earlier entry at the same address: its id is
// returned, to be dropped, and whether it was healthy.
func supersede(tx session, address []byte) (before []int64, healthy bool, err error) {
	var id, size int64
	err = tx.row([]any{&id, &healthy, &size}, `DELETE FROM history_entry WHERE address = $1 RETURNING id, healthy, LENGTH(body)`, address)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return []int64{id}, healthy, grow(tx, -size-entryOverhead)
}

func insertEntry(tx session, app model.AppKey, d model.Deployed, healthy bool, address, keyID, body []byte) (int64, error) {
	id, err := nextID(tx, `SELECT COALESCE(MAX(id), 0) + 1 FROM (SELECT MAX(id) AS id FROM history_entry UNION ALL SELECT MAX(entry) FROM history_span) AS used`)
	if err != nil {
		return 0, err
	}
	err = tx.exec(`INSERT INTO history_entry (id, dialect, namespace, name, revision, address, key_id, deployed_at, healthy, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		id, app.Dialect, app.Namespace, app.Name, d.Revision, address, keyID, d.At.UnixMilli(), healthy || d.Healthy, body)
	if err != nil {
		return 0, err
	}
	return id, grow(tx, int64(len(body))+entryOverhead)
}
