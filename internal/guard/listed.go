package guard

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// The looks at lists in the trail, and what is said of those that are more than is written.
const (
	readList  = "list"
	readAudit = "audit"
	manyLists = "with more filters than are written down"
)

// The lists, as their pages are called.
const (
	listApps         = "apps"
	listActivity     = "activity"
	listClusters     = "clusters"
	listRepositories = "repositories"
	listProjects     = "projects"
	listSources      = "sources"
)

// How much is written of looks at lists, which pages that stay open repeat, and searches
// vary with each letter.
const (
	// listedEvery is how often the same is written.
	listedEvery = time.Hour
	// maxLists is how many are written in that time of one reader at one address, and
	// maxAllLists of all, with what was asked for. Of those beyond, the list alone is.
	maxLists    = 100
	maxAllLists = 5000
	// listNotice bounds how long a list waits for the trail. After a failure none waits
	// for listsRest, nor is noted.
	listNotice = 5 * time.Second
	listsRest  = 15 * time.Second
)

// listCounts are what is written of looks at lists. They are guarded by the trail's mu.
type listCounts struct {
	hour time.Time // when the counts began
	each map[string]int
	all  int
	rest time.Time // until when nothing is tried
}

// listed notes that the reader looks at a list, of which it asks for what filter says.
func (d *desk) listed(ctx context.Context, list string, filter url.Values) {
	rec := d.record(readList, list)
	rec.Outcome, rec.Detail = outcomeAllowed, filterText(filter)
	d.saw(ctx, rec)
}

// listed notes a look at a list, once in a while.
func (t *trail) listed(ctx context.Context, a view.Audit) {
	if t.to == nil {
		return
	}
	a, rests := t.admit(tidy(a))
	if rests {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listNotice)
	defer cancel()
	if err := t.sometimes(ctx, a, listedEvery); err != nil { // it is logged
		t.mu.Lock()
		defer t.mu.Unlock()
		t.lists.rest = t.now().Add(listsRest)
	}
}

// admit is what is to be written of a look, unless it is a time of rest.
func (t *trail) admit(a view.Audit) (out view.Audit, rests bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, l := t.now(), &t.lists
	if now.Before(l.rest) {
		return a, true
	}
	if k := t.kept[a]; k != nil && now.Before(k.until) {
		return a, false
	}
	if now.Sub(l.hour) >= listedEvery {
		*l = listCounts{hour: now, each: map[string]int{}}
	}
	who := a.Who + "\x00" + a.From
	switch {
	case l.all >= maxAllLists:
		a.From, a.Detail = "", manyLists
	case l.each[who] >= maxLists:
		a.Detail = manyLists
	default:
		l.each[who]++
		l.all++
	}
	return a, false
}

// appsFilter is what leaves apps out of a list, not how it is shown.
func appsFilter(q view.Query) url.Values {
	q.Sort, q.Desc, q.Offset, q.Limit, q.Facets = "", false, 0, 0, false
	v := q.Values()
	for i, repo := range v["repo"] {
		v["repo"][i] = bare(repo)
	}
	return v
}

func activityFilter(q view.ActivityQuery) url.Values {
	v := url.Values{"project": {q.Project}, "kind": slices.Clone(q.Kinds), "by": {q.By}, "q": {q.Search}, "from": {hourOf(q.From)}, "to": {hourOf(q.To)}}
	if q.App != nil {
		v.Set("app", q.App.String())
	}
	return v
}

func auditFilter(q view.AuditQuery) url.Values {
	return url.Values{"who": {q.Who}, "action": {q.Action}, "object": {q.Object}, "outcome": {q.Outcome}, "from": {hourOf(q.From)}, "to": {hourOf(q.To)}}
}

// hourOf is a time to the hour: what is asked for of the last day is the same for a while.
func hourOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Truncate(time.Hour).Format(time.RFC3339)
}

// filterText is a filter in words, the same however it is ordered.
func filterText(v url.Values) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		for _, value := range slices.Sorted(slices.Values(v[name])) {
			if value != "" {
				out = append(out, name+"="+value)
			}
		}
	}
	return strings.Join(out, ", ")
}
