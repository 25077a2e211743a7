package flux

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// IsSourceKind reports whether objects of the kind declare a source.
func IsSourceKind(kind schema.GroupKind) bool {
	return IsSource(kind.Kind) && kind == kinds[kind.Kind].GroupKind()
}

// Declared is what a Kustomization or HelmRelease asks for, and its source with
// its credentials, read once by reader: for looking at an app without keeping
// it. What is missing is in App.Invalid; a source that is not there is left out.
// The error is one of reading.
func Declared(ctx context.Context, reader client.Reader, obj *unstructured.Unstructured) (model.App, map[model.SourceKey]model.Source, error) {
	contents, err := Read(ctx, reader, RefsOf(obj))
	if err != nil {
		return Applied(obj), nil, err
	}
	if obj.GetKind() == helmv2.HelmReleaseKind {
		return declaredRelease(ctx, reader, obj, contents)
	}
	app := Kustomization(obj, contents)
	sources := map[model.SourceKey]model.Source{}
	for _, s := range app.Sources {
		if name, ok := ofKey(s.Key); ok {
			found, err := get(ctx, reader, name)
			if err != nil {
				return app, nil, err
			}
			if err := addSource(ctx, reader, found, sources); err != nil {
				return app, nil, err
			}
		}
	}
	return app, sources, nil
}

func declaredRelease(ctx context.Context, reader client.Reader, obj *unstructured.Unstructured, contents Contents) (model.App, map[model.SourceKey]model.Source, error) {
	name, problem := chartSource(obj)
	chart := noChart(obj)
	sources := map[model.SourceKey]model.Source{}
	if problem == nil {
		source, err := ChartTemplate(obj)
		if err == nil && source == nil {
			source, err = get(ctx, reader, name)
		}
		if err != nil {
			return Applied(obj), nil, err
		}
		if source == nil {
			problem = model.As(model.ErrNotFound, model.Invalidf("%s not found: create it or fix spec.chartRef", name))
		} else if chart, err = chartWith(ctx, reader, obj, source, sources); err != nil {
			return Applied(obj), nil, err
		}
	}
	app := HelmRelease(obj, chart, contents)
	if app.Invalid == nil {
		app.Invalid = problem
	}
	if app.Invalid == nil {
		app.Invalid = chart.Invalid
	}
	return app, sources, nil
}

// chartWith is the chart that comes from a source object; its subscription is
// added to sources.
func chartWith(ctx context.Context, reader client.Reader, obj, source *unstructured.Unstructured, sources map[model.SourceKey]model.Source) (Declaration, error) {
	parent, err := above(ctx, reader, source)
	if err != nil {
		return Declaration{}, err
	}
	chart := ChartOf(obj, source, parent)
	if chart.Of != "" {
		return chart, addSource(ctx, reader, parent, sources)
	}
	sources[chart.Key()], err = completed(ctx, reader, chart)
	return chart, err
}

// addSource adds the source of an object, if there is one, and those that it
// includes.
func addSource(ctx context.Context, reader client.Reader, obj *unstructured.Unstructured, sources map[model.SourceKey]model.Source) error {
	if obj == nil {
		return nil
	}
	key, src, _ := DeclaredSource(ctx, reader, obj)
	if _, done := sources[key]; done {
		return nil
	}
	sources[key] = src
	for _, i := range src.Git.Include {
		name, _ := ofKey(i.Source)
		included, err := get(ctx, reader, name)
		if err == nil {
			err = addSource(ctx, reader, included, sources)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DeclaredSource is what a source object asks for, with the credentials that
// reader finds.
func DeclaredSource(ctx context.Context, reader client.Reader, obj *unstructured.Unstructured) (model.SourceKey, model.Source, Declaration) {
	parent, err := above(ctx, reader, obj)
	d := SourceOf(obj, parent)
	if err != nil {
		return d.Key(), d.Source, d.refuse(invalidSpecReason, err)
	}
	src, err := completed(ctx, reader, d)
	if err != nil {
		return d.Key(), d.Source, d.refuse(invalidSpecReason, err)
	}
	return d.Key(), src, d
}

// completed is a source with its credentials, as far as they are there.
func completed(ctx context.Context, reader client.Reader, d Declaration) (model.Source, error) {
	contents, err := Read(ctx, reader, d.Refs())
	if err != nil {
		return d.Source, err
	}
	if src, err := d.With(contents); err == nil {
		return src, nil
	}
	return d.Source, nil
}

// above is the object that a HelmChart takes its chart from; nil if there is none.
func above(ctx context.Context, reader client.Reader, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	name, ok := parentOf(obj)
	if !ok {
		return nil, nil
	}
	return get(ctx, reader, name)
}

func get(ctx context.Context, reader client.Reader, name object) (*unstructured.Unstructured, error) {
	found := newObject(name.kind)
	err := reader.Get(ctx, name.NamespacedName, found)
	if client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	return found, nil
}

// Applied is what the status of a Kustomization or HelmRelease says that it has
// applied: an app with nothing but that.
func Applied(obj *unstructured.Unstructured) model.App {
	if obj.GetKind() == helmv2.HelmReleaseKind {
		return HelmRelease(obj, noChart(obj), nil)
	}
	return Kustomization(obj, nil)
}

// HelmReleaseKind is the kind of HelmReleases.
const HelmReleaseKind = helmv2.HelmReleaseKind
