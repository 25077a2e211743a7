package web

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// autosyncPage asks whether, and how, an Application shall sync by itself.
type autosyncPage struct {
	Frame
	appHead
	Err string
	// On, Prune and SelfHeal are what is ticked.
	On, Prune, SelfHeal bool
}

func (w *Web) autosyncPage(r *http.Request) (Page, error) {
	head, err := w.head(r, "autosync")
	if err != nil {
		return nil, err
	}
	return newAutosyncPage(head)
}

func newAutosyncPage(head appHead) (*autosyncPage, error) {
	switch {
	case !head.Automatable():
		return nil, model.Invalidf("a %s syncs by itself: suspend it to stop that", head.App.Kind)
	case !head.May.Update:
		return nil, model.As(model.ErrDenied, fmt.Errorf("you may not change how %s syncs", head.App.Title()))
	}
	p := &autosyncPage{appHead: head, Frame: head.frameOf("autosync", "Automated sync of "+head.App.Key.Name)}
	p.Topics = nil // what was ticked stays
	p.On, p.Prune, p.SelfHeal = head.App.Auto, head.App.Prune, head.App.SelfHeal
	return p, nil
}

// askAutosync switches it; what is refused leads back to the question.
func (w *Web) askAutosync(rw http.ResponseWriter, r *http.Request) {
	head, err := w.head(r, "autosync")
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	p, err := newAutosyncPage(head)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	p.On, p.Prune, p.SelfHeal = r.FormValue("on") != "", r.FormValue("prune") != "", r.FormValue("self-heal") != ""
	asked := view.Automation{On: p.On, Prune: &p.Prune, SelfHeal: &p.SelfHeal}
	err = view.DeskOf(r.Context()).Automate(r.Context(), head.App.Key, asked)
	if err == nil {
		goOn(rw, r, head.Path, map[bool]string{true: "autosync-on", false: "autosync-off"}[p.On])
		return
	}
	p.Err, p.Status = explained(err)
	w.fill(p, r)
	p.Self = head.Path + "/autosync"
	w.send(rw, r, p)
}

// Automatable reports whether the app's kind has an automated sync to switch.
func (h appHead) Automatable() bool { return h.App.Kind == view.KindApplication }

// CanAutomate, CanDelete and Rare report whether the reader may switch the automated sync,
// delete the app, and do any of what is seldom done.
func (h appHead) CanAutomate() bool {
	return h.Automatable() && h.May.Update && !h.App.Deleting
}

// CanDelete is described at CanAutomate.
func (h appHead) CanDelete() bool { return h.May.Delete && (!h.App.Deleting || h.LetsGo()) }

// Rare is described at CanAutomate.
func (h appHead) Rare() bool { return h.May.Refresh || h.CanAutomate() || h.CanDelete() }

// Returns are those of the three choices that the app's origin takes back, in words: what
// it declares. nil is none of them.
func (p *autosyncPage) Returns() []string {
	if p.App.Origin == nil {
		return nil
	}
	var out []string
	for _, field := range []struct{ name, word string }{{"enabled", "on or off"}, {"prune", "prune"}, {"selfHeal", "self-heal"}} {
		if slices.Contains(p.App.Origin.Automated, field.name) {
			out = append(out, field.word)
		}
	}
	return out
}

// OriginPath is the address of what declares the app; "" if there is none to be seen.
func (h appHead) OriginPath() string {
	switch o := h.App.Origin; {
	case o == nil || o.Name == "":
		return ""
	case o.App == (model.AppKey{}):
		return "/sources"
	default:
		return AppPath(o.App)
	}
}
