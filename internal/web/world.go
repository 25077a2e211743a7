package web

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// worldRoutes registers the pages that are of no single app.
func (w *Web) worldRoutes() {
	w.appsRoutes()
	w.page("/activity", w.activity)
	w.page("/audit", w.audit)
	w.page("/clusters", w.clusters)
	w.page("/repositories", w.repositories)
	w.page("/projects", w.projects)
	w.page("/sources", w.sources)
}

// appsBy is the address of the apps that have a value of a filter.
func appsBy(name, value string) string {
	return "/apps?" + url.Values{name: {value}}.Encode()
}

type clustersPage struct {
	Frame
	Clusters []view.Cluster
}

// clusters lists those that don't answer first.
func (w *Web) clusters(r *http.Request) (Page, error) {
	found, err := view.DeskOf(r.Context()).Clusters(r.Context())
	if err != nil {
		return nil, err
	}
	found = slices.SortedStableFunc(slices.Values(found), func(a, b view.Cluster) int {
		return cmp.Or(first(!a.Connected, !b.Connected), cmp.Compare(a.Name, b.Name))
	})
	p := &clustersPage{
		Frame:    Frame{Title: "Clusters", Nav: "clusters", Template: "clusters", Topics: []view.Topic{view.TopicClusters}},
		Clusters: found,
	}
	p.counts(number(found, func(c view.Cluster) bool { return !c.Connected }), stateOf("Unreachable"))
	return p, nil
}

// first orders what holds before what does not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// number is how many of a list something holds for.
func number[T any](of []T, holds func(T) bool) int {
	n := 0
	for _, one := range of {
		if holds(one) {
			n++
		}
	}
	return n
}

// request is how many there were of a verb.
type request struct {
	Verb  string
	Count int64
}

// Requests are those of a cluster, the most frequent first, without what there was none of.
func (p *clustersPage) Requests(c view.Cluster) []request {
	var out []request
	for _, verb := range slices.Sorted(maps.Keys(c.Requests)) {
		if n := c.Requests[verb]; n > 0 {
			out = append(out, request{verb, n})
		}
	}
	slices.SortStableFunc(out, func(a, b request) int { return cmp.Compare(b.Count, a.Count) })
	return out
}

type repositoriesPage struct {
	Frame
	Repositories []view.Repository
}

// repositories lists those that fail first.
func (w *Web) repositories(r *http.Request) (Page, error) {
	found, err := view.DeskOf(r.Context()).Repositories(r.Context())
	if err != nil {
		return nil, err
	}
	found = slices.SortedStableFunc(slices.Values(found), func(a, b view.Repository) int {
		return cmp.Or(first(a.Err != "", b.Err != ""), cmp.Compare(a.URL, b.URL))
	})
	p := &repositoriesPage{
		Frame:        Frame{Title: "Repositories", Nav: "repositories", Template: "repositories", Topics: []view.Topic{view.TopicRepositories}},
		Repositories: found,
	}
	p.counts(number(found, func(r view.Repository) bool { return r.Err != "" }), stateOf("Failing"))
	return p, nil
}

type projectsPage struct {
	Frame
	Projects []view.Project
}

func (w *Web) projects(r *http.Request) (Page, error) {
	found, err := view.DeskOf(r.Context()).Projects(r.Context())
	if err != nil {
		return nil, err
	}
	return &projectsPage{
		Frame:    Frame{Title: "Projects", Nav: "projects", Template: "projects", Topics: []view.Topic{view.TopicProjects}},
		Projects: found,
	}, nil
}

type sourcesPage struct {
	Frame
	Groups []feeders
}

// feeders are those of a kind.
type feeders struct {
	Kind    string
	Feeders []view.Feeder
}

// sources lists the feeders by kind.
func (w *Web) sources(r *http.Request) (Page, error) {
	found, err := view.DeskOf(r.Context()).Feeders(r.Context())
	if err != nil {
		return nil, err
	}
	p := &sourcesPage{Frame: Frame{Title: "Sources", Nav: "sources", Template: "sources", Topics: []view.Topic{view.TopicFeeders}}}
	found = slices.SortedStableFunc(slices.Values(found), func(a, b view.Feeder) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), first(a.Ready == "False", b.Ready == "False"),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, f := range found {
		if len(p.Groups) == 0 || p.Groups[len(p.Groups)-1].Kind != f.Kind {
			p.Groups = append(p.Groups, feeders{Kind: f.Kind})
		}
		g := &p.Groups[len(p.Groups)-1]
		g.Feeders = append(g.Feeders, f)
	}
	return p, nil
}

// fewFeeds are shown without being asked for.
const fewFeeds = 4

// Few and Rest are the apps that a feeder feeds.
func (p *sourcesPage) Few(f view.Feeder) []model.AppKey {
	return f.Feeds[:min(fewFeeds, len(f.Feeds))]
}

// Rest are those that Few leaves out.
func (p *sourcesPage) Rest(f view.Feeder) []model.AppKey {
	return f.Feeds[min(fewFeeds, len(f.Feeds)):]
}

// State is how a feeder is.
func (p *sourcesPage) State(f view.Feeder) State {
	switch {
	case f.Suspended:
		return stateOf(model.Suspended)
	case f.Ready == "True":
		return State{"Ready", "healthy", "good"}
	case f.Ready == "False":
		return State{"Not ready", "degraded", "bad"}
	}
	return stateOf(model.Unknown)
}

// admission is what kinds a project admits, and which of them it does not.
type admission struct{ Admitted, Refused []string }

// admissionOf takes the kinds of a project apart, of which those that it refuses begin with "-".
func admissionOf(all []string) admission {
	var k admission
	for _, name := range all {
		if refused, ok := strings.CutPrefix(name, "-"); ok {
			k.Refused = append(k.Refused, refused)
		} else {
			k.Admitted = append(k.Admitted, name)
		}
	}
	return k
}
