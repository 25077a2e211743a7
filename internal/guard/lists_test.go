package guard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/board"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// shopper sees the project shop and nothing else.
const shopper = `
p, shopper, applications, get, shop/*, allow
p, shopper, clusters, get, *, allow
p, shopper, repositories, get, *, allow
p, shopper, projects, get, shop, allow
p, shopper, applicationsets, get, */*, allow
p, shopper, sources, get, flux-system/push, allow
p, shopper, sources, get, flux-system/charts, allow
`

// TestCounts: facets, totals and the counts of lists are of what the reader sees.
func TestCounts(t *testing.T) {
	s := newStage(t, shopper)
	d := s.as("shopper")
	page, err := d.Apps(t.Context(), view.Query{Facets: true, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	byCluster, byRepo := map[string]int{}, map[string]int{}
	for _, app := range page.Apps {
		if app.Project != "shop" {
			t.Errorf("%s of project %q is in the list", app.Title(), app.Project)
		}
		byCluster[app.Cluster.Name]++
		byRepo[app.Sources[0].URL]++
	}
	if page.All != len(page.Apps) || page.Total != len(page.Apps) || page.All == 0 {
		t.Errorf("all %d, total %d of %d apps", page.All, page.Total, len(page.Apps))
	}
	if got := page.Facets["project"]; len(got) != 1 || got[0].Value != "shop" {
		t.Errorf("facet of projects: %v", got)
	}
	clusters, err := d.Clusters(t.Context())
	if err != nil || len(clusters) == 0 {
		t.Fatal(clusters, err)
	}
	for _, c := range clusters {
		if c.Apps != byCluster[c.Name] {
			t.Errorf("cluster %s is said to have %d apps, the reader sees %d", c.Name, c.Apps, byCluster[c.Name])
		}
	}
	repos, err := d.Repositories(t.Context())
	if err != nil || len(repos) == 0 {
		t.Fatal(repos, err)
	}
	for _, r := range repos {
		if r.Apps != byRepo[r.URL] {
			t.Errorf("repository %s is said to have %d apps, the reader sees %d", r.URL, r.Apps, byRepo[r.URL])
		}
	}
	all, err := s.sample.Clusters(t.Context())
	if err != nil || all[0].Apps == 0 || all[0].Apps == clusters[0].Apps {
		t.Errorf("the backend's own counts have changed: %v, %v", all[0].Apps, err)
	}
}

// TestListsAreFiltered says what of the lists the reader gets.
func TestListsAreFiltered(t *testing.T) {
	s := newStage(t, shopper+`
p, cluster, clusters, get, https://kubernetes.default.svc, allow
p, cluster, clusters, get, shop/*, allow
p, cluster, repositories, get, payments/*, allow
`)
	d := s.as("cluster")
	clusters, _ := d.Clusters(t.Context())
	repos, _ := d.Repositories(t.Context())
	projects, _ := s.as("shopper").Projects(t.Context())
	feeders, _ := s.as("shopper").Feeders(t.Context())
	activity, _ := s.as("shopper").Activity(t.Context(), view.ActivityQuery{Limit: 500})
	var got []string
	for _, c := range clusters {
		got = append(got, "cluster "+c.Name)
	}
	for _, r := range repos {
		got = append(got, "repository "+r.Project)
	}
	for _, p := range projects {
		got = append(got, fmt.Sprintf("project %s %d", p.Name, p.Apps))
	}
	for _, f := range feeders {
		got = append(got, fmt.Sprintf("feeder %s feeds %v from %v at %q", f.Name, f.Feeds, f.Upstream, f.Address))
	}
	want := []string{
		"cluster in-cluster", "cluster edge", "repository payments", "project shop 4",
		// It feeds an app of the project shop, the charts none that is seen; of the
		// receiver neither its source nor its address is seen.
		"feeder previews feeds [argo/team-web/preview-42] from [] at \"\"",
		"feeder charts feeds [] from [] at \"\"", "feeder push feeds [] from [] at \"\"",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lists (-want +got):\n%s", diff)
	}
	if len(activity) == 0 || slices.ContainsFunc(activity, func(a view.Activity) bool { return a.Project != "shop" }) {
		t.Errorf("activities of other projects are shown: %v", activity)
	}
	objects, page, err := s.as("shopper").Manifests(t.Context(), view.Query{})
	if err != nil || len(objects) == 0 || len(objects) != len(page.Apps) || slices.ContainsFunc(page.Apps, func(a view.App) bool { return a.Project != "shop" }) {
		t.Errorf("%d manifests of %v, %v", len(objects), page.Apps, err)
	}
	feeders, _ = s.as("admin").Feeders(t.Context())
	if f := feeders[len(feeders)-1]; f.Address == "" || len(f.Upstream) != 1 {
		t.Errorf("the admin does not see all of a receiver: %+v", f)
	}
}

// TestActivityPages: a page is full of what is seen, however much lies between.
func TestActivityPages(t *testing.T) {
	s := newStage(t, shopper)
	seen := map[int64]bool{}
	q := view.ActivityQuery{Limit: 7}
	for {
		got, err := s.as("shopper").Activity(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range got {
			if seen[a.ID] || a.Project != "shop" {
				t.Errorf("activity %d of %s: seen before %t", a.ID, a.Project, seen[a.ID])
			}
			seen[a.ID] = true
		}
		if len(got) < q.Limit {
			break
		}
		q.Before = got[len(got)-1].ID
	}
	all, _ := s.sample.Activity(t.Context(), view.ActivityQuery{Limit: 500})
	want := 0
	for _, a := range all {
		if a.Project == "shop" {
			want++
		}
	}
	if len(seen) != want {
		t.Errorf("%d activities are seen, of %d", len(seen), want)
	}
}

// TestMovedApp: what an app has done in a project that the reader does not see is not
// shown, wherever it is now.
func TestMovedApp(t *testing.T) {
	s := newStage(t, shopper)
	s.Backend = past{s.sample}
	got, err := s.as("shopper").Activity(t.Context(), view.ActivityQuery{})
	if err != nil || len(got) != 1 || got[0].ID != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

// past has activities of apps that are elsewhere now.
type past struct{ *viewtest.Backend }

func (past) Activity(context.Context, view.ActivityQuery) ([]view.Activity, error) {
	return []view.Activity{
		{ID: 3, App: frontend, Project: "payments"}, // is the shop's now
		{ID: 2, App: payments, Project: "shop"},     // was the shop's
		{ID: 1, App: nowhere, Project: "shop"},      // is deleted
	}, nil
}

// TestProjectDetailsSanitised is CVE-2025-55190: whoever may get a project gets no
// credentials with it, nor with clusters, repositories and sources.
func TestProjectDetailsSanitised(t *testing.T) {
	s := newStage(t, "p, op, projects, get, *, allow\np, op, repositories, get, *, allow\np, op, clusters, get, *, allow\np, op, sources, get, */*, allow")
	s.Backend = leaky{s.sample}
	for _, name := range []string{"Projects", "Repositories", "Clusters", "Feeders"} {
		got, err := lists[name](t.Context(), s.as("op"))
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%+v", got)
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "git.example") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if got, _ := (leaky{}).Projects(t.Context()); !strings.Contains(got[0].SourceRepos[0], "hunter2") {
		t.Error("what the backend keeps was changed")
	}
}

// leaky has credentials in addresses.
type leaky struct{ *viewtest.Backend }

var leakyProject = view.Project{
	Name: "p", SourceRepos: []string{"https://bob:hunter2@git.example/a.git", "https://hunter2@git.example/*"},
	Destinations: []string{"https://bob:hunter2@git.example / *"},
}

func (leaky) Projects(context.Context) ([]view.Project, error) {
	return []view.Project{leakyProject}, nil
}

func (leaky) Repositories(context.Context) ([]view.Repository, error) {
	return []view.Repository{{URL: "https://bob:hunter2@git.example/a.git?token=hunter2"}}, nil
}

func (leaky) Clusters(context.Context) ([]view.Cluster, error) {
	return []view.Cluster{{ClusterName: view.ClusterName{Server: "https://git.example:6443?token=hunter2"}}}, nil
}

func (leaky) Feeders(context.Context) ([]view.Feeder, error) {
	return []view.Feeder{{Kind: "GitRepository", URL: "https://hunter2@git.example/a.git"}}, nil
}

// TestOneQuestionPerApp: a list of ten thousand apps asks once of each what may be seen,
// and a list with counts asks no more.
func TestOneQuestionPerApp(t *testing.T) {
	const n = 10_000
	b := board.New()
	for i := range n {
		b.Put(view.App{
			Key: viewtest.Key(view.KindApplication, "argocd", fmt.Sprintf("app-%05d", i)), Kind: view.KindApplication, Project: fmt.Sprintf("team-%d", i%20),
		}, viewtest.Now)
	}
	asked := 0
	g := New(Config{Backend: crowd{b, viewtest.Empty()}, May: func(_ access.Identity, resource, _, object string) bool {
		if resource == access.Applications {
			asked++
		}
		return strings.HasPrefix(object, "team-7/") || resource != access.Applications
	}})
	d := g.Desk(Reader{Identity: access.Identity{Subject: "x"}})
	page, err := d.Apps(t.Context(), view.Query{Search: "app", Facets: true, Sort: "project"})
	if err != nil || page.All != n/20 || asked != n {
		t.Errorf("%d apps are seen, %d questions were asked, %v", page.All, asked, err)
	}
	asked = 0
	if _, err := d.Clusters(t.Context()); err != nil || asked != n {
		t.Errorf("for the list of clusters %d questions were asked, %v", asked, err)
	}
}

// crowd is a backend with the apps of a board.
type crowd struct {
	*board.Board
	view.Backend
}

func (c crowd) Apps(q view.Query, may func(*view.App) bool) view.Page { return c.Board.Apps(q, may) }

func (c crowd) Brief(key model.AppKey) (view.App, bool) { return c.Get(key) }

func (c crowd) Watch(ctx context.Context, topic view.Topic) <-chan struct{} {
	return c.Board.Watch(ctx, topic)
}

// TestUnreachableIsFiltered: of clusters that can't be reached a reader is told only of
// those that it may see.
func TestUnreachableIsFiltered(t *testing.T) {
	s := newStage(t, `
p, one, clusters, get, https://kubernetes.default.svc, allow
p, shopper, clusters, get, shop/*, allow
p, all, clusters, get, *, allow
`)
	s.sample.Reach("in-cluster", "no route to host")
	s.sample.Reach("staging", "no route to host")
	for name, want := range map[string][]string{"one": {"in-cluster"}, "shopper": {"edge"}, "all": {"in-cluster", "staging", "edge"}, "none": nil} {
		away, err := s.as(name).Unreachable(t.Context())
		var got []string
		for _, c := range away {
			got = append(got, c.Name)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is told of %q, %v, want %q", name, got, err, want)
		}
	}
}
