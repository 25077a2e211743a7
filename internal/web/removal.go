package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// removalPage asks whether to delete an app, and what becomes of its objects.
type removalPage struct {
	Frame
	appHead
	Err string
	// Typed is what was typed as the app's name.
	Typed string
	// Cascade is what is chosen, Cascades what there is to choose of: nothing for Flux's
	// kinds.
	Cascade  view.Cascade
	Cascades []cascade
	// Goes are the objects that go along, Stays those that stay whatever is chosen.
	Goes, Stays kindCounts
}

// cascade is a way of deleting an Application.
type cascade struct {
	Value      view.Cascade
	Name, Text string
}

var cascades = []cascade{
	{view.CascadeForeground, "Delete them", "each after what descends from it (foreground)"},
	{view.CascadeBackground, "Delete them in the background", "what descends from them follows: sooner over"},
	{view.CascadeNone, "Leave them", "only the Application goes; nobody looks after its objects any more (non-cascading)"},
}

// kindCounts says how many objects there are of each kind, in the order of kinds.
type kindCounts []kindCount

type kindCount struct {
	Kind  string
	Count int
}

// Total is how many objects there are.
func (k kindCounts) Total() (n int) {
	for _, c := range k {
		n += c.Count
	}
	return n
}

// countKinds counts the live objects for which is reports true.
func countKinds(all []view.Resource, is func(view.Resource) bool) kindCounts {
	counts := map[string]int{}
	for _, r := range all {
		if r.Live && is(r) {
			counts[r.Ref.Kind]++
		}
	}
	var out kindCounts
	for kind, n := range counts {
		out = append(out, kindCount{kind, n})
	}
	slices.SortFunc(out, func(a, b kindCount) int { return strings.Compare(a.Kind, b.Kind) })
	return out
}

// Left are the objects that the deletion of the app has still to take.
func (h appHead) Left() kindCounts {
	return countKinds(h.App.Resources, func(r view.Resource) bool { return !r.Stays })
}

// Confirms counts the objects that nobody deletes before somebody agrees.
func (h appHead) Confirms() (n int) {
	for _, r := range h.App.Resources {
		if r.Confirm && r.Live && !r.Stays {
			n++
		}
	}
	return n
}

// Told are the app's conditions, without what the panel of its deletion says.
func (h appHead) Told() []view.Condition {
	return slices.DeleteFunc(slices.Clone(h.App.Conditions), func(c view.Condition) bool {
		return h.App.Deleting && slices.Contains(h.App.Blocking, c.Text)
	})
}

// Wrong are those of Told that are errors: what fails in the cluster belongs to them.
func (h appHead) Wrong() []view.Condition { return slices.DeleteFunc(h.Told(), isBeside) }

// Besides are the others, but for Unheeded.
func (h appHead) Besides() []view.Condition {
	return slices.DeleteFunc(h.Told(), func(c view.Condition) bool { return !isBeside(c) || isUnheeded(c) })
}

// Unheeded are those of fields of the declaration that have no effect.
func (h appHead) Unheeded() []view.Condition {
	return slices.DeleteFunc(h.Told(), func(c view.Condition) bool { return !isUnheeded(c) })
}

func isUnheeded(c view.Condition) bool { return isBeside(c) && c.Type == string(model.WarnField) }

func isBeside(c view.Condition) bool { return c.Severity != view.SeverityError }

// LetsGo reports whether the rest of a deletion can be left behind.
func (h appHead) LetsGo() bool {
	return h.App.Deleting && h.App.Kind == view.KindApplication && h.App.Deletion.Cascade != view.CascadeNone && h.May.Delete
}

func (w *Web) removalPage(r *http.Request) (Page, error) {
	head, err := w.head(r, "delete")
	if err != nil {
		return nil, err
	}
	return newRemovalPage(head)
}

func newRemovalPage(head appHead) (*removalPage, error) {
	switch {
	case !head.May.Delete:
		return nil, model.As(model.ErrDenied, fmt.Errorf("you may not delete %s", head.App.Title()))
	case head.App.Deleting && !head.LetsGo():
		return nil, model.As(view.ErrConflict, fmt.Errorf("%s is being deleted already", head.App.Title()))
	}
	p := &removalPage{appHead: head, Frame: head.frameOf("removal", "Delete "+head.App.Key.Name), Goes: head.Left()}
	p.Topics = nil // what was typed stays
	p.Stays = countKinds(head.App.Resources, func(r view.Resource) bool { return r.Stays })
	switch {
	case head.App.Deleting:
		p.Cascade, p.Cascades = view.CascadeNone, cascades[len(cascades)-1:]
	case head.App.Kind == view.KindApplication:
		p.Cascade, p.Cascades = head.App.Deletion.Cascade, cascades
	}
	return p, nil
}

// Takes reports whether objects go along, unless something else is chosen.
func (p *removalPage) Takes() bool { return p.App.Deletion.Cascade != view.CascadeNone }

// askRemoval deletes the app and leads to its page, which shows how it goes. It takes the
// app's name, so that nobody deletes another one than is meant.
func (w *Web) askRemoval(rw http.ResponseWriter, r *http.Request) {
	head, err := w.head(r, "delete")
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	p, err := newRemovalPage(head)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	p.Typed = strings.TrimSpace(r.FormValue("confirm"))
	if len(p.Cascades) > 1 {
		p.Cascade = view.Cascade(r.FormValue("cascade"))
	}
	if p.Typed != head.App.Key.Name {
		err = model.Invalidf("the name that was typed is not %s: nothing was done", head.App.Key.Name)
	} else {
		err = view.DeskOf(r.Context()).DeleteApp(r.Context(), head.App.Key, p.Cascade)
	}
	if err == nil {
		goOn(rw, r, head.Path, "delete-app")
		return
	}
	p.Err, p.Status = explained(err)
	w.fill(p, r)
	p.Self = head.Path + "/delete"
	w.send(rw, r, p)
}

// gone is what is shown in place of an app's page once the app is not there any more.
type gone struct {
	Name     string
	Activity string
	// Deleted: it was being deleted when it was seen last.
	Deleted bool
}

func goneOf(app model.AppKey, deleted bool) *gone {
	return &gone{Name: app.Name, Activity: "/activity?app=" + app.String(), Deleted: deleted}
}

// gone is for pages that can't be made only where the app is gone.
func (h appHead) gone() *gone { return goneOf(h.App.Key, h.App.Deleting) }

// gonePage is the end of a deletion that is over before anybody could look at it.
type gonePage struct {
	Frame
	End *gone
}

// goneAfter is the page of an app that a deed has deleted and that is not there; nil where
// no deed has just done so. Apps that are hidden and those that are missing are alike.
func goneAfter(r *http.Request, err error) Page {
	key, known := appOf(r)
	if known != nil || !errors.Is(err, model.ErrNotFound) || noticeOf(r) != notices["delete-app"] {
		return nil
	}
	return &gonePage{Frame: Frame{Title: key.Name + " is gone", Nav: "apps", Template: "gone-page"}, End: goneOf(key, true)}
}
