package argoapi

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// target names an object of an app, as parameters and bodies do.
type target struct {
	Namespace    string `json:"namespace"`
	ResourceName string `json:"resourceName"`
	Version      string `json:"version"`
	Group        string `json:"group"`
	Kind         string `json:"kind"`
}

func (t target) key() (model.ObjectKey, error) {
	if t.ResourceName == "" || t.Kind == "" {
		return model.ObjectKey{}, invalid("name the object by resourceName and kind, and by namespace and group where it has them")
	}
	return model.ObjectKey{Group: t.Group, Kind: t.Kind, Namespace: t.Namespace, Name: t.ResourceName}, nil
}

func (c *call) target() target {
	return target{
		Namespace: c.query.Get("namespace"), ResourceName: c.query.Get("resourceName"), Version: c.query.Get("version"),
		Group: c.query.Get("group"), Kind: c.query.Get("kind"),
	}
}

// notPart is what is said of an object that the app has not got.
func notPart(app view.App, key model.ObjectKey, err error) error {
	if err == nil || errors.Is(err, model.ErrNotFound) {
		return invalid("%s %s %s not found as part of application %s", key.Kind, key.Group, key.Name, app.Key.Name)
	}
	return err
}

// object is the live object that the parameters name.
func (c *call) object() (view.Object, error) {
	app, err := c.app()
	if err != nil {
		return view.Object{}, err
	}
	key, err := c.target().key()
	if err != nil {
		return view.Object{}, err
	}
	o, err := c.desk.Object(c.r.Context(), app.Key, key)
	if err != nil || o.Live == nil {
		return o, notPart(app, key, err)
	}
	return o, nil
}

func getResource(c *call) (any, error) {
	o, err := c.object()
	if err != nil {
		return nil, err
	}
	live := o.Live
	if o.Ref.Kind == "Secret" && o.Ref.Group == "" {
		hide(&live)
	}
	return map[string]string{"manifest": text(live)}, nil
}

// deleteResource deletes a live object; what descends from it follows in the background.
func deleteResource(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	key, err := c.target().key()
	if err != nil {
		return nil, err
	}
	for _, option := range []struct{ name, instead string }{
		{"orphan", "kubectl delete --cascade=orphan"}, {"force", "kubectl delete --force --grace-period=0"},
	} {
		set, err := c.flag(option.name)
		if err != nil {
			return nil, err
		}
		if set {
			return nil, invalid("parameter %s: it is not supported: use %s", option.name, option.instead)
		}
	}
	if err := c.desk.Delete(c.r.Context(), app.Key, key); errors.Is(err, model.ErrNotFound) {
		return nil, notPart(app, key, err)
	} else if err != nil {
		return nil, err
	}
	return struct{}{}, nil
}

// action is Argo CD's ResourceAction.
type action struct {
	Name        string        `json:"name"`
	Params      []actionParam `json:"params,omitempty"`
	Disabled    bool          `json:"disabled,omitempty"`
	DisplayName string        `json:"displayName,omitempty"`
}

type actionParam struct {
	Name string `json:"name"`
}

func listActions(c *call) (any, error) {
	o, err := c.object()
	if err != nil {
		return nil, err
	}
	out := make([]action, 0, len(o.Actions))
	for _, a := range o.Actions {
		one := action{Name: a.Name, DisplayName: a.Title, Disabled: a.Why != ""}
		for _, p := range a.Params {
			one.Params = append(one.Params, actionParam{p.Name})
		}
		out = append(out, one)
	}
	return map[string]any{"actions": out}, nil
}

// runAction takes the action's name as its body, and the object from the parameters.
func runAction(c *call) (any, error) {
	var action string
	if err := c.body(&action); err != nil {
		return nil, err
	}
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	return c.act(app, c.target(), action, nil)
}

// actionRun is the body of the second form, which has parameters.
type actionRun struct {
	place
	target
	Action     string `json:"action"`
	Parameters []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"resourceActionParameters"`
}

func runActionWith(c *call) (any, error) {
	var run actionRun
	if err := c.body(&run); err != nil {
		return nil, err
	}
	app, err := c.at(run.place)
	if err != nil {
		return nil, err
	}
	params := map[string]string{}
	for _, p := range run.Parameters {
		params[p.Name] = p.Value
	}
	return c.act(app, run.target, run.Action, params)
}

func (c *call) act(app view.App, on target, action string, params map[string]string) (any, error) {
	key, err := on.key()
	if err != nil {
		return nil, err
	}
	if action == "" {
		return nil, invalid("no action is named: GET %s lists them", c.r.URL.Path)
	}
	if _, err := c.desk.Act(c.r.Context(), app.Key, key, action, params); errors.Is(err, model.ErrNotFound) {
		return nil, refusal{code: invalidArgument, text: err.Error()}
	} else if err != nil {
		return nil, err
	}
	return struct{}{}, nil
}

// link is Argo CD's LinkInfo.
type link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

func linksOf(links []view.Link) any {
	out := make([]link, 0, len(links))
	for _, l := range links {
		out = append(out, link(l))
	}
	return map[string]any{"items": out}
}

func appLinks(c *call) (any, error) {
	// The parameter namespace is the app's own here.
	if ns := c.query.Get("namespace"); ns != "" && c.query.Get("appNamespace") == "" {
		c.query.Set("appNamespace", ns)
	}
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	return linksOf(app.Links), nil
}

func resourceLinks(c *call) (any, error) {
	o, err := c.object()
	if err != nil {
		return nil, err
	}
	return linksOf(o.Links), nil
}

// syncWindows says that there are none in the way: Fixpoint has none yet.
func syncWindows(c *call) (any, error) {
	if _, err := c.app(); err != nil {
		return nil, err
	}
	return map[string]bool{"canSync": true}, nil
}

// shortest is how much of a commit's name stands for all of it.
const shortest = 7

// revisionMetadata is who made a commit, of those that the app has or had.
func revisionMetadata(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	d, err := c.desk.App(c.r.Context(), app.Key)
	if err != nil {
		return nil, err
	}
	revision := c.r.PathValue("revision")
	for _, commit := range commitsOf(d) {
		if commit.ID == revision && revision != "" || len(revision) >= shortest && strings.HasPrefix(commit.ID, revision) {
			return map[string]any{"author": commit.Author, "date": timeOf(commit.Time), "message": commit.Subject}, nil
		}
	}
	return nil, refusal{code: notFound, text: fmt.Sprintf("revision %.100q is none of the commits that the application has or had deployed", revision)}
}

func commitsOf(d view.Detail) []model.Commit {
	out := []model.Commit{d.Commit}
	for _, s := range d.Sources {
		out = append(out, s.Commit)
	}
	for _, h := range d.History {
		out = append(out, h.Commit)
		for _, s := range h.Sources {
			out = append(out, s.Commit)
		}
	}
	return out
}
