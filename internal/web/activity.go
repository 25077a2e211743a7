package web

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

type activityPage struct {
	Frame
	Days []day
	// Kinds are those that can be chosen.
	Kinds []option
	// App is the one that it is limited to; nil is all.
	App *model.AppKey
	// Search, Project and By are what is asked for.
	Search, Project, By string
	Filtered            bool
	span
	trail
}

// day has what happened on it, newest first.
type day struct {
	At    time.Time
	Items []happening
}

// happening is an activity with how it looks.
type happening struct {
	view.Activity
	State
}

// look is how a kind of activity looks.
type look struct {
	kind string
	State
}

// looks are those of all kinds, in the order of the filter.
var looks = []look{
	{view.ActivitySynced, State{"synced", "synced", "good"}},
	{view.ActivityFailed, State{"sync failed", "degraded", "bad"}},
	{view.ActivityRevision, State{"new content", "git", "calm"}},
	{view.ActivityHealth, State{"health changed", "heal", "calm"}},
	{view.ActivityDrift, State{"drifted", "drift", "warn"}},
	{view.ActivityHealed, State{"drift repaired", "healthy", "good"}},
	{view.ActivityRollback, State{"rolled back", "undo", "warn"}},
	{view.ActivityError, State{"error", "warning", "bad"}},
	{view.ActivityAction, State{"requested", "user", "calm"}},
	{view.ActivityCreated, State{"declared", "app", "calm"}},
	{view.ActivityDeleted, State{"deleted", "trash", "calm"}},
}

func lookOf(a view.Activity) State {
	s := State{a.Kind, "info", "calm"}
	for _, l := range looks {
		if l.kind == a.Kind {
			s = l.State
		}
	}
	if a.Failed {
		s.Tone = "bad"
	}
	return s
}

func (w *Web) activity(r *http.Request) (Page, error) {
	v := r.URL.Query()
	p := &activityPage{
		Frame:  Frame{Title: "Activity", Nav: "activity", Template: "activity", Topics: []view.Topic{view.TopicActivity}},
		Search: v.Get("q"), Project: v.Get("project"), By: v.Get("by"), span: spanOf(v),
	}
	q := view.ActivityQuery{Search: p.Search, Project: p.Project, By: p.By, Kinds: known(v["kind"])}
	var err error
	if p.App, err = onlyApp(v.Get("app")); err != nil {
		return nil, err
	}
	if q.App = p.App; q.App != nil {
		p.Title = "Activity of " + q.App.Name
	}
	if q.From, q.To, err = p.times(w.now()); err != nil {
		return nil, err
	}
	if q.Before, q.Limit, err = p.read("/activity", v, view.DefaultLimit); err != nil {
		return nil, err
	}
	if isGlance(r) {
		return p, nil
	}
	found, err := view.DeskOf(r.Context()).Activity(r.Context(), q)
	if err != nil {
		return nil, err
	}
	p.Address, p.Filtered = p.here(), p.filters()
	p.Days = days(found)
	if len(found) > 0 {
		p.end(len(found), found[len(found)-1].ID)
	}
	for _, l := range looks {
		p.Kinds = append(p.Kinds, option{Value: l.kind, Text: l.Word, Chosen: slices.Contains(q.Kinds, l.kind)})
	}
	return p, nil
}

// Narrowed reports whether anything but one app and a search is asked for.
func (p *activityPage) Narrowed() bool {
	chosen := func(o option) bool { return o.Chosen }
	return p.Project != "" || p.By != "" || p.span != span{} || slices.ContainsFunc(p.Kinds, chosen)
}

func known(kinds []string) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(k string) bool {
		return !slices.ContainsFunc(looks, func(l look) bool { return l.kind == k })
	})
}

func days(found []view.Activity) []day {
	var out []day
	for _, a := range found {
		at := a.At.UTC().Truncate(24 * time.Hour)
		if len(out) == 0 || !out[len(out)-1].At.Equal(at) {
			out = append(out, day{At: at})
		}
		last := &out[len(out)-1]
		last.Items = append(last.Items, happening{a, lookOf(a)})
	}
	return out
}

// onlyApp is the app that a list is limited to, as model.AppKey writes it; nil where it
// is not.
func onlyApp(s string) (*model.AppKey, error) {
	if s == "" {
		return nil, nil
	}
	parts := strings.Split(s, "/")
	if len(parts) != 3 || !slices.Contains(slices.Collect(maps.Values(appDialects)), parts[0]) {
		return nil, model.Invalidf("parameter app: %.80q names no app: follow the link on the app's page", s)
	}
	return &model.AppKey{Dialect: parts[0], Namespace: parts[1], Name: parts[2]}, nil
}

// AllApps is the address without the one app.
func (p *activityPage) AllApps() string {
	return p.at(map[string]string{"app": "", "before": "", "limit": ""})
}
