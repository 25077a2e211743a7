package board_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/board"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// small are four apps that differ in everything.
func small() *board.Board {
	b := board.New()
	cart := app("cart")
	cart.Health, cart.Phase, cart.Changed = model.Progressing, model.PhaseRunning, noon.Add(-time.Hour)
	cart.Revision, cart.Commit.Subject = "AB12cd", "Keep carts"
	ledger := app("ledger")
	ledger.Project, ledger.Sync, ledger.Namespace, ledger.Changed = "payments", model.OutOfSync, "money", noon.Add(-time.Minute)
	ledger.Labels = map[string]string{"team": "payments", "tier": "data"}
	ledger.Sources = []view.Source{{URL: "https://git.example/Payments/deploy", Chart: "ledger", Target: "v1.x"}}
	infra := app("infra")
	infra.Key.Dialect, infra.Key.Namespace, infra.Kind, infra.Project = "flux", "flux-system", view.KindKustomization, ""
	infra.Cluster, infra.Health, infra.Labels = view.ClusterName{Name: "staging", Server: "https://staging.example:6443"}, model.Degraded, nil
	infra.Changed, infra.Namespace = noon.Add(-3*time.Hour), "a"
	failed := app("failed")
	failed.Phase, failed.Changed, failed.Revision = model.PhaseFailed, noon.Add(-2*time.Hour), "ff"
	for _, a := range []view.App{ledger, infra, cart, failed} {
		b.Put(a, noon)
	}
	return b
}

func TestSearch(t *testing.T) {
	b := small()
	for search, want := range map[string]string{
		"":                          "cart failed infra ledger",
		"LEDGER":                    "ledger",
		"argocd shop":               "cart failed", // all words
		"shop nothing":              "",
		"argocd/cart":               "cart",
		"ab12":                      "cart",
		"keep":                      "cart",
		"staging.example":           "infra",
		"v1.x":                      "ledger",
		"https://git.example/shop":  "cart failed infra", // no field: https
		"health:degraded":           "infra",
		"HEALTH:Degraded":           "infra",
		"health:de":                 "",
		"health:de*":                "infra",
		"sync:outofsync":            "ledger",
		"project:shop":              "cart failed",
		"project:sh":                "",
		"project:sh*":               "cart failed",
		"cluster:staging":           "infra",
		"kind:kustomization":        "infra",
		"ns:money":                  "ledger",
		"namespace:money":           "ledger",
		"declared:argocd":           "cart failed ledger",
		"phase:running":             "cart",
		"name:car*":                 "cart",
		"name:car":                  "",
		"label:team":                "cart failed ledger",
		"label:team=web":            "cart failed",
		"label:team=w*":             "cart failed",
		"label:t*":                  "cart failed ledger",
		"label:tea":                 "",
		"repo:payments/deploy":      "ledger",
		"repo:PAYMENTS":             "ledger",
		"project:shop health:prog*": "cart",
		"health:":                   "", // a text that nobody has
		"name:*":                    "cart failed infra ledger",
		"other:thing":               "",
	} {
		p := b.Apps(view.Query{Search: search}, nil)
		if got := strings.Join(names(p), " "); got != want || p.Total != len(p.Apps) || p.All != 4 {
			t.Errorf("%q: %q of %d of %d, want %q", search, got, p.Total, p.All, want)
		}
	}
}

