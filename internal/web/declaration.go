package web

import (
	"net/http"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// declarationPage is the object that declares an app, with its events.
type declarationPage struct {
	Frame
	appHead
	YAML []yamlLine
	Cut  bool
	eventList
}

func (w *Web) declarationPage(r *http.Request) (Page, error) {
	head, err := w.head(r, "declaration")
	if err != nil {
		return nil, err
	}
	p := &declarationPage{appHead: head, Frame: head.frameOf("declaration", head.App.Key.Name+": declaration")}
	if isGlance(r) {
		return p, nil
	}
	p.YAML, p.Cut = yamlLines(head.App.Declaration, manifestLines)
	p.Gone = head.gone()
	p.eventList = readEvents(r, head.App.Key, model.ObjectKey{})
	return p, nil
}

// EventPath is "": the declaring object is none of the app's own.
func (p *declarationPage) EventPath(model.ObjectRef) string { return "" }

// eventList are events of an object; EventErr says why there are none.
type eventList struct {
	Events   []view.Event
	EventErr string
}

// shownEvents is how many events a page shows, the newest.
const shownEvents = 100

func readEvents(r *http.Request, app model.AppKey, of model.ObjectKey) eventList {
	var l eventList
	events, err := view.DeskOf(r.Context()).Events(r.Context(), app, of)
	if err != nil {
		l.EventErr, _ = explained(err)
	}
	l.Events = events[:min(len(events), shownEvents)]
	return l
}
