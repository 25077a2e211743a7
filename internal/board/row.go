package board

import (
	"maps"
	"slices"
	"strings"
	"unique"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// row is an app's line with what queries need of it. It never changes.
type row struct {
	app view.App
	// text is all that a search looks at, in lower case, a line each.
	text string
	// labels are "key=value", sorted; repos the URLs of the sources.
	labels, repos []string
	trouble       int
	// values are those of the facets but label, in their order, tags those of label.
	// All rows share the texts, so that counting reads none.
	values [len(facets) - 1]unique.Handle[string]
	tags   []unique.Handle[string]
}

func newRow(app view.App) *row {
	r := &row{app: app, text: textOf(&app), trouble: trouble(&app)}
	for _, k := range slices.Sorted(maps.Keys(app.Labels)) {
		tag := unique.Make(k + "=" + app.Labels[k])
		r.labels, r.tags = append(r.labels, tag.Value()), append(r.tags, tag)
	}
	for i, v := range [...]string{
		string(app.Sync), string(app.Health), app.Kind, app.Project, app.Cluster.Name, app.Namespace,
	} {
		r.values[i] = unique.Make(v)
	}
	for i := range app.Sources {
		r.repos = append(r.repos, app.Sources[i].URL)
	}
	return r
}

func textOf(a *view.App) string {
	lines := []string{
		a.Title(), a.Kind, a.Project, a.Cluster.Name, a.Cluster.Server, a.Namespace, a.Revision, a.Commit.Subject, a.Commit.Author,
	}
	for i := range a.Sources {
		s := &a.Sources[i]
		lines = append(lines, s.URL, s.Path, s.Chart, s.Target, s.Revision, s.Object)
	}
	return strings.ToLower(strings.Join(lines, "\n"))
}

// hasLabel reports whether r has the label "key" or "key=value".
func (r *row) hasLabel(want string) bool {
	if strings.Contains(want, "=") {
		_, found := slices.BinarySearch(r.labels, want)
		return found
	}
	_, found := r.app.Labels[want]
	return found
}
