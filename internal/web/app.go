package web

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const appRoot = "/apps/{kind}/{namespace}/{name}"

// appRoutes registers the pages of a single app and what can be done there.
func (w *Web) appRoutes() {
	w.page(appRoot, w.appPage)
	w.page(appRoot+"/sync", w.syncPage)
	w.page(appRoot+"/autosync", w.autosyncPage)
	w.page(appRoot+"/delete", w.removalPage)
	w.page(appRoot+"/diff", w.diffPage)
	w.page(appRoot+"/history", w.historyPage)
	w.page(appRoot+"/declaration", w.declarationPage)
	w.page(appRoot+"/rollback", w.rollbackPage)
	w.page(appRoot+"/resource", w.objectPage)
	w.page(appRoot+"/resource/action", w.actionPage)
	w.page(appRoot+"/resource/delete", w.deletePage)
	w.page(appRoot+"/logs", w.logsPage)

	w.pages.HandleFunc("GET "+appRoot+"/logs/watch", w.watchLogs)
	w.pages.HandleFunc("GET "+appRoot+"/logs/text", w.saveLogs)
	w.pages.HandleFunc("GET "+appRoot+"/resource/yaml", w.saveManifest)

	w.pages.HandleFunc("POST "+appRoot+"/sync", w.askSync)
	w.pages.HandleFunc("POST "+appRoot+"/autosync", w.askAutosync)
	w.pages.HandleFunc("POST "+appRoot+"/delete", w.askRemoval)
	w.pages.HandleFunc("POST "+appRoot+"/rollback", w.askRollback)
	w.pages.HandleFunc("POST "+appRoot+"/resource/action", w.askAction)
	w.pages.HandleFunc("POST "+appRoot+"/resource/delete", w.askDelete)
	w.deed(appRoot+"/refresh", w.refreshApp)
	w.deed(appRoot+"/terminate", w.terminateApp)
	w.deed(appRoot+"/suspend", w.suspendApp)
}

// appDialects are the dialects of apps by the kinds in addresses.
var appDialects = map[string]string{"application": "argo", "kustomization": "flux", "helmrelease": "helm"}

// appOf is the app that an address names.
func appOf(r *http.Request) (model.AppKey, error) {
	dialect, ok := appDialects[r.PathValue("kind")]
	if !ok {
		return model.AppKey{}, model.As(model.ErrNotFound, fmt.Errorf("there is no kind of apps %q", r.PathValue("kind")))
	}
	return model.AppKey{Dialect: dialect, Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}, nil
}

// isCapture reports whether only the values of a page are wanted; what answers
// without a page has nothing to give then.
func isCapture(r *http.Request) bool {
	_, ok := r.Context().Value(captureKey{}).(*captured)
	return ok
}

// appHead is what all pages of an app begin with.
type appHead struct {
	App view.Detail
	// Path is the address of the app's page, Tab the page of it that this one is.
	Path, Tab string
	May       appRights
}

// appRights are what the reader may do with the app now: what is not offered is
// refused as well.
type appRights struct {
	Sync, Override, Rollback, Refresh, Suspend, Update, Delete, Logs bool
}

// Running reports whether a sync is under way.
func (h appHead) Running() bool {
	return h.App.Operation != nil && !h.App.Operation.Phase.Done()
}

// Suspendable reports whether the app's kind can be suspended at all.
func (h appHead) Suspendable() bool { return h.App.Kind != view.KindApplication }

// head reads the app of a request for one of its pages.
func (w *Web) head(r *http.Request, tab string) (appHead, error) {
	key, err := appOf(r)
	if err != nil {
		return appHead{}, err
	}
	desk := view.DeskOf(r.Context())
	app, err := desk.App(r.Context(), key)
	if err != nil {
		return appHead{}, err
	}
	may := func(v view.Verb) bool { return desk.May(v, app.App) }
	return appHead{App: app, Path: AppPath(key), Tab: tab, May: appRights{
		Sync: may(view.VerbSync), Override: may(view.VerbOverride), Rollback: may(view.VerbRollback),
		Refresh: may(view.VerbRefresh), Suspend: may(view.VerbSuspend), Update: may(view.VerbUpdate), Delete: may(view.VerbDelete), Logs: may(view.VerbLogs),
	}}, nil
}

// frameOf is the frame of a page of the app, current with its state.
func (h appHead) frameOf(template, title string) Frame {
	f := Frame{
		Title: title, Nav: "apps", Template: template,
		Topics: []view.Topic{view.TopicApp(h.App.Key)},
	}
	f.says(h.state())
	return f
}

// appPage is an app's state, its running or last sync and its objects.
type appPage struct {
	Frame
	appHead
	Tree treeView
	// Failed counts the results of the operation that failed, Shown are those that
	// the page shows: failures first.
	Failed int
	Shown  []view.Result
	Hidden int
	culpritList
}

// shownResults is how many results of a sync its panel shows.
const shownResults = 12

