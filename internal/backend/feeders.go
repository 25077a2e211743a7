package backend

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
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
	if err := b.feed(ctx, out); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b view.Feeder) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}

// feeder reads an object that feeds apps.
func (b *Backend) feeder(obj *unstructured.Unstructured) view.Feeder {
	o := obj.Object
	ready := readyOf(o)
	if obj.GetKind() == "ApplicationSet" {
		ready = generatedOf(o)
	}
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

// generatedOf says of an ApplicationSet what Ready says of Flux's kinds: whether what it
// generates is up to date, or what keeps it from that.
func generatedOf(o map[string]any) condition {
	current := condition{}
	for _, c := range list(o, "status", "conditions") {
		found := condition{text(c, "status"), text(c, "reason"), text(c, "message"), text(c, "lastTransitionTime")}
		switch text(c, "type") {
		case "ErrorOccurred":
			if found.status == "True" {
				found.status = "False"
				return found
			}
		case "ResourcesUpToDate":
			current = found
		}
	}
	return current
}

// feed says which apps each feeds: those that name it as their source, and those
// that an ApplicationSet owns. A Receiver feeds what its resources feed.
func (b *Backend) feed(ctx context.Context, feeders []view.Feeder) error {
	apps := map[string][]model.AppKey{}
	b.board.Each(func(app *view.App) {
		for _, s := range app.Sources {
			if s.Object == "" {
				continue
			}
			apps[s.Object] = append(apps[s.Object], app.Key)
			if app.Kind == view.KindHelmRelease { // the chart that is made for it
				namespace := strings.Split(s.Object, "/")[1]
				chart := reference{"HelmChart", namespace, app.Key.Namespace + "-" + app.Key.Name}.String()
				apps[chart] = append(apps[chart], app.Key)
			}
		}
	})
	if slices.ContainsFunc(feeders, func(f view.Feeder) bool { return f.Kind == "ApplicationSet" }) {
		if err := b.owned(ctx, apps); err != nil {
			return err
		}
	}
	for _, kind := range []string{"HelmChart", "Receiver", ""} { // what is upstream comes later
		for i := range feeders {
			if f := &feeders[i]; f.Kind == kind || kind == "" && f.Kind != "HelmChart" && f.Kind != "Receiver" {
				feedOne(f, apps)
			}
		}
	}
	return nil
}

// feedOne says which apps one feeds. What a chart feeds, its source feeds as well.
func feedOne(f *view.Feeder, apps map[string][]model.AppKey) {
	f.Feeds = slices.Clone(apps[reference{f.Kind, f.Namespace, f.Name}.String()])
	for _, name := range f.Upstream {
		switch f.Kind {
		case "Receiver":
			f.Feeds = append(f.Feeds, apps[name]...)
		case "HelmChart":
			apps[name] = append(apps[name], f.Feeds...)
		}
	}
	slices.SortFunc(f.Feeds, func(a, b model.AppKey) int { return strings.Compare(a.String(), b.String()) })
	f.Feeds = slices.Compact(f.Feeds)
}

// owned adds the Applications that ApplicationSets own.
func (b *Backend) owned(ctx context.Context, apps map[string][]model.AppKey) error {
	found := &unstructured.UnstructuredList{}
	gvk := kinds[argo.Dialect]
	found.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err := b.Cache.List(ctx, found, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing Applications: %w", err)
	}
	for i := range found.Items {
		obj := &found.Items[i]
		for _, o := range obj.GetOwnerReferences() {
			if o.Kind == "ApplicationSet" {
				name := reference{o.Kind, obj.GetNamespace(), o.Name}.String()
				apps[name] = append(apps[name], KeyOf(gvk.Kind, obj.GetNamespace(), obj.GetName()))
			}
		}
	}
	return nil
}
