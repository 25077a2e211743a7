package api

import (
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// accepted is the answer to what was asked for and will be done.
func (c *call) accepted(done ...string) Accepted {
	at := appName(c.app).URL
	c.w.Header().Set("Location", at)
	return Accepted{App: at, Watch: at + "/watch", Done: done}
}

// deed reads a body and does what it asks for.
func deed[B any](do func(*call, B) error) func(*call) (any, error) {
	return func(c *call) (any, error) {
		var body B
		if err := c.body(&body); err != nil {
			return nil, err
		}
		if err := do(c, body); err != nil {
			return nil, err
		}
		return c.accepted(), nil
	}
}

var (
	syncApp = deed(func(c *call, b Sync) error {
		r := view.SyncRequest{
			Revision: b.Revision, Prune: b.Prune, DryRun: b.DryRun, Force: b.Force, NoHooks: b.NoHooks,
			Options: b.Options, Retries: b.Retries,
		}
		for _, o := range b.Only {
			key, err := o.key()
			if err != nil {
				return err
			}
			r.Only = append(r.Only, key)
		}
		return c.desk.Sync(c.r.Context(), c.app, r)
	})
	rollbackApp = deed(func(c *call, b Rollback) error {
		return c.desk.Rollback(c.r.Context(), c.app, view.RollbackRequest{ID: b.ID, Prune: b.Prune, DryRun: b.DryRun})
	})
	terminateApp = deed(func(c *call, _ Nothing) error { return c.desk.Terminate(c.r.Context(), c.app) })
	refreshApp   = deed(func(c *call, b Refresh) error { return c.desk.Refresh(c.r.Context(), c.app, b.Hard) })
)

// autosyncApp does nothing unless it is said which of the two is wanted.
var autosyncApp = deed(func(c *call, b Autosync) error {
	if b.On == nil {
		return model.Invalidf("field \"on\": it is missing: say true or false")
	}
	return c.desk.Automate(c.r.Context(), c.app, view.Automation{On: *b.On, Prune: b.Prune, SelfHeal: b.SelfHeal})
})

func deleteApp(c *call) (any, error) {
	if err := c.desk.DeleteApp(c.r.Context(), c.app, view.Cascade(c.query.Get("cascade"))); err != nil {
		return nil, err
	}
	return c.accepted(), nil
}

func suspendApp(suspend bool) func(*call) (any, error) {
	return deed(func(c *call, _ Nothing) error { return c.desk.Suspend(c.r.Context(), c.app, suspend) })
}

func deleteObject(c *call) (any, error) {
	key, err := c.object()
	if err != nil {
		return nil, err
	}
	if err := c.desk.Delete(c.r.Context(), c.app, key); err != nil {
		return nil, err
	}
	return c.accepted(), nil
}

func act(c *call) (any, error) {
	var b Act
	if err := c.body(&b); err != nil {
		return nil, err
	}
	key, err := b.Object.key()
	if err != nil {
		return nil, err
	}
	done, err := c.desk.Act(c.r.Context(), c.app, key, c.r.PathValue("action"), b.Params)
	if err != nil {
		return nil, err
	}
	return c.accepted(done...), nil
}
