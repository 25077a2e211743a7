// Package ledger remembers, across restarts, which desired object belongs to
// which live one: the pairs that decide works with, and the kinds that an app
// has ever written. It holds digests and names only, never content.
//
// It is a cache in a bbolt file: a bucket per app, in it the key "kinds" with
// a JSON list of references without names, and one key per object, "o/" and
// the object's key, with the pair as JSON. Losing the file costs one dry run
// per object, never a write, so a damaged one is set aside and begun anew.
//
// Writes are not flushed to the disk one by one: a killed process loses none of
// them, and after a power cut a damaged file is begun anew like a lost one.
package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Ledger is the open file. Its methods may be called concurrently.
type Ledger struct{ db *bolt.DB }

// Open opens or creates the file. One process at a time may hold it.
func Open(path string) (*Ledger, error) {
	db, err := openFile(path)
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("opening ledger %s: another process holds it; stop it, or choose another --data-dir", path)
	}
	if err != nil {
		if moved := os.Rename(path, path+".damaged"); moved != nil {
			return nil, fmt.Errorf("opening ledger %s: %w", path, err)
		}
		if db, err = openFile(path); err != nil {
			return nil, fmt.Errorf("opening ledger %s: %w", path, err)
		}
	}
	return &Ledger{db}, nil
}

func openFile(path string) (db *bolt.DB, err error) {
	defer caught(&err)
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: 5 * time.Second, FreelistType: bolt.FreelistMapType, NoSync: true})
	if err == nil {
		db.MaxBatchDelay = batchDelay
	}
	return db, err
}

// batchDelay is how long a write waits for others to go along with.
const batchDelay = time.Millisecond

// caught makes an error of a panic: that is how bbolt tells of damaged pages.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the file is damaged: %v", p)
	}
}

// Close ends the use of the file.
func (l *Ledger) Close() error { return l.db.Close() }

const objectPrefix = "o/"

var kindsKey = []byte("kinds")

// entry is the value of an object's key.
type entry struct {
	Key  model.ObjectKey
	Pair model.Pair
}

// Load returns what is remembered of an app: nothing at all is no error.
func (l *Ledger) Load(app model.AppKey) (pairs map[model.ObjectKey]model.Pair, kinds []model.ObjectRef, err error) {
	defer caught(&err)
	pairs = map[model.ObjectKey]model.Pair{}
	err = l.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(app.String()))
		if b == nil {
			return nil
		}
		if raw := b.Get(kindsKey); raw != nil {
			_ = json.Unmarshal(raw, &kinds) // unreadable counts as unknown
		}
		return b.ForEach(func(k, v []byte) error {
			var e entry
			if strings.HasPrefix(string(k), objectPrefix) && json.Unmarshal(v, &e) == nil {
				e.Pair.Recalled = true
				pairs[e.Key] = e.Pair
			}
			return nil
		})
	})
	return pairs, kinds, err
}

// Save writes pairs and removes those of gone objects, in one transaction.
func (l *Ledger) Save(app model.AppKey, put map[model.ObjectKey]model.Pair, gone []model.ObjectKey) (err error) {
	if len(put)+len(gone) == 0 {
		return nil
	}
	defer caught(&err)
	return l.db.Batch(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(app.String()))
		if err != nil {
			return err
		}
		for k, pair := range put {
			raw, err := json.Marshal(entry{k, pair})
			if err != nil {
				return err
			}
			if err := b.Put(objectKey(k), raw); err != nil {
				return err
			}
		}
		for _, k := range gone {
			if err := b.Delete(objectKey(k)); err != nil {
				return err
			}
		}
		return nil
	})
}

// SaveKinds remembers the kinds that the app writes. It is called before the
// first write of a kind, so that a crash leaves nothing behind unseen.
func (l *Ledger) SaveKinds(app model.AppKey, kinds []model.ObjectRef) (err error) {
	defer caught(&err)
	raw, err := json.Marshal(kinds)
	if err != nil {
		return err
	}
	return l.db.Batch(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(app.String()))
		if err != nil {
			return err
		}
		return b.Put(kindsKey, raw)
	})
}

// Forget removes all that is remembered of an app.
func (l *Ledger) Forget(app model.AppKey) (err error) {
	defer caught(&err)
	return l.db.Batch(func(tx *bolt.Tx) error {
		err := tx.DeleteBucket([]byte(app.String()))
		if errors.Is(err, bolterrors.ErrBucketNotFound) {
			return nil
		}
		return err
	})
}

func objectKey(k model.ObjectKey) []byte { return []byte(objectPrefix + k.String()) }
