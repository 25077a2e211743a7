package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// historyPage lists what was deployed.
type historyPage struct {
	Frame
	appHead
}

func (w *Web) historyPage(r *http.Request) (Page, error) {
	head, err := w.head(r, "history")
	if err != nil {
		return nil, err
	}
	p := &historyPage{appHead: head, Frame: head.frameOf("history", head.App.Key.Name+": history")}
	p.Gone = head.gone()
	return p, nil
}

// DiffTo is the address of what going back to a deployment would change.
func (h appHead) DiffTo(d view.Deployment) string {
	return h.Path + "/diff?" + url.Values{"revision": {d.Revision}}.Encode()
}

// Elsewhere are the sources of a deployment where they are not what the app follows now.
func (h appHead) Elsewhere(d view.Deployment) []view.Source {
	same := func(a, b view.Source) bool {
		return a.URL == b.URL && a.Chart == b.Chart && a.Path == b.Path && a.Target == b.Target
	}
	if slices.EqualFunc(d.Sources, h.App.Sources, same) {
		return nil
	}
	return d.Sources
}

// StopsFirst reports whether going back is to be had only with the automated sync switched
// off, which the reader may do.
func (h appHead) StopsFirst() bool {
	return !h.App.CanRollback && h.App.Auto && h.CanAutomate() && h.May.Rollback && len(h.App.History) > 1
}

// rollbackPage asks whether to go back to a deployment.
type rollbackPage struct {
	Frame
	appHead
	Err   string
	To    view.Deployment
	Asked view.RollbackRequest
}

func (w *Web) rollbackPage(r *http.Request) (Page, error) {
	head, err := w.head(r, "history")
	if err != nil {
		return nil, err
	}
	return newRollbackPage(r, head)
}

func newRollbackPage(r *http.Request, head appHead) (*rollbackPage, error) {
	if !head.May.Rollback {
		return nil, model.As(model.ErrDenied, fmt.Errorf("you may not roll %s back", head.App.Title()))
	}
	id, _ := strconv.ParseInt(r.FormValue("id"), 10, 64)
	i := slices.IndexFunc(head.App.History, func(d view.Deployment) bool { return d.ID == id })
	if i < 0 {
		return nil, model.As(model.ErrNotFound, fmt.Errorf("the history of %s has no entry %d", head.App.Title(), id))
	}
	p := &rollbackPage{appHead: head, Frame: head.frameOf("rollback", "Roll "+head.App.Key.Name+" back"), To: head.App.History[i]}
	p.Topics = nil // what was ticked stays
	p.Asked = view.RollbackRequest{ID: id, Prune: r.FormValue("prune") != "", DryRun: r.FormValue("dry-run") != ""}
	return p, nil
}

// From is what runs now.
func (p *rollbackPage) From() view.Deployment {
	if p.App.Deployed == "" {
		return view.Deployment{Revision: p.App.Revision, Commit: p.App.Commit}
	}
	from := view.Deployment{Revision: p.App.Deployed}
	for _, d := range p.App.History {
		if d.Revision == from.Revision {
			from.Commit = d.Commit
		}
	}
	return from
}

// goBack switches the automated sync off, if it stops that, and asks for the rollback.
func (w *Web) goBack(r *http.Request, p *rollbackPage, stops bool) error {
	desk := view.DeskOf(r.Context())
	if stops {
		if err := desk.Automate(r.Context(), p.App.Key, view.Automation{}); err != nil {
			return fmt.Errorf("the automated sync could not be switched off, and nothing was done: %w", err)
		}
	}
	err := desk.Rollback(r.Context(), p.App.Key, p.Asked)
	if err != nil && stops {
		return fmt.Errorf("the automated sync is off now, but the rollback was refused: %w", err)
	}
	return err
}

// askRollback asks for the rollback; what is refused leads back to the question.
func (w *Web) askRollback(rw http.ResponseWriter, r *http.Request) {
	head, err := w.head(r, "history")
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	p, err := newRollbackPage(r, head)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	stops := p.StopsFirst() && !p.Asked.DryRun
	if err = w.goBack(r, p, stops); err == nil {
		goOn(rw, r, head.Path, map[bool]string{true: "rollback-off", false: "rollback"}[stops])
		return
	}
	if now, e := w.head(r, "history"); e == nil {
		p.appHead = now // the automated sync may be off by now
	}
	p.Err, p.Status = explained(err)
	w.fill(p, r)
	p.Self = head.Path + "/rollback?id=" + strconv.FormatInt(p.To.ID, 10)
	w.send(rw, r, p)
}