func TestFilters(t *testing.T) {
	b := small()
	for want, q := range map[string]view.Query{
		"cart infra":        {Health: []model.HealthStatus{model.Degraded, model.Progressing}},
		"ledger":            {Sync: []model.SyncStatus{model.OutOfSync}},
		"infra":             {Kinds: []string{view.KindKustomization}},
		"cart failed":       {Projects: []string{"shop"}},
		"infra ledger":      {Namespaces: []string{"a", "money"}},
		"cart failed infra": {Repos: []string{"https://git.example/shop"}},
		"failed":            {Phases: []model.Phase{model.PhaseFailed}},
		"cart":              {Phases: []model.Phase{model.PhaseRunning}, Projects: []string{"shop", "payments"}},
		"cart ledger":       {Labels: []string{"team"}, Phases: []model.Phase{model.PhaseRunning, ""}},
		"":                  {Clusters: []string{"staging"}, Declared: []string{"argocd"}},
	} {
		if got := strings.Join(names(b.Apps(q, nil)), " "); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
}

func TestSort(t *testing.T) {
	b := small()
	for sort, want := range map[string][2]string{
		"":          {"cart failed infra ledger", "ledger infra failed cart"},
		"name":      {"cart failed infra ledger", "ledger infra failed cart"},
		"unknown":   {"cart failed infra ledger", "ledger infra failed cart"},
		"status":    {"failed infra cart ledger", "ledger cart failed infra"},
		"health":    {"infra cart failed ledger", "failed ledger cart infra"},
		"sync":      {"ledger cart failed infra", "cart failed infra ledger"},
		"project":   {"infra ledger cart failed", "cart failed ledger infra"},
		"cluster":   {"cart failed ledger infra", "infra cart failed ledger"},
		"namespace": {"infra ledger cart failed", "cart failed ledger infra"},
		"changed":   {"infra failed cart ledger", "ledger cart failed infra"},
		"revision":  {"cart infra ledger failed", "failed infra ledger cart"},
	} {
		for i, desc := range []bool{false, true} {
			if got := strings.Join(names(b.Apps(view.Query{Sort: sort, Desc: desc}, nil)), " "); got != want[i] {
				t.Errorf("%s, turned round %t: %q, want %q", sort, desc, got, want[i])
			}
		}
	}
	for _, k := range view.SortKeys {
		if got := b.Apps(view.Query{Sort: k}, nil).Total; got != 4 {
			t.Errorf("by %s: %d apps", k, got)
		}
	}
}

// TestPages: by every key the pages together are all apps, in the same order as on one
// page.
func TestPages(t *testing.T) {
	b := many(137)
	for _, sort := range view.SortKeys {
		for _, desc := range []bool{false, true} {
			var seen []string
			for offset := 0; offset < 140; offset += 20 {
				p := b.Apps(view.Query{Sort: sort, Desc: desc, Offset: offset, Limit: 20}, nil)
				if p.Total != 137 || len(p.Apps) != min(20, 137-offset) {
					t.Errorf("%s from %d: %d of %d", sort, offset, len(p.Apps), p.Total)
				}
				seen = append(seen, names(p)...)
			}
			whole := names(b.Apps(view.Query{Sort: sort, Desc: desc, Limit: 500}, nil))
			if diff := cmp.Diff(whole, seen); diff != "" || len(whole) != 137 {
				t.Errorf("%s, turned round %t: %s", sort, desc, diff)
			}
		}
	}
	for name, c := range map[string]struct {
		q    view.Query
		want int
	}{
		"usual":       {view.Query{}, view.DefaultLimit},
		"beyond":      {view.Query{Offset: 1000}, 0},
		"at the end":  {view.Query{Offset: 137}, 0},
		"negative":    {view.Query{Offset: -5, Limit: -1}, view.DefaultLimit},
		"all of them": {view.Query{Limit: 1 << 40}, 137},
		"overflow":    {view.Query{Offset: 1<<63 - 1, Limit: 1<<63 - 1}, 0},
	} {
		if p := b.Apps(c.q, nil); len(p.Apps) != c.want || p.Total != 137 || p.All != 137 {
			t.Errorf("%s: %d of %d of %d, want %d", name, len(p.Apps), p.Total, p.All, c.want)
		}
	}
	if p := many(600).Apps(view.Query{Limit: 600}, nil); len(p.Apps) != view.MaxLimit {
		t.Errorf("a page of %d", len(p.Apps))
	}
}

// TestFacets: a facet is counted as if its own filter were not there, and what the
// reader may not see does not count.
func TestFacets(t *testing.T) {
	b := small()
	q := view.Query{Projects: []string{"shop"}, Health: []model.HealthStatus{model.Healthy}, Facets: true}
	p := b.Apps(q, nil)
	want := map[string][]view.Count{
		"sync":      {{Value: "Synced", Count: 1}},
		"health":    {{Value: "Healthy", Count: 1}, {Value: "Progressing", Count: 1}},
		"kind":      {{Value: "Application", Count: 1}},
		"project":   {{Value: "payments", Count: 1}, {Value: "shop", Count: 1}},
		"cluster":   {{Value: "in-cluster", Count: 1}},
		"namespace": {{Value: "web", Count: 1}},
		"label":     {{Value: "team=web", Count: 1}},
	}
	if diff := cmp.Diff(want, p.Facets); diff != "" {
		t.Error(diff)
	}
	q.Phases = []model.Phase{model.PhaseRunning} // no facet: it counts in all
	if got := b.Apps(q, nil).Facets["health"]; len(got) != 1 || got[0].Value != "Progressing" {
		t.Errorf("of those with a running sync: %v", got)
	}
	p = b.Apps(view.Query{Facets: true}, func(a *view.App) bool { return a.Project == "shop" })
	if p.All != 2 || p.Total != 2 || len(p.Facets["project"]) != 1 || p.Health[model.Degraded] != 0 || p.Running != 1 {
		t.Errorf("of the reader's own: %+v", p)
	}
	if b.Apps(view.Query{}, nil).Facets != nil {
		t.Error("facets that nobody asked for")
	}
}

// TestManyValues: of values without number only the most frequent are listed.
func TestManyValues(t *testing.T) {
	b := board.New()
	for i := range 3000 {
		a := app(fmt.Sprintf("app-%04d", i))
		a.Labels = map[string]string{"id": fmt.Sprint(i), "team": "web"}
		b.Put(a, noon)
	}
	for range 2 {
		got := b.Apps(view.Query{Facets: true}, nil).Facets["label"]
		if len(got) != 200 || got[0] != (view.Count{Value: "team=web", Count: 3000}) || got[1] != (view.Count{Value: "id=0", Count: 1}) {
			t.Errorf("%d values, first %v", len(got), got[:2])
		}
	}
}
