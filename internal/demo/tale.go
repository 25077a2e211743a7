package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// tale is how a sample repository came to be what it is: its commits, oldest
// first. The last ones, which have no age, are made while the demo runs.
type tale struct {
	repository string
	chapters   []chapter
}

// chapter is a commit.
type chapter struct {
	team, title string
	// age is how long ago it was made; 0 is what is still to come.
	age time.Duration
	// paths begin to exist with it: folders and files. Of two that hold a file, the
	// longer counts.
	paths []string
	edits []edit
	// tag names it.
	tag string
}

// edit changes a text that is in a file once.
type edit struct{ file, from, to string }

const day = 24 * time.Hour

// firstSearch is the tag of the first version of the app search.
const firstSearch = "search-0.6.2"

var tales = []tale{
	{"sample-shop", []chapter{
		{team: "Team Shop", title: "Start with the front end", age: 40 * day, paths: []string{"README.md", "frontend"}},
		{team: "Team Shop", title: "Cart: as it runs today", age: 33 * day, paths: []string{"cart"}},
		{team: "Team Data", title: "Search becomes a chart", age: 26 * day, paths: []string{"search", "settings"}, tag: firstSearch},
		{team: "Team Data", title: "Recommendations, by Flux", age: 20 * day, paths: []string{"recommendations"}},
		{team: "Team Platform", title: "A report of the night's orders", age: 16 * day, paths: []string{"nightly-report"}},
		{
			team: "Team Shop", title: "Frontend 1.8.1: remember the language", age: 9 * day, tag: "frontend-1.8.1",
			edits: []edit{{"frontend/base/kustomization.yaml", "newTag: 1.8.0", "newTag: 1.8.1"}},
		},
		{
			team: "Team Data", title: "Search speaks French", age: 5 * day,
			edits: []edit{{"settings/search-production.yaml", "languages: en,de\n", "languages: en,de,fr\n"}},
		},
		{team: "Team Shop", title: "Mail goes through a relay", age: 3 * day, paths: []string{"mail"}},
		{
			team: "Team Shop", title: "Frontend 1.9.0: the summer look", age: 4 * time.Hour,
			edits: []edit{
				{"frontend/base/kustomization.yaml", "newTag: 1.8.1", "newTag: 1.9.0"},
				{"frontend/base/kustomization.yaml", "THEME=spring", "THEME=summer"},
			},
		},
		{
			team: "Team Data", title: "Search: synonyms come with the index",
			edits: []edit{{"search/values.yaml", "synonyms: true", "synonyms: false"}},
		},
		{
			team: "Team Shop", title: "Cart 2.4.0: fill the cache before the first request",
			edits: []edit{
				{"cart/deployment.yaml", "cart:2.3.1", "cart:2.4.0"},
				{"cart/deployment.yaml", "ready-after: 1s", "ready-after: 8h"},
			},
		},
	}},
	{"sample-payments", []chapter{
		{team: "Team Payments", title: "The API, its worker and their migration", age: 30 * day, paths: []string{"README.md", "api"}},
		{team: "Team Payments", title: "Invoices are an app of their own", age: 21 * day, paths: []string{"invoices"}},
		{
			team: "Team Security", title: "Only the shop may ask for prices", age: 12 * day,
			paths: []string{"api/overlays/production/network.yaml"},
			edits: []edit{{"api/overlays/production/kustomization.yaml", "  - ../../base\n", "  - ../../base\n  - network.yaml\n"}},
		},
		{
			team: "Team Payments", title: "Payments 3.1.0: refunds in parts", age: 6 * day, tag: "v3.1.0",
			edits: []edit{{"api/base/kustomization.yaml", "newTag: 3.0.4", "newTag: 3.1.0"}},
		},
		{
			team: "Team Payments", title: "Invoices 2.0.0: read the new ledger",
			edits: []edit{
				{"invoices/deployment.yaml", "invoices:1.8.2", "invoices:2.0.0"},
				{"invoices/deployment.yaml", `crash-loop: "false"`, `crash-loop: "true"`},
				{"invoices/settings.yaml", "/v1\n", "/v2\n"},
			},
		},
		{
			team: "Team Payments", title: "Payments 3.2.0-rc.1 to staging",
			edits: []edit{
				{"api/overlays/staging/kustomization.yaml", "newTag: 3.1.0", "newTag: 3.2.0-rc.1"},
				{"api/overlays/staging/kustomization.yaml", "ready-after: 1s", "waiting-reason: ImagePullBackOff"},
			},
		},
	}},
}

// unfold is what each chapter changes: the content of files, from what they are at
// the end.
func (t tale) unfold(end map[string]*string) ([]map[string]string, error) {
	now := map[string]string{}
	for name, text := range end {
		now[name] = *text
	}
	for _, c := range slices.Backward(t.chapters) {
		for _, e := range slices.Backward(c.edits) {
			if err := replace(now, e.file, e.to, e.from); err != nil {
				return nil, fmt.Errorf("%s before %q: %w", t.repository, c.title, err)
			}
		}
	}
	var out []map[string]string
	for i, c := range t.chapters {
		changed := map[string]string{}
		for name, text := range now {
			if t.begins(name) == i {
				changed[name] = text
			}
		}
		for _, e := range c.edits {
			if err := replace(now, e.file, e.from, e.to); err != nil {
				return nil, fmt.Errorf("%s at %q: %w", t.repository, c.title, err)
			}
			changed[e.file] = now[e.file]
		}
		out = append(out, changed)
	}
	return out, nil
}

// begins is the chapter with which a file begins to exist, -1 if there is none.
func (t tale) begins(file string) int {
	found, longest := -1, ""
	for i, c := range t.chapters {
		for _, p := range c.paths {
			if (file == p || strings.HasPrefix(file, p+"/")) && len(p) > len(longest) {
				found, longest = i, p
			}
		}
	}
	return found
}

func replace(files map[string]string, name, from, to string) error {
	if n := strings.Count(files[name], from); n != 1 {
		return fmt.Errorf("%s has %q %d times, not once", name, from, n)
	}
	files[name] = strings.Replace(files[name], from, to, 1)
	return nil
}
