package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

type activityPage struct {
	Frame
	Days []day
	// Kinds are those that can be chosen.
	Kinds []option
	// Search, Project, By, From and To are what is asked for; dates as a form has them.
	Search, Project, By, From, To string
	Filtered                      bool
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
		Search: v.Get("q"), Project: v.Get("project"), By: v.Get("by"), From: v.Get("from"), To: v.Get("to"),
	}
	q := view.ActivityQuery{Search: p.Search, Project: p.Project, By: p.By, Kinds: known(v["kind"])}
	var err error
	if q.From, q.To, err = dates(v); err != nil {
		return nil, err
	}
	if q.Before, q.Limit, err = p.read("/activity", v, view.DefaultLimit); err != nil {
		return nil, err
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

// dates reads the parameters from and to, days of UTC; to is included.
func dates(v url.Values) (from, to time.Time, err error) {
	for name, at := range map[string]*time.Time{"from": &from, "to": &to} {
		if s := v.Get(name); s != "" {
			if *at, err = time.Parse(time.DateOnly, s); err != nil {
				return from, to, model.Invalidf("parameter %s: %.40q is no day such as 2026-01-31", name, s)
			}
		}
	}
	if !to.IsZero() {
		to = to.AddDate(0, 0, 1)
	}
	return from, to, nil
}
