package view_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func TestParseQuery(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		want view.Query
		back string // what Values makes of it; "" is raw
	}{
		"nothing":       {raw: "", want: view.Query{}},
		"everything":    {raw: "cluster=in-cluster&cluster=staging&declared=argocd&facets=1&health=Degraded&kind=HelmRelease&label=a&label=b%3Dc&limit=10&ns=shop&offset=20&phase=Running&project=p&q=shop+front&repo=https%3A%2F%2Fx%2Fy&sort=-changed&sync=OutOfSync", want: everything},
		"case":          {raw: "health=degraded&kind=application", want: view.Query{Health: []model.HealthStatus{model.Degraded}, Kinds: []string{"Application"}}, back: "health=Degraded&kind=Application"},
		"twice":         {raw: "health=Degraded&health=degraded&project=a&project=a", want: view.Query{Health: []model.HealthStatus{model.Degraded}, Projects: []string{"a"}}, back: "health=Degraded&project=a"},
		"empty values":  {raw: "health=&project=&q=&sort=&limit=", want: view.Query{}, back: "-"},
		"others":        {raw: "view=tiles", want: view.Query{}, back: "-"},
		"usual":         {raw: "sort=name&offset=0&facets=0", want: view.Query{}, back: "-"},
		"name, turned":  {raw: "sort=-name", want: view.Query{Desc: true}},
		"white space":   {raw: "q=++a%09b+", want: view.Query{Search: "a b"}, back: "q=a+b"},
		"usual limit":   {raw: "limit=50", want: view.Query{Limit: 50}, back: "-"},
		"greatest page": {raw: "limit=500", want: view.Query{Limit: 500}},
	} {
		values, err := url.ParseQuery(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		q, err := view.ParseQuery(values)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, q); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		back := map[string]string{"": c.raw, "-": ""}[c.back]
		if c.back != "" && c.back != "-" {
			back = c.back
		}
		if got := q.Values().Encode(); got != back {
			t.Errorf("%s: back as %q, want %q", name, got, back)
		}
	}
}

var everything = view.Query{
	Search: "shop front", Sync: []model.SyncStatus{model.OutOfSync}, Health: []model.HealthStatus{model.Degraded},
	Kinds: []string{"HelmRelease"}, Projects: []string{"p"}, Clusters: []string{"in-cluster", "staging"}, Namespaces: []string{"shop"},
	Labels: []string{"a", "b=c"}, Phases: []model.Phase{model.PhaseRunning}, Declared: []string{"argocd"}, Repos: []string{"https://x/y"},
	Sort: "changed", Desc: true, Offset: 20, Limit: 10, Facets: true,
}

// TestParseQueryRefuses: the error names the parameter.
func TestParseQueryRefuses(t *testing.T) {
	many := make([]string, view.MaxValues+1)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	for name, c := range map[string]struct {
		parameter string
		values    []string
	}{
		"unknown key":        {"sort", []string{"size"}},
		"only a minus":       {"sort", []string{"-"}},
		"unknown health":     {"health", []string{"Fine"}},
		"unknown sync":       {"sync", []string{"Maybe"}},
		"unknown kind":       {"kind", []string{"Pod"}},
		"unknown phase":      {"phase", []string{"Later"}},
		"no number":          {"limit", []string{"many"}},
		"negative":           {"offset", []string{"-1"}},
		"too many":           {"limit", []string{"501"}},
		"overflow":           {"offset", []string{"99999999999999999999"}},
		"long search":        {"q", []string{strings.Repeat("a", view.MaxSearch+1)}},
		"many words":         {"q", []string{strings.Repeat("a ", view.MaxWords+1)}},
		"no text":            {"q", []string{"\xff"}},
		"control characters": {"q", []string{"a\x00b"}},
		"long value":         {"project", []string{strings.Repeat("a", view.MaxValue+1)}},
		"many values":        {"label", many},
		"no flag":            {"facets", []string{"yes"}},
		"a value's control":  {"ns", []string{"a\x1b"}},
	} {
		q, err := view.ParseQuery(url.Values{c.parameter: c.values})
		if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "parameter "+c.parameter+":") {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(view.Query{}, q); diff != "" {
			t.Errorf("%s: a query in spite of the error: %s", name, diff)
		}
	}
}

// TestSecurityManyFilters: what the links of a page repeat has an end, however it is spread
// over filters.
func TestSecurityManyFilters(t *testing.T) {
	few, many, long := url.Values{}, url.Values{}, url.Values{}
	for i := range view.MaxValues {
		name := []string{"project", "cluster", "ns", "label", "declared", "repo"}[i%6]
		few.Add(name, strconv.Itoa(i))
		many.Add(name, strconv.Itoa(i))
		long.Add(name, strconv.Itoa(i)+strings.Repeat("x", view.MaxBytes/view.MaxValues))
	}
	many.Add("kind", view.KindApplication)
	if _, err := view.ParseQuery(few); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
	for name, values := range map[string]url.Values{"one too many": many, "too long": long} {
		if _, err := view.ParseQuery(values); !errors.Is(err, model.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzQuery: what is read from any parameters is read from its own ones again.
func FuzzQuery(f *testing.F) {
	f.Add(everything.Values().Encode())
	f.Add("sort=-name&q=a%00")
	f.Add("health=degraded&health=Missing&label=%3D&limit=0501")
	f.Fuzz(func(t *testing.T, raw string) {
		values, _ := url.ParseQuery(raw)
		q, err := view.ParseQuery(values)
		if err != nil {
			return
		}
		again, err := view.ParseQuery(q.Values())
		if err != nil {
			t.Fatalf("%q: %v", q.Values().Encode(), err)
		}
		if q.Limit == view.DefaultLimit {
			again.Limit = q.Limit // it is the same as none
		}
		if diff := cmp.Diff(q, again); diff != "" {
			t.Error(diff)
		}
	})
}
