package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// happened is what an activity holds beside what it is found by.
type happened struct {
	Revision string       `json:",omitempty"`
	Commit   model.Commit `json:",omitzero"`
	Web      string       `json:",omitempty"`
	Message  string       `json:",omitempty"`
	Failed   bool         `json:",omitempty"`
}

// Note stores an activity, whose ID does not matter; without At it happened now.
// Texts that are too long are cut. Of more than Config.MaxActivities the oldest go.
func (s *Store) Note(ctx context.Context, a view.Activity) error {
	if err := s.note(ctx, s.boundedActivity(a)); err != nil {
		return fmt.Errorf("noting that %s was %s: %w", a.App, a.Kind, err)
	}
	return nil
}

func (s *Store) boundedActivity(a view.Activity) view.Activity {
	if a.At.IsZero() {
		a.At = s.config.Now()
	}
	for _, name := range []*string{&a.App.Dialect, &a.App.Namespace, &a.App.Name, &a.Project, &a.Kind, &a.By, &a.Commit.ID, &a.Commit.Author} {
		*name = bounded(*name, maxName)
	}
	a.Revision, a.Commit.Subject = bounded(a.Revision, maxObject), bounded(a.Commit.Subject, maxObject)
	a.Message = bounded(a.Message, maxMessage)
	if len(a.Web) > maxObject {
		a.Web = "" // a part of an address leads elsewhere
	}
	return a
}

func (s *Store) note(ctx context.Context, a view.Activity) error {
	body, err := json.Marshal(happened{a.Revision, a.Commit, a.Web, a.Message, a.Failed})
	if err != nil {
		return err
	}
	search := folded(strings.Join([]string{a.Message, a.App.Namespace + "/" + a.App.Name, a.Revision, a.Commit.ID, a.Commit.Subject}, "\n"))
	return s.change(ctx, lockActivity, func(tx session) error {
		id, err := nextID(tx, `SELECT COALESCE(MAX(id), 0) + 1 FROM activity`)
		if err != nil {
			return err
		}
		err = tx.exec(`INSERT INTO activity (id, at, dialect, namespace, name, project, kind, actor, body, search)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			id, a.At.UnixMilli(), a.App.Dialect, a.App.Namespace, a.App.Name, a.Project, a.Kind, a.By, string(body), search)
		if err != nil {
			return err
		}
		return tx.exec(`DELETE FROM activity WHERE id <= $1`, id-int64(s.config.MaxActivities))
	})
}

// Activities are those that a query asks for, newest first. A project, kind or
// person that nothing is known of has none.
func (s *Store) Activities(ctx context.Context, q view.ActivityQuery) (found []view.Activity, err error) {
	query, args := selectActivities(q)
	err = s.look(ctx, func(db session) error {
		found, err = rows(db, scanActivity, query, args...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what happened: %w", err)
	}
	return found, nil
}

func selectActivities(q view.ActivityQuery) (query string, args []any) {
	var c clause
	if q.App != nil {
		c.and("dialect = ? AND namespace = ? AND name = ?", q.App.Dialect, q.App.Namespace, q.App.Name)
	}
	c.andEqual("project", q.Project)
	c.andOne("kind", q.Kinds)
	c.andEqual("actor", q.By)
	c.andTime(q.From, q.To)
	if q.Search != "" {
		c.and(`search LIKE ? ESCAPE '\'`, containing(q.Search))
	}
	if q.Before > 0 {
		c.and("id < ?", q.Before)
	}
	return c.query(`SELECT id, at, dialect, namespace, name, project, kind, actor, body FROM activity`, "id DESC", limited(q.Limit, 50, 500))
}

func scanActivity(r *sql.Rows, a *view.Activity) error {
	var at int64
	var body []byte
	if err := r.Scan(&a.ID, &at, &a.App.Dialect, &a.App.Namespace, &a.App.Name, &a.Project, &a.Kind, &a.By, &body); err != nil {
		return err
	}
	var h happened
	if err := json.Unmarshal(body, &h); err != nil {
		return errors.New("an activity is unreadable")
	}
	a.At = time.UnixMilli(at).UTC()
	a.Revision, a.Commit, a.Web, a.Message, a.Failed = h.Revision, h.Commit, h.Web, h.Message, h.Failed
	return nil
}

// andTime adds the bounds of the column at, in milliseconds; zero is none.
func (c *clause) andTime(from, to time.Time) {
	if !from.IsZero() {
		c.and("at >= ?", from.UnixMilli())
	}
	if !to.IsZero() {
		c.and("at < ?", to.UnixMilli())
	}
}
