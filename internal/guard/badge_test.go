package guard

import (
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// TestProjectBadge: the badge of projects is as good as the worst of their Applications, and
// tells nothing while badges are off.
func TestProjectBadge(t *testing.T) {
	sample, on := viewtest.New(), false
	g := New(Config{Backend: sample, Badges: func() bool { return on }})
	if _, found, enabled := g.ProjectBadge([]string{"shop"}); found || enabled {
		t.Error("it tells of apps while badges are off")
	}
	on = true
	for _, none := range [][]string{nil, {"nowhere"}} {
		if _, found, enabled := g.ProjectBadge(none); found || !enabled {
			t.Errorf("%v has Applications", none)
		}
	}
	if got, found, _ := g.ProjectBadge([]string{"shop", "nowhere"}); !found || got.Health != model.Degraded || got.Sync != model.OutOfSync || got.Name != "shop, nowhere" {
		t.Errorf("of the sample: %+v", got)
	}
	for _, app := range sample.Apps(view.Query{Projects: []string{"shop"}, Limit: view.MaxLimit}, nil).Apps {
		sample.Edit(app.Key, func(d *view.Detail) { d.Health, d.Sync = model.Healthy, model.Synced })
	}
	if got, _, _ := g.ProjectBadge([]string{"shop"}); got.Health != model.Healthy || got.Sync != model.Synced {
		t.Errorf("of one where all is well: %+v", got)
	}
}