func (w *Web) appPage(r *http.Request) (Page, error) {
	head, err := w.head(r, "overview")
	if page := goneAfter(r, err); page != nil {
		return page, nil
	}
	if err != nil {
		return nil, err
	}
	if n := len(r.URL.RawQuery); n > maxTreeQuery {
		return nil, model.Invalidf("the address says in %d bytes how the tree is to be shown: at most %d are read", n, maxTreeQuery)
	}
	p := &appPage{appHead: head, Frame: head.frameOf("app", head.App.Key.Name)}
	p.Topics, p.Gone = append(p.Topics, view.TopicTree(head.App.Key)), head.gone()
	if isGlance(r) {
		return p, nil
	}
	p.results()
	tree, err := view.DeskOf(r.Context()).Tree(r.Context(), head.App.Key)
	if mayFail(head.App.Health) {
		p.Culprits = culprits(tree.Nodes)
	}
	p.Tree = newTreeView(head, tree, err, treeQueryOf(r))
	return p, nil
}

// results chooses what the panel of the operation shows.
func (p *appPage) results() {
	if p.App.Operation == nil {
		return
	}
	var rest []view.Result
	for _, r := range p.App.Operation.Results {
		switch {
		case r.Failed:
			p.Failed++
			p.Shown = append(p.Shown, r)
		case r.Status != "unchanged":
			rest = append(rest, r)
		}
	}
	p.Shown = append(p.Shown, rest...)
	if len(p.Shown) > shownResults {
		p.Shown = p.Shown[:shownResults]
	}
	p.Hidden = len(p.App.Operation.Results) - len(p.Shown)
}

// SuspendWord is what the button for suspending does.
func (h appHead) SuspendWord() string {
	if h.App.Suspended {
		return "Resume"
	}
	return "Suspend"
}

// ObjectPath is the address of an object's page.
func (h appHead) ObjectPath(ref model.ObjectRef) string {
	return h.Path + "/resource?" + objectQuery(ref.ObjectKey).Encode()
}

// DiffPath is the address of an object's diff.
func (h appHead) DiffPath(ref model.ObjectRef) string {
	return h.Path + "/diff?" + objectQuery(ref.ObjectKey).Encode()
}

// RefText names an object in a line.
func (h appHead) RefText(ref model.ObjectRef) string {
	if ref.Namespace == "" || ref.Namespace == h.App.Namespace {
		return ref.Kind + " " + ref.Name
	}
	return ref.Kind + " " + ref.Namespace + "/" + ref.Name
}

func objectQuery(k model.ObjectKey) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"group": k.Group, "kind": k.Kind, "namespace": k.Namespace, "name": k.Name} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// objectOf is the object that a request names, by its query or its form; ok is false
// if it names none.
func objectOf(r *http.Request) (key model.ObjectKey, ok bool) {
	key = model.ObjectKey{
		Group: r.FormValue("group"), Kind: r.FormValue("kind"),
		Namespace: r.FormValue("namespace"), Name: r.FormValue("name"),
	}
	return key, key.Kind != "" && key.Name != ""
}

func (w *Web) refreshApp(r *http.Request) (Outcome, error) {
	hard := r.FormValue("hard") != ""
	done := "refresh"
	if hard {
		done = "hard"
	}
	return w.appDeed(r, done, func(d view.Desk, key model.AppKey) error {
		return d.Refresh(r.Context(), key, hard)
	})
}

func (w *Web) terminateApp(r *http.Request) (Outcome, error) {
	return w.appDeed(r, "terminate", func(d view.Desk, key model.AppKey) error {
		return d.Terminate(r.Context(), key)
	})
}

func (w *Web) suspendApp(r *http.Request) (Outcome, error) {
	suspend := r.FormValue("suspend") == "true"
	done := "resume"
	if suspend {
		done = "suspend"
	}
	return w.appDeed(r, done, func(d view.Desk, key model.AppKey) error {
		return d.Suspend(r.Context(), key, suspend)
	})
}

// appDeed does something with the app that a request names. The page of the app shows
// what comes of it; done is its code in notices.
func (w *Web) appDeed(r *http.Request, done string, do func(view.Desk, model.AppKey) error) (Outcome, error) {
	key, err := appOf(r)
	if err != nil {
		return Outcome{}, err
	}
	if err := do(view.DeskOf(r.Context()), key); err != nil {
		return Outcome{}, err
	}
	return Outcome{
		Title: notices[done], Done: done, Back: AppPath(key),
		Results: []Result{{Name: key.Namespace + "/" + key.Name, Link: AppPath(key)}},
	}, nil
}

// explained is what a page says of something that did not succeed, with the status of
// the answer. Unlike the page of an error it names what was not found: the reader has
// got as far as here.
func explained(err error) (text string, status int) {
	e := errorOf(err)
	if e.Status == http.StatusNotFound {
		return err.Error(), e.Status
	}
	return e.Text, e.Status
}
