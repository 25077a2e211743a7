package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/client"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// list is what a query finds at the server.
func (s server) list(ctx context.Context, q query) (listing, error) {
	switch {
	case q.kinds[0].isSource():
		return s.sources(ctx, q)
	case q.name != "":
		return s.one(ctx, q)
	case q.data:
		all, err := client.Apps[map[string]any](ctx, s.Client, q.parameters())
		return listing{data: map[string]any{"items": all}}, err
	}
	apps, err := client.Apps[client.App](ctx, s.Client, q.parameters())
	if err != nil {
		return listing{}, err
	}
	var out listing
	for _, a := range apps {
		out.rows = append(out.rows, rowOfApp(a))
	}
	out.sort()
	return out, nil
}

func (l *listing) sort() {
	slices.SortStableFunc(l.rows, func(a, b row) int { return strings.Compare(a.namespace+"/"+a.name, b.namespace+"/"+b.name) })
}

// parameters are those of the API's list of apps.
func (q query) parameters() url.Values {
	v := url.Values{"project": q.only.projects, "sync": q.only.sync, "health": q.only.health}
	if q.sel.namespace != "" {
		v.Set("declared", q.sel.namespace)
	}
	for _, k := range q.kinds {
		v.Add("kind", strings.ToLower(k.name))
	}
	// Values of a parameter are alternatives; words of a search have to hold together.
	var words []string
	for _, l := range q.only.allLabels() {
		words = append(words, "label:"+l)
	}
	if len(words) > 0 {
		v.Set("q", strings.Join(words, " "))
	}
	return v
}

func rowOfApp(a client.App) row {
	r := row{kind: kindOf(a.Kind).name, namespace: a.Namespace, name: a.Name, created: a.Created}
	r.state = state{sync: a.Sync, health: a.Health, revision: a.Revision, message: a.Message}
	if _, several := revisionFields(a.Revision); several != nil {
		r.revision = revisionText(several)
	}
	switch {
	case a.Kind == "application":
	case a.Suspended:
		r.health, r.message = "Suspended", "spec.suspend is set"
	default:
		r.health = readyWord(a.Health)
	}
	return r
}

// kindOf is a kind as the API writes it.
func kindOf(word string) kind {
	for _, k := range appKinds {
		if strings.EqualFold(k.name, word) {
			return k
		}
	}
	return kind{name: word}
}

// one is the app of a name.
func (s server) one(ctx context.Context, q query) (listing, error) {
	app, err := s.find(ctx, q.sel, q.name, q.kinds...)
	if err != nil {
		return listing{}, err
	}
	if q.data {
		var all map[string]any
		err := s.Get(ctx, nameOf(app), &all)
		return listing{data: all}, err
	}
	var detail client.AppDetail
	if err := s.Get(ctx, nameOf(app), &detail); err != nil {
		return listing{}, err
	}
	out := listing{rows: []row{rowOfApp(detail.App)}}
	if app.kind.name != application.name {
		return out, nil
	}
	whole, err := s.whole(ctx, detail)
	out.described = &whole
	return out, err
}

// sources are what feeds apps, of the kinds that a query names.
func (s server) sources(ctx context.Context, q query) (listing, error) {
	if q.data {
		all, err := client.Sources[map[string]any](ctx, s.Client)
		all = slices.DeleteFunc(all, func(f map[string]any) bool {
			return !q.isOf(textOf(f, "kind"), textOf(f, "namespace"), textOf(f, "name"))
		})
		if q.name != "" && len(all) == 1 {
			return listing{data: all[0]}, err
		}
		return listing{data: map[string]any{"items": append([]map[string]any{}, all...)}}, cmp.Or(err, q.found(len(all)))
	}
	all, err := client.Sources[client.Feeder](ctx, s.Client)
	if err != nil {
		return listing{}, err
	}
	var out listing
	for _, f := range all {
		if !q.isOf(f.Kind, f.Namespace, f.Name) {
			continue
		}
		r := row{kind: f.Kind, namespace: f.Namespace, name: f.Name, place: f.URL}
		r.health, r.revision, r.message = map[string]string{"True": "Ready", "False": "NotReady", "Unknown": "Unknown"}[f.Ready], f.Revision, f.Message
		if f.Suspended {
			r.health, r.message = "Suspended", "spec.suspend is set"
		}
		out.rows = append(out.rows, r)
	}
	out.sort()
	return out, q.found(len(out.rows))
}

