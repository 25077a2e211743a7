package web

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// actionPage asks for the parameters of an action, or whether it is meant.
type actionPage struct {
	Frame
	appHead
	Object view.Object
	Action view.Action
	// Values are what was typed, by parameter.
	Values map[string]string
	Err    string
}

// specFields are the fields of the spec that actions set.
var specFields = map[string][]string{
	"scale": {"replicas"}, "pause": {"paused", "state"}, "suspend": {"suspend"}, "resume": {"paused", "suspend", "state"},
	"stop": {"state"}, "toggle-auto-sync": {"syncPolicy"},
}

// undone reports whether the app takes back at once what an action does with an
// object: it sets what the app declares, and the app repairs drift.
func undone(app view.Detail, o view.Object, a view.Action) bool {
	heals := app.Auto && app.SelfHeal || app.Kind != view.KindApplication
	spec, _ := o.Desired["spec"].(map[string]any)
	return heals && !app.Suspended && slices.ContainsFunc(specFields[a.Name], func(field string) bool {
		_, declared := spec[field]
		return declared
	})
}

// Undone reports whether the action would be taken back at once.
func (p *actionPage) Undone() bool { return undone(p.App, p.Object, p.Action) }

func (w *Web) actionPage(r *http.Request) (Page, error) { return w.newActionPage(r) }

func (w *Web) newActionPage(r *http.Request) (*actionPage, error) {
	head, object, err := w.readObject(r)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(object.Actions, func(a view.Action) bool { return a.Name == r.FormValue("action") })
	if i < 0 {
		return nil, model.As(model.ErrNotFound, fmt.Errorf("%s has no such action", object.Ref.ObjectKey))
	}
	a := object.Actions[i]
	if !view.DeskOf(r.Context()).MayOn(view.VerbAct, head.App.App, object.Ref.ObjectKey, a.Name) {
		return nil, model.As(model.ErrDenied, fmt.Errorf("you may not do that with %s", object.Ref.ObjectKey))
	}
	p := &actionPage{
		appHead: head, Frame: head.frameOf("object-action", a.Title+" "+object.Ref.Name),
		Object: object, Action: a, Values: map[string]string{},
	}
	p.Topics = nil // what was typed stays
	for _, param := range a.Params {
		p.Values[param.Name] = param.Default
		if r.Method == http.MethodPost {
			p.Values[param.Name] = r.FormValue("param." + param.Name)
		}
	}
	return p, nil
}

// askAction does the action. Its outcome is a message for the script, else a notice on
// the object's page; what is refused leads back to the question.
func (w *Web) askAction(rw http.ResponseWriter, r *http.Request) {
	p, err := w.newActionPage(r)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	desk := view.DeskOf(r.Context())
	lines, err := desk.Act(r.Context(), p.App.Key, p.Object.Ref.ObjectKey, p.Action.Name, p.given())
	switch {
	case err != nil && isPartial(r):
		w.fail(rw, r, err)
	case err != nil:
		p.Err, p.Status = explained(err)
		w.fill(p, r)
		p.Self = p.ObjectPath(p.Object.Ref)
		w.send(rw, r, p)
	case isPartial(r):
		o := Outcome{Title: p.Action.Title + ": done"}
		for _, l := range lines {
			o.Results = append(o.Results, Result{Name: l})
		}
		w.toast(rw, r, http.StatusOK, o)
	default:
		goOn(rw, r, p.ObjectPath(p.Object.Ref), "action")
	}
}

// given are the parameters that were filled in; nil if the action has none.
func (p *actionPage) given() map[string]string {
	if len(p.Action.Params) == 0 {
		return nil
	}
	given := map[string]string{}
	for _, param := range p.Action.Params {
		if v := p.Values[param.Name]; v != "" || param.Required {
			given[param.Name] = v
		}
	}
	return given
}

// deletePage asks whether to delete an object.
type deletePage struct {
	Frame
	appHead
	Object view.Object
	Err    string
}

func (w *Web) deletePage(r *http.Request) (Page, error) { return w.newDeletePage(r) }

func (w *Web) newDeletePage(r *http.Request) (*deletePage, error) {
	head, object, err := w.readObject(r)
	if err != nil {
		return nil, err
	}
	if !view.DeskOf(r.Context()).MayOn(view.VerbDelete, head.App.App, object.Ref.ObjectKey, "") {
		return nil, model.As(model.ErrDenied, fmt.Errorf("you may not delete %s", object.Ref.ObjectKey))
	}
	p := &deletePage{appHead: head, Frame: head.frameOf("object-delete", "Delete "+object.Ref.Name), Object: object}
	p.Topics = nil // a question stays as it was read
	return p, nil
}

// askDelete deletes the object and leads back to its app.
func (w *Web) askDelete(rw http.ResponseWriter, r *http.Request) {
	p, err := w.newDeletePage(r)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	err = view.DeskOf(r.Context()).Delete(r.Context(), p.App.Key, p.Object.Ref.ObjectKey)
	if err == nil {
		goOn(rw, r, p.Path, "delete")
		return
	}
	p.Err, p.Status = explained(err)
	w.fill(p, r)
	p.Self = p.ObjectPath(p.Object.Ref)
	w.send(rw, r, p)
}
