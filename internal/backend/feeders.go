package backend

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Feeders are the objects that feed apps and are none.
func (b *Backend) Feeders(ctx context.Context) ([]view.Feeder, error) {
	var out []view.Feeder
	for _, gvk := range b.Kinds {
		if flux.Declares(gvk.GroupKind()) {
			continue
		}
		found := &unstructured.UnstructuredList{}
		found.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		if err := b.Cache.List(ctx, found); err != nil {
			return nil, fmt.Errorf("listing %ss: %w", gvk.Kind, err)
		}
		for i := range found.Items {
			out = append(out, b.feeder(&found.Items[i]))
		}
	}
	for _, obj := range b.Extra("ApplicationSet") {
		f := b.feeder(obj)
		f.Project = text(obj.Object, "spec", "template", "spec", "project")
		f.Note = "ApplicationSets are not carried out yet: what they have generated is followed."
		out = append(out, f)
	}
	b.feed(out)
	slices.SortFunc(out, func(a, b view.Feeder) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}

// feeder reads an object that feeds apps.
func (b *Backend) feeder(obj *unstructured.Unstructured) view.Feeder {
	o := obj.Object
	ready := readyOf(o)
	f := view.Feeder{
		Kind: obj.GetKind(), Namespace: obj.GetNamespace(), Name: obj.GetName(),
		Ready: cmp.Or(ready.status, "Unknown"), Message: oneLine(ready.message), Suspended: boolean(o, "spec", "suspend"),
		Address: text(o, "status", "webhookPath"),
	}
	f.Changed, _ = time.Parse(time.RFC3339, ready.since)
	if s := sourceObject(obj); s.Kind != "" {
		f.URL = s.URL
		f.Revision = text(o, "status", "artifact", "revision")
		if state, ok := b.Sources.State(flux.SourceKeyOf(f.Kind, f.Namespace, f.Name)); ok && state.Snapshot != nil {
			f.Revision, f.Commit = state.Snapshot.Revision, Shown(state.Snapshot.Commit)
		}
	}
	if ref := sourceRef(obj); ref.name != "" {
		f.Upstream = []string{ref.String()}
	}
	for _, r := range list(o, "spec", "resources") {
		f.Upstream = append(f.Upstream, reference{text(r, "kind"), cmp.Or(text(r, "namespace"), f.Namespace), text(r, "name")}.String())
	}
	return f
}

// feed says which apps each feeds: those that name it as their source, and those
// that an ApplicationSet owns. A Receiver feeds what its resources feed.
func (b *Backend) feed(feeders []view.Feeder) {
	apps := map[string][]model.AppKey{}
	for _, app := range b.every() {
		for _, s := range app.Sources {
			if s.Object != "" {
				apps[s.Object] = append(apps[s.Object], app.Key)
			}
		}
		if owner := b.setOf(app.Key); owner != "" {
			apps["ApplicationSet/"+app.Key.Namespace+"/"+owner] = append(apps["ApplicationSet/"+app.Key.Namespace+"/"+owner], app.Key)
		}
	}
	for i := range feeders {
		f := &feeders[i]
		f.Feeds = slices.Clone(apps[reference{f.Kind, f.Namespace, f.Name}.String()])
		if f.Kind == "Receiver" {
			for _, name := range f.Upstream {
				f.Feeds = append(f.Feeds, apps[name]...)
			}
		}
		if f.Kind == "HelmChart" {
			for _, name := range f.Upstream {
				apps[name] = append(apps[name], f.Feeds...)
			}
		}
		slices.SortFunc(f.Feeds, func(a, b model.AppKey) int { return strings.Compare(a.String(), b.String()) })
		f.Feeds = slices.Compact(f.Feeds)
	}
}

// setOf is the ApplicationSet that owns an Application; "" if none.
func (b *Backend) setOf(key model.AppKey) string {
	obj, err := b.object(context.Background(), key)
	if err != nil {
		return ""
	}
	for _, o := range obj.GetOwnerReferences() {
		if o.Kind == "ApplicationSet" {
			return o.Name
		}
	}
	return ""
}

// every is each app's line.
func (b *Backend) every() []view.App {
	var out []view.App
	for {
		page := b.board.Apps(view.Query{Offset: len(out), Limit: view.MaxLimit}, nil)
		out = append(out, page.Apps...)
		if len(page.Apps) == 0 || len(out) >= page.Total {
			return out
		}
	}
}
