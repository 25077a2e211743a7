package board

import (
	"maps"
	"slices"
	"strings"

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
}

func newRow(app view.App) *row {
	r := &row{app: app, text: textOf(&app), trouble: trouble(&app)}
	for _, k := range slices.Sorted(maps.Keys(app.Labels)) {
		r.labels = append(r.labels, k+"="+app.Labels[k])
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
