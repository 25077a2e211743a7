package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// query is what 'fixpoint get' asks for.
type query struct {
	sel   selector
	kinds []kind
	// name is that of one object; "" is all.
	name string
	only filter
	// data asks for objects instead of rows.
	data bool
}

// listing is what a query has found: by namespace and name.
type listing struct {
	rows []row
	// data is what -o json prints, if it was asked for.
	data any
	// described is the one Application that was asked for by its name; nil if it was not.
	described *item
}

// row is a line of the table.
type row struct {
	kind, namespace, name string
	created               time.Time
	state
	// place is where a source's content comes from.
	place string
}

// filter chooses among apps: each list has to hold, of which one value is enough. Of
// labels all have to hold.
type filter struct {
	projects, sync, health, labels []string
}

func (f *filter) bind(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringArrayVarP(&f.labels, "selector", "l", nil, "only apps with this label, as KEY or KEY=VALUE; several have to hold together")
	s.StringArrayVar(&f.projects, "project", nil, "only Applications of this project; repeatable")
	s.StringArrayVar(&f.sync, "sync", nil, "only apps of this sync status (Synced, OutOfSync, Unknown); repeatable")
	s.StringArrayVar(&f.health, "health", nil, "only apps of this health (Healthy, Degraded, Progressing, …); repeatable")
	complete(cmd, "sync", "Synced", "OutOfSync", "Unknown")
	complete(cmd, "health", "Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown")
}

func (f filter) isEmpty() bool {
	return len(f.projects)+len(f.sync)+len(f.health)+len(f.labels) == 0
}

// takes reports whether an app is one of those that are wanted.
func (f filter) takes(i item) bool {
	s := summary(i)
	for _, l := range f.allLabels() {
		key, value, valued := strings.Cut(l, "=")
		have, there := i.GetLabels()[key]
		if !there || valued && have != value {
			return false
		}
	}
	return isOneOf(f.projects, i.text("spec", "project")) && isOneOf(f.sync, s.sync) && isOneOf(f.health, healthWord(s.health))
}

// allLabels are the labels, of which one flag may have several.
func (f filter) allLabels() []string {
	var out []string
	for _, l := range f.labels {
		out = append(out, strings.FieldsFunc(l, func(r rune) bool { return r == ',' })...)
	}
	return out
}

func isOneOf(wanted []string, value string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, value) })
}

// fluxWords are the states of Flux's objects, with what they are called of apps.
var fluxWords = []struct{ ready, health string }{{"Ready", "Healthy"}, {"NotReady", "Degraded"}}

// healthWord is a state of either dialect as health.
func healthWord(state string) string {
	for _, w := range fluxWords {
		if w.ready == state {
			return w.health
		}
	}
	return state
}

// readyWord is health as Flux's users call it.
func readyWord(health string) string {
	for _, w := range fluxWords {
		if w.health == health {
			return w.ready
		}
	}
	return health
}

// list is what a query finds in the cluster.
func (k kube) list(ctx context.Context, q query) (listing, error) {
	items, err := k.pick(ctx, q.sel, q.name, q.kinds)
	if err != nil {
		return listing{}, err
	}
	var out listing
	if !q.only.isEmpty() {
		items = slices.DeleteFunc(items, func(i item) bool { return !q.only.takes(i) })
	}
	for _, i := range items {
		i.SetManagedFields(nil)
		out.rows = append(out.rows, rowOf(i))
	}
	switch {
	case q.name != "" && q.data:
		out.data = items[0].Object
	case q.data:
		out.data = listOf(items)
	case q.name != "" && items[0].kind.name == application.name:
		out.described = &items[0]
	}
	return out, nil
}

// pick is the object of that name, or all if it is "".
func (c *cluster) pick(ctx context.Context, sel selector, name string, kinds []kind) ([]item, error) {
	if name == "" {
		return c.list(ctx, sel.namespace, kinds...)
	}
	one, err := c.find(ctx, sel, name, kinds...)
	return []item{one}, err
}

func listOf(items []item) map[string]any {
	all := make([]any, 0, len(items))
	for _, i := range items {
		all = append(all, i.Object)
	}
	return map[string]any{"apiVersion": "v1", "kind": "List", "items": all}
}

func rowOf(i item) row {
	out := row{kind: i.kind.name, namespace: i.GetNamespace(), name: i.GetName(), created: i.GetCreationTimestamp().Time}
	if !i.kind.isSource() {
		out.state = summary(i)
		return out
	}
	out.health, out.message = readiness(i)
	out.revision, out.place = i.text("status", "artifact", "revision"), i.place()
	return out
}

func tableOf(rows []row, kinds []kind, now time.Time, width int) *table {
	if kinds[0].isSource() {
		t := &table{header: []string{"KIND", "NAMESPACE", "NAME", "READY", "REVISION", "AGE", "URL", "MESSAGE"}}
		for _, r := range rows {
			t.add(r.kind, r.namespace, r.name, r.health, revision(r.revision), age(r.created, now), r.place, brief(r.message, width))
		}
		return t
	}
	t := &table{header: []string{"KIND", "NAMESPACE", "NAME", "SYNC", "HEALTH/READY", "REVISION", "AGE", "MESSAGE"}}
	for _, r := range rows {
		t.add(r.kind, r.namespace, r.name, r.sync, r.health, revision(r.revision), age(r.created, now), brief(gist(r.message), width))
	}
	return t
}
