package web

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// facet is a filter with the values that it has.
type facet struct {
	// Name is the parameter's, Title what people call it.
	Name, Title string
	// Values are shown, More only if somebody opens them; Hidden counts the rest, which
	// a search finds.
	Values, More []option
	Hidden       int
}

// option is a value of a facet.
type option struct {
	// ID tells it from all others of the page.
	ID          string
	Value, Text string
	Count       int
	Chosen      bool
}

const (
	shownOptions = 7
	moreOptions  = 40
)

// facetNames are those of view.Page.Facets, with their parameters and titles.
var facetNames = []struct{ name, param, title string }{
	{"kind", "kind", "Kind"}, {"project", "project", "Project"}, {"cluster", "cluster", "Cluster"},
	{"namespace", "ns", "Namespace"}, {"label", "label", "Label"},
}

// facetsOf are the filters beside the list: what is chosen is always shown, even if
// nothing has it any more, and a single kind only where something is asked for.
func facetsOf(a ask, counts map[string][]view.Count) []facet {
	var out []facet
	for _, n := range facetNames {
		f := facet{Name: n.param, Title: n.title}
		seen := map[string]bool{}
		for _, c := range counts[n.name] {
			seen[c.Value] = true
			o := option{ID: optionID(n.param, c.Value), Value: c.Value, Text: c.Value, Count: c.Count, Chosen: a.has(n.param, c.Value)}
			switch {
			case o.Chosen || len(f.Values) < shownOptions:
				f.Values = append(f.Values, o)
			case len(f.More) < moreOptions:
				f.More = append(f.More, o)
			default:
				f.Hidden++
			}
		}
		for _, filter := range a.filters() {
			if filter.name != n.param {
				continue
			}
			for _, v := range filter.get() {
				if !seen[v] {
					f.Values = append(f.Values, option{ID: optionID(n.param, v), Value: v, Text: v, Chosen: true})
				}
			}
		}
		if len(f.Values) > 1 || len(f.Values) == 1 && (n.name != "kind" || a.filtered()) {
			out = append(out, f)
		}
	}
	return out
}

// optionID is made of what a value may have and an id may not.
func optionID(name, value string) string {
	sum := sha256.Sum256([]byte(value))
	return "pick-" + name + "-" + base64.RawURLEncoding.EncodeToString(sum[:9])
}

// percent writes a share for an attribute of SVG.
func percent(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) + "%" }
