package history

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Kept returns what was stored of a revision and the digest of the sources that
// made it; model.ErrNotFound if nothing is, or nothing that can be read with this
// key.
func (s *Store) Kept(app model.AppKey, revision string, spec model.Digest) (model.Deployed, error) {
	d, err := s.load(`address = $1`, s.entryAddress(app, revision, spec))
	if err == nil {
		return d, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = s.missing(app, revision)
	}
	return model.Deployed{}, fmt.Errorf("what was kept of revision %s of %s: %w", revision, app, err)
}

// Newest is what was kept last of an app; model.ErrNotFound as Kept.
func (s *Store) Newest(app model.AppKey) (model.Deployed, error) {
	return s.last(app, `id = (SELECT MAX(id) FROM history_entry WHERE dialect = $1 AND namespace = $2 AND name = $3)`,
		app.Dialect, app.Namespace, app.Name)
}

// LastHealthy is what was kept last of an app, of what it was seen healthy with,
// but for that revision and digest; model.ErrNotFound as Kept.
func (s *Store) LastHealthy(app model.AppKey, revision string, spec model.Digest) (model.Deployed, error) {
	return s.last(app, `id = (SELECT MAX(id) FROM history_entry WHERE dialect = $1 AND namespace = $2 AND name = $3
		AND healthy = $4 AND address <> $5 AND key_id = $6)`,
		app.Dialect, app.Namespace, app.Name, true, s.entryAddress(app, revision, spec), s.seal.id[:])
}

// last is load for an entry that is not named.
func (s *Store) last(app model.AppKey, where string, args ...any) (model.Deployed, error) {
	d, err := s.load(where, args...)
	if err == nil {
		return d, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = errNothing
	}
	return model.Deployed{}, fmt.Errorf("what was kept of %s: %w", app, err)
}

// Healthy notes that the app was seen healthy with a revision. It does nothing
// where that is not kept.
func (s *Store) Healthy(app model.AppKey, revision string, spec model.Digest) error {
	err := s.change(context.Background(), lockRevisions, func(tx session) error {
		return tx.exec(`UPDATE history_entry SET healthy = $1 WHERE address = $2 AND healthy <> $1`,
			true, s.entryAddress(app, revision, spec))
	})
	if err != nil {
		return fmt.Errorf("noting that revision %s of %s is healthy: %w", revision, app, err)
	}
	return nil
}

var errNothing = model.As(model.ErrNotFound, errors.New("there is nothing"))

// errOtherKey says that an entry needs a key that this is not.
func (s *Store) errOtherKey(id []byte) error {
	return model.As(model.ErrNotFound, fmt.Errorf("the history was encrypted with another key: restore the key with the id %s "+
		"(the present one's is %s), or deploy anew: what is deployed from now on is kept with the present key", keyText(id), keyText(s.seal.id[:])))
}

// missing says why there is nothing of a revision: it may be there for another
// key, which makes another address of it.
func (s *Store) missing(app model.AppKey, revision string) error {
	err := errNothing
	used := s.look(context.Background(), func(db session) error {
		var id []byte
		failed := db.row([]any{&id}, `SELECT key_id FROM history_entry WHERE dialect = $1 AND namespace = $2 AND name = $3
			AND revision = $4 AND key_id <> $5`, app.Dialect, app.Namespace, app.Name, revision, s.seal.id[:])
		if errors.Is(failed, sql.ErrNoRows) {
			return nil
		}
		err = s.errOtherKey(id)
		return failed
	})
	return errors.Join(used, err)
}

// entry is a row of history_entry.
type entry struct {
	id, at               int64
	revision             string
	address, keyID, body []byte
	healthy              bool
}

// load reads the entry that a condition selects; sql.ErrNoRows if there is none.
// What was changed by another than a Store counts as not kept.
func (s *Store) load(where string, args ...any) (model.Deployed, error) {
	var e entry
	var sealed []sealedObject
	ctx, cancel := context.WithTimeout(context.Background(), s.config.patience)
	defer cancel()
	err := s.snapshot(ctx, func(db session) error {
		err := db.row([]any{&e.id, &e.revision, &e.address, &e.keyID, &e.at, &e.healthy, &e.body},
			`SELECT id, revision, address, key_id, deployed_at, healthy, body FROM history_entry WHERE `+where, args...)
		if err != nil || !bytes.Equal(e.keyID, s.seal.id[:]) {
			return err
		}
		sealed, err = rows(db, scanSealed, `SELECT o.address, o.body FROM history_span AS s
			JOIN history_object AS o ON o.id >= s.first AND o.id < s.first + s.length
			WHERE s.entry = $1 ORDER BY s.position, o.id`, e.id)
		return err
	})
	switch {
	case err != nil:
		return model.Deployed{}, err
	case !bytes.Equal(e.keyID, s.seal.id[:]):
		return model.Deployed{}, s.errOtherKey(e.keyID)
	}
	d, err := s.deployed(e, sealed)
	if err != nil {
		return model.Deployed{}, model.As(model.ErrNotFound, fmt.Errorf("it can't be read: %w", err))
	}
	return d, nil
}

// sealedObject is a row of history_object.
type sealedObject struct{ address, body []byte }

func scanSealed(r *sql.Rows, o *sealedObject) error { return r.Scan(&o.address, &o.body) }

// deployed opens an entry and its objects.
func (s *Store) deployed(e entry, sealed []sealedObject) (model.Deployed, error) {
	var f facts
	plain, err := s.unseal(sealedObject{e.address, e.body})
	if err != nil || json.Unmarshal(plain, &f) != nil {
		return model.Deployed{}, errors.New("the entry is damaged")
	}
	d := model.Deployed{
		Revision: e.revision, Spec: f.Spec, Target: f.Target, Namespace: f.Namespace, At: time.UnixMilli(e.at).UTC(), Healthy: e.healthy,
		Snapshots: f.Snapshots, Tools: f.Tools,
	}
	var addresses [][]byte
	for _, o := range sealed {
		text, err := s.unseal(o)
		if err != nil {
			return model.Deployed{}, errors.New("an object is damaged")
		}
		object, err := objectOf(text)
		if err != nil {
			return model.Deployed{}, err
		}
		d.Objects, addresses = append(d.Objects, object), append(addresses, o.address)
	}
	if model.DigestOf(addresses...) != f.Contents {
		return model.Deployed{}, errors.New("objects are missing")
	}
	return d, nil
}

func (s *Store) unseal(o sealedObject) ([]byte, error) {
	packed, err := s.seal.open(o.address, o.body)
	if err != nil {
		return nil, err
	}
	return s.pack.unpack(packed)
}
