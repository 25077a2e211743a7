package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// manifestLines is how many lines of a manifest a page shows; all of it can be saved.
const manifestLines = 2000

// objectPage is one object of an app.
type objectPage struct {
	Frame
	appHead
	Object view.Object
	// Show is the part that is shown: overview, live, desired, fields or events.
	Show string
	// Actions are those that the reader may do.
	Actions []view.Action
	MayDrop bool
	eventList
	culpritList
	// Why says what keeps it from being healthy, if anything does.
	Why []string
	// YAML is the manifest that is shown; Cut: it goes on.
	YAML []yamlLine
	Cut  bool
	// Owners are those of its fields, ours first.
	Owners []view.FieldOwner
}

func (w *Web) objectPage(r *http.Request) (Page, error) {
	head, object, err := w.readObject(r)
	if err != nil {
		return nil, err
	}
	p := &objectPage{appHead: head, Frame: head.frameOf("object", object.Ref.Kind+" "+object.Ref.Name), Object: object}
	p.Topics = append(p.Topics, view.TopicTree(head.App.Key))
	p.Title = object.Ref.Kind + " " + object.Ref.Name
	if p.Tone = ""; object.Health != "" {
		p.says(stateOf(object.Health))
	}
	if isGlance(r) {
		return p, nil
	}
	p.rights(view.DeskOf(r.Context()))
	p.Show = r.FormValue("show")
	switch p.Show {
	case "live":
		p.YAML, p.Cut = yamlLines(object.Live, manifestLines)
	case "desired":
		p.YAML, p.Cut = yamlLines(object.Desired, manifestLines)
	case "fields":
		p.Owners = oursFirst(object.Owners)
	case "events":
		p.readEvents(r)
	default:
		p.Show = "overview"
		p.readEvents(r)
		p.why()
		p.readCulprits(r)
	}
	return p, nil
}

// readObject reads the app and the object that a request names.
func (w *Web) readObject(r *http.Request) (appHead, view.Object, error) {
	head, err := w.head(r, "overview")
	if err != nil {
		return head, view.Object{}, err
	}
	key, ok := objectOf(r)
	if !ok {
		return head, view.Object{}, model.Invalidf("the address names no object: it needs kind and name")
	}
	object, err := view.DeskOf(r.Context()).Object(r.Context(), head.App.Key, key)
	return head, object, err
}

func (p *objectPage) rights(desk view.Desk) {
	key := p.Object.Ref.ObjectKey
	for _, a := range p.Object.Actions {
		if desk.MayOn(view.VerbAct, p.App.App, key, a.Name) {
			p.Actions = append(p.Actions, a)
		}
	}
	slices.SortStableFunc(p.Actions, func(a, b view.Action) int { return first(a.Why == "", b.Why == "") })
	p.MayDrop = p.Object.Live != nil && desk.MayOn(view.VerbDelete, p.App.App, key, "")
}

func (p *objectPage) readEvents(r *http.Request) {
	p.eventList = readEvents(r, p.App.Key, p.Object.Ref.ObjectKey)
}

// readCulprits finds what below the object it fails for. A tree that can't be read
// leaves that open: the object's own state says enough.
func (p *objectPage) readCulprits(r *http.Request) {
	if !mayFail(p.Object.Health) || p.Object.Ref.Kind == "Pod" {
		return
	}
	tree, err := view.DeskOf(r.Context()).Tree(r.Context(), p.App.Key)
	if err == nil {
		p.Culprits = culprits(below(tree.Nodes, p.Object.Ref.ObjectKey))
	}
}

// EventPath is the address of the object that an event is about.
func (p *objectPage) EventPath(ref model.ObjectRef) string { return p.ObjectPath(ref) }

// why collects what keeps the object from being healthy: its own message and the
// newest warnings about it and its descendants.
func (p *objectPage) why() {
	o := p.Object
	if o.Health == model.Healthy || o.Health == "" && o.Sync != model.OutOfSync {
		return
	}
	if o.Message != "" {
		p.Why = append(p.Why, o.Message)
	}
	for _, e := range p.Events {
		if e.Type != "Warning" || len(p.Why) > 3 {
			continue
		}
		text := e.Reason + ": " + e.Message
		if e.Ref.ObjectKey != o.Ref.ObjectKey {
			text = p.RefText(e.Ref) + ": " + text
		}
		if !slices.Contains(p.Why, text) {
			p.Why = append(p.Why, text)
		}
	}
}

func oursFirst(owners []view.FieldOwner) []view.FieldOwner {
	owners = slices.Clone(owners)
	slices.SortStableFunc(owners, func(a, b view.FieldOwner) int {
		if a.Ours == b.Ours {
			return 0
		}
		if a.Ours {
			return -1
		}
		return 1
	})
	return owners
}

// Here is the address of a part of the page.
func (p *objectPage) Here(show string) string {
	return p.ObjectPath(p.Object.Ref) + "&show=" + show
}

// PodPath is the address of a pod's page; "" of the page that this is.
func (p *objectPage) PodPath(pod view.Pod) string {
	key := model.ObjectKey{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}
	if key == p.Object.Ref.ObjectKey {
		return ""
	}
	return p.ObjectPath(model.ObjectRef{ObjectKey: key})
}

// Below is the address of what belongs to the object, such as its logs.
func (p *objectPage) Below(what string) string {
	return p.Path + "/" + what + "?" + objectQuery(p.Object.Ref.ObjectKey).Encode()
}

// Plain reports whether an action can be done by its button, without questions.
func (p *objectPage) Plain(a view.Action) bool {
	return !a.Danger && len(a.Params) == 0 && !undone(p.App, p.Object, a)
}

// Manifest is the one that is shown; nil if there is none.
func (p *objectPage) Manifest() map[string]any {
	if p.Show == "desired" {
		return p.Object.Desired
	}
	return p.Object.Live
}

// saveManifest sends a manifest as a file.
func (w *Web) saveManifest(rw http.ResponseWriter, r *http.Request) {
	if isCapture(r) {
		return
	}
	_, object, err := w.readObject(r)
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	manifest := object.Live
	if r.FormValue("show") == "desired" {
		manifest = object.Desired
	}
	if manifest == nil {
		w.fail(rw, r, model.As(model.ErrNotFound, fmt.Errorf("%s has no such manifest", object.Ref.ObjectKey)))
		return
	}
	attach(rw, object.Ref.Kind+"-"+object.Ref.Name+".yaml", "application/yaml")
	_, _ = rw.Write([]byte(yamlText(manifest))) // the reader may have gone
}

// attach makes the answer a file that is saved under the name.
func attach(rw http.ResponseWriter, name, kind string) {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, name)
	h := rw.Header()
	h.Set("Content-Type", kind+"; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}
