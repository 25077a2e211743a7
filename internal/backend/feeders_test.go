package backend

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// TestFeed: a source feeds the apps that name it and those of its charts, a Receiver
// those of what it wakes.
func TestFeed(t *testing.T) {
	b := New(Config{Now: func() time.Time { return time.Unix(1, 0) }})
	web := model.AppKey{Dialect: "flux", Namespace: "n", Name: "web"}
	chart := model.AppKey{Dialect: "helm", Namespace: "n", Name: "chart"}
	made := model.AppKey{Dialect: "helm", Namespace: "n", Name: "made"}
	for key, source := range map[model.AppKey]string{web: "GitRepository/n/repo", chart: "HelmChart/n/chart", made: "HelmRepository/n/charts"} {
		app := view.App{Key: key, Sources: []view.Source{{Object: source}}}
		if key.Dialect == "helm" {
			app.Kind = view.KindHelmRelease
		}
		b.board.Put(app, time.Unix(1, 0))
	}
	feeders := []view.Feeder{
		{Kind: "Receiver", Namespace: "n", Name: "hook", Upstream: []string{"HelmRepository/n/charts", "GitRepository/n/repo"}},
		{Kind: "HelmRepository", Namespace: "n", Name: "charts"},
		{Kind: "GitRepository", Namespace: "n", Name: "repo"},
		{Kind: "HelmChart", Namespace: "n", Name: "chart", Upstream: []string{"HelmRepository/n/charts"}},
		{Kind: "HelmChart", Namespace: "n", Name: "n-made", Upstream: []string{"HelmRepository/n/charts"}},
	}
	if err := b.feed(t.Context(), feeders); err != nil {
		t.Fatal(err)
	}
	got := map[string][]model.AppKey{}
	for _, f := range feeders {
		got[f.Kind+" "+f.Name] = f.Feeds
	}
	want := map[string][]model.AppKey{
		"Receiver hook": {web, chart, made}, "HelmRepository charts": {chart, made}, "GitRepository repo": {web},
		"HelmChart chart": {chart}, "HelmChart n-made": {made},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
