package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// syncPage asks how an app shall be synced.
type syncPage struct {
	Frame
	appHead
	// Err says why the last attempt was not accepted.
	Err     string
	Asked   view.SyncRequest
	Objects []syncChoice
	Options []syncOption
	// Differ counts the objects that are not as declared.
	Differ int
}

// syncChoice is an object that can be ticked.
type syncChoice struct {
	view.Resource
	// Value is what the form sends for it.
	Value string
	On    bool
}

// syncOption is a sync option that can be ticked.
type syncOption struct {
	Value, Text string
	On          bool
}

// syncOptions are those of Applications that make sense for a single sync.
var syncOptions = []syncOption{
	{Value: "ApplyOutOfSyncOnly=true", Text: "Write only what is out of sync"},
	{Value: "PruneLast=true", Text: "Prune after everything else is healthy"},
	{Value: "CreateNamespace=true", Text: "Create the namespace if it is missing"},
	{Value: "Replace=true", Text: "Replace objects instead of applying them"},
	{Value: "Validate=false", Text: "Don’t validate against the schema"},
	{Value: "RespectIgnoreDifferences=true", Text: "Leave ignored fields as they are"},
}

func (w *Web) syncPage(r *http.Request) (Page, error) {
	head, err := w.head(r, "sync")
	if err != nil {
		return nil, err
	}
	if !head.May.Sync {
		return nil, model.As(model.ErrDenied, fmt.Errorf("you may not sync %s", head.App.Title()))
	}
	asked := view.SyncRequest{Prune: r.FormValue("prune") != "", Options: head.App.SyncOptions, Only: keysOf(r.URL.Query()["only"])}
	p := newSyncPage(head, asked)
	p.pick(r.FormValue("select"))
	return p, nil
}

// pick is a link that ticks objects: the script does it in place.
type pick struct{ Name, Text, Href string }

// Picks are those of the form.
func (p *syncPage) Picks() []pick {
	picks := []pick{{Name: "all", Text: "All"}, {Name: "differ", Text: "Out of sync"}, {Name: "none", Text: "None"}}
	for i := range picks {
		picks[i].Href = p.Path + "/sync?" + url.Values{"select": {picks[i].Name}}.Encode()
	}
	return picks
}

// pick ticks the objects that one of Picks means; those that were ticked stay for
// any other name.
func (p *syncPage) pick(name string) {
	for i := range p.Objects {
		o := &p.Objects[i]
		switch name {
		case "all":
			o.On = true
		case "differ":
			o.On = o.Differs()
		case "none":
			o.On = false
		}
	}
}

// Differs reports whether a sync would change it.
func (c syncChoice) Differs() bool { return differs(c.Resource) == 0 }

func newSyncPage(head appHead, asked view.SyncRequest) *syncPage {
	p := &syncPage{appHead: head, Frame: head.frameOf("sync", "Sync "+head.App.Key.Name), Asked: asked}
	p.Topics = nil // what was ticked stays
	for _, o := range head.App.Resources {
		if o.Hook {
			continue
		}
		if o.Sync == model.OutOfSync {
			p.Differ++
		}
		p.Objects = append(p.Objects, syncChoice{
			Resource: o, Value: objectQuery(o.Ref.ObjectKey).Encode(), On: slices.Contains(asked.Only, o.Ref.ObjectKey),
		})
	}
	slices.SortStableFunc(p.Objects, func(a, b syncChoice) int {
		return cmp.Compare(differs(a.Resource), differs(b.Resource))
	})
	if head.App.Kind == view.KindApplication {
		for _, o := range syncOptions {
			o.On = slices.Contains(asked.Options, o.Value)
			p.Options = append(p.Options, o)
		}
	}
	return p
}

// differs is 0 of what a sync changes, and more of what it leaves alone.
func differs(o view.Resource) int {
	if o.Sync == model.OutOfSync || o.Prune {
		return 0
	}
	return 1
}

// keysOf reads objects as a form names them; what names none is left out.
func keysOf(values []string) []model.ObjectKey {
	var keys []model.ObjectKey
	for _, v := range values {
		q, err := url.ParseQuery(v)
		if err != nil || q.Get("kind") == "" || q.Get("name") == "" {
			continue
		}
		keys = append(keys, model.ObjectKey{
			Group: q.Get("group"), Kind: q.Get("kind"), Namespace: q.Get("namespace"), Name: q.Get("name"),
		})
	}
	return keys
}

// askSync asks for the sync; what is refused leads back to the form, with what was
// typed and why.
func (w *Web) askSync(rw http.ResponseWriter, r *http.Request) {
	head, err := w.head(r, "sync")
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	asked := syncAsked(r, head.App)
	err = view.DeskOf(r.Context()).Sync(r.Context(), head.App.Key, asked)
	if err == nil {
		goOn(rw, r, head.Path, "sync")
		return
	}
	if asked.Options == nil {
		asked.Options = head.App.SyncOptions
	}
	p := newSyncPage(head, asked)
	p.Err, p.Status = explained(err)
	w.fill(p, r)
	p.Self = head.Path + "/sync"
	w.send(rw, r, p)
}

// syncAsked reads the form. Options that are the app's own are none of the request's.
func syncAsked(r *http.Request, app view.Detail) view.SyncRequest {
	asked := view.SyncRequest{
		Revision: strings.TrimSpace(r.FormValue("revision")), Prune: r.FormValue("prune") != "",
		DryRun: r.FormValue("dry-run") != "", Force: r.FormValue("force") != "", Only: keysOf(r.Form["only"]),
	}
	asked.Retries, _ = strconv.Atoi(r.FormValue("retries"))
	asked.Retries = min(max(asked.Retries, 0), 20)
	if app.Kind != view.KindApplication {
		return asked
	}
	known := func(o string) bool {
		return slices.ContainsFunc(syncOptions, func(s syncOption) bool { return s.Value == o })
	}
	var options []string
	for _, o := range app.SyncOptions { // those that the form does not show stay
		if !known(o) {
			options = append(options, o)
		}
	}
	for _, o := range r.Form["option"] {
		if known(o) {
			options = append(options, o)
		}
	}
	slices.Sort(options)
	if !slices.Equal(options, slices.Sorted(slices.Values(app.SyncOptions))) {
		asked.Options = append([]string{}, options...)
	}
	return asked
}