// isOf reports whether a query asks for an object.
func (q query) isOf(word, namespace, name string) bool {
	wanted, inside := q.name, q.sel.namespace
	if ns, rest, ok := strings.Cut(q.name, "/"); ok {
		inside, wanted = ns, rest
	}
	return slices.ContainsFunc(q.kinds, func(k kind) bool { return k.name == word }) &&
		(inside == "" || inside == namespace) && (wanted == "" || wanted == name)
}

// found is an error if the one object that a query names was not found.
func (q query) found(n int) error {
	if q.name == "" || n > 0 {
		return nil
	}
	return unknown(q.sel, q.name, q.kinds)
}

// find is the one app called name: NAME, or NAMESPACE/NAME. Of the object it has what
// names it.
func (s server) find(ctx context.Context, sel selector, name string, kinds ...kind) (item, error) {
	sel, name, err := sel.split(name)
	if err != nil {
		return item{}, err
	}
	v := query{sel: sel, kinds: kinds}.parameters()
	v.Set("q", "name:"+name)
	apps, err := client.Apps[client.App](ctx, s.Client, v)
	if err != nil {
		return item{}, err
	}
	var found []item
	for _, a := range apps {
		if a.Name == name {
			found = append(found, named(a.AppName))
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return item{}, fmt.Errorf("%w (asked %s)", unknown(sel, name, kinds), s.URL)
	}
	return item{}, ambiguous(name, found)
}

// named is an app of which no more than its name is known.
func named(a client.AppName) item {
	k := kindOf(a.Kind)
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetAPIVersion(k.resource.GroupVersion().String())
	u.SetKind(k.name)
	u.SetNamespace(a.Namespace)
	u.SetName(a.Name)
	return item{k, u}
}

func nameOf(i item) client.AppName {
	return client.AppName{Kind: strings.ToLower(i.kind.name), Namespace: i.GetNamespace(), Name: i.GetName()}
}

// findApplication is find for commands that are for Applications.
func (s server) findApplication(ctx context.Context, cmd *cobra.Command, sel onlyApplication, name string) (item, error) {
	app, err := s.find(ctx, sel.selector, name, application)
	if err == nil {
		return app, nil
	}
	if other, none := s.find(ctx, selector{namespace: sel.namespace}, name, kustomization, helmRelease); none == nil {
		return item{}, notFor(cmd, other)
	}
	return item{}, err
}

// application is an Application with what the server says of it, as its status would.
func (s server) application(ctx context.Context, cmd *cobra.Command, sel onlyApplication, name string) (item, error) {
	app, err := s.findApplication(ctx, cmd, sel, name)
	if err != nil {
		return item{}, err
	}
	var detail client.AppDetail
	if err := s.Get(ctx, nameOf(app), &detail); err != nil {
		return item{}, err
	}
	return s.whole(ctx, detail)
}

// whole is an Application with its history.
func (s server) whole(ctx context.Context, detail client.AppDetail) (item, error) {
	history, err := s.History(ctx, detail.AppName)
	if err != nil {
		return item{}, err
	}
	return itemOfDetail(detail, history)
}

// inspect is what a sync would change, as the server compares it.
func (s server) inspect(ctx context.Context, flags InspectFlags, sel selector, name string) (item, Inspection, error) {
	app, err := s.find(ctx, sel, name, sel.kinds()...)
	if err != nil {
		return item{}, Inspection{}, err
	}
	diff, err := s.Diff(ctx, nameOf(app), flags.Revision)
	if err != nil {
		return app, Inspection{}, err
	}
	out := Inspection{Ref: flags.Revision, Commit: diff.Revision}
	if out.Ref == out.Commit {
		out.Ref = ""
	}
	if diff.Blocked != "" {
		out.Blocked = errors.New(diff.Blocked)
	}
	for _, w := range diff.Warnings {
		out.Warnings = append(out.Warnings, model.Warning{Message: w})
	}
	for _, d := range diff.Objects {
		c := Change{Step: model.Step{Object: refOfObject(d.Object), Action: model.Action(d.Action), Reason: d.Reason}, Before: d.Before, After: d.After}
		if d.Error != "" {
			c.Err = errors.New(d.Error)
		}
		out.Changes = append(out.Changes, c)
	}
	return app, out, nil
}

func refOfObject(o client.Object) model.ObjectRef {
	return model.ObjectRef{Version: o.Version, ObjectKey: model.ObjectKey{Group: o.Group, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}}
}
