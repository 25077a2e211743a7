package board_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/board"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func key(name string) model.AppKey {
	return model.AppKey{Dialect: "argo", Namespace: "argocd", Name: name}
}

func app(name string) view.App {
	return view.App{
		Key: key(name), Kind: view.KindApplication, Project: "shop", Namespace: "web", Sync: model.Synced, Health: model.Healthy,
		Cluster: view.ClusterName{Name: "in-cluster", Server: "https://kubernetes.default.svc"}, Revision: "abc",
		Labels: map[string]string{"team": "web"}, Sources: []view.Source{{URL: "https://git.example/shop", Path: "web"}},
	}
}

// TestPut: only what differs counts, and only a state that differs is a change of it.
func TestPut(t *testing.T) {
	b := board.New()
	if !b.Put(app("a"), noon) || b.Len() != 1 {
		t.Fatal("the first is not there")
	}
	first, _ := b.Get(key("a"))
	if first.Version != 1 || !first.Changed.Equal(noon) {
		t.Errorf("the first: version %d, changed %s", first.Version, first.Changed)
	}
	for name, c := range map[string]struct {
		change func(*view.App)
		put    bool
		moved  bool // Changed becomes the time of the Put
	}{
		"nothing":       {change: func(*view.App) {}},
		"version":       {change: func(a *view.App) { a.Version = 99 }},
		"an equal map":  {change: func(a *view.App) { a.Labels = map[string]string{"team": "web"} }},
		"label":         {change: func(a *view.App) { a.Labels = map[string]string{"team": "db"} }, put: true},
		"objects":       {change: func(a *view.App) { a.Objects = 3 }, put: true},
		"source":        {change: func(a *view.App) { a.Sources = []view.Source{{URL: "https://git.example/other"}} }, put: true},
		"sync":          {change: func(a *view.App) { a.Sync = model.OutOfSync }, put: true, moved: true},
		"health":        {change: func(a *view.App) { a.Health = model.Degraded }, put: true, moved: true},
		"revision":      {change: func(a *view.App) { a.Revision = "def" }, put: true, moved: true},
		"phase":         {change: func(a *view.App) { a.Phase = model.PhaseRunning }, put: true, moved: true},
		"suspended":     {change: func(a *view.App) { a.Suspended = true }, put: true, moved: true},
		"deleting":      {change: func(a *view.App) { a.Deleting = true }, put: true, moved: true},
		"its own time":  {change: func(a *view.App) { a.Changed, a.Sync = noon.Add(-time.Hour), model.OutOfSync }, put: true},
		"the same time": {change: func(a *view.App) { a.Changed = noon }},
	} {
		b := board.New()
		b.Put(app("a"), noon)
		next := app("a")
		c.change(&next)
		own := next.Changed
		later := noon.Add(time.Minute)
		if got := b.Put(next, later); got != c.put {
			t.Errorf("%s: changes something: %t", name, got)
		}
		want := noon
		if c.moved {
			want = later
		} else if !own.IsZero() {
			want = own
		}
		got, _ := b.Get(key("a"))
		if !got.Changed.Equal(want) {
			t.Errorf("%s: changed at %s, want %s", name, got.Changed, want)
		}
		if version := map[bool]uint64{false: 1, true: 2}[c.put]; got.Version != version {
			t.Errorf("%s: version %d, want %d", name, got.Version, version)
		}
	}
}

// TestRemove: the version that readers see rises, for those who saw the app.
func TestRemove(t *testing.T) {
	b := board.New()
	for i := range 100 {
		b.Put(app(fmt.Sprintf("a%02d", i)), noon)
	}
	if b.Remove(key("nothing")) || !b.Remove(key("a50")) || b.Len() != 99 {
		t.Error("one is gone")
	}
	if _, found := b.Get(key("a50")); found {
		t.Error("what is removed is still there")
	}
	others := func(a *view.App) bool { return a.Key.Name == "a10" }
	if got := b.Apps(view.Query{}, nil).Version; got != 101 {
		t.Errorf("of all: version %d", got)
	}
	if got := b.Apps(view.Query{}, others).Version; got != 11 {
		t.Errorf("of another: version %d", got)
	}
	for i := 60; i < 100; i++ {
		b.Remove(key(fmt.Sprintf("a%02d", i)))
	}
	for i := 11; i < 50; i++ {
		b.Remove(key(fmt.Sprintf("a%02d", i)))
	}
	// More were removed than are remembered: nobody may miss one.
	if got := b.Apps(view.Query{}, others).Version; got <= 101 || got >= 180 {
		t.Errorf("of another, after many: version %d", got)
	}
}

// TestPagesStay: what a query has returned does not change with the board.
func TestPagesStay(t *testing.T) {
	b := board.New()
	for _, name := range []string{"c", "a", "b"} {
		b.Put(app(name), noon)
	}
	page := b.Apps(view.Query{}, nil)
	b.Remove(key("a"))
	b.Put(app("aa"), noon)
	changed := app("b")
	changed.Health = model.Degraded
	b.Put(changed, noon)
	if diff := cmp.Diff([]string{"a", "b", "c"}, names(page)); diff != "" || page.Apps[1].Health != model.Healthy {
		t.Error(diff, page.Apps[1].Health)
	}
	if diff := cmp.Diff([]string{"aa", "b", "c"}, names(b.Apps(view.Query{}, nil))); diff != "" {
		t.Error(diff)
	}
}

func names(p view.Page) []string {
	var out []string
	for _, a := range p.Apps {
		out = append(out, a.Key.Name)
	}
	return out
}
