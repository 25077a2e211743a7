package flux

import (
	"context"
	"errors"
	"fmt"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// App is the app of a Kustomization or HelmRelease by itself: nothing that it
// refers to is read.
func App(obj *unstructured.Unstructured) model.App {
	if obj.GetKind() == helmv2.HelmReleaseKind {
		return HelmRelease(obj, noChart(obj), nil)
	}
	return Kustomization(obj, nil)
}

// Load is the app of a Kustomization or HelmRelease with everything that it
// refers to, and the sources that it needs, with their credentials. Nothing is
// written: the HelmChart of a template need not exist. What is wrong with a
// source is an error.
func Load(ctx context.Context, reader client.Reader, obj *unstructured.Unstructured) (model.App, map[model.SourceKey]model.Source, error) {
	l := loader{ctx, reader, map[model.SourceKey]model.Source{}}
	app := App(obj)
	if app.Invalid != nil {
		return app, nil, app.Invalid
	}
	contents, err := Read(ctx, reader, RefsOf(obj))
	if err != nil {
		return app, nil, err
	}
	if obj.GetKind() == helmv2.HelmReleaseKind {
		chart, err := l.chart(obj)
		if err != nil {
			return app, nil, err
		}
		app = HelmRelease(obj, chart, contents)
		return app, l.sources, errors.Join(app.Invalid, l.add(chart))
	}
	app = Kustomization(obj, contents)
	name, _ := ofKey(app.Sources[0].Key)
	return app, l.sources, errors.Join(app.Invalid, l.load(name))
}

// loader collects sources.
type loader struct {
	ctx     context.Context
	reader  client.Reader
	sources map[model.SourceKey]model.Source
}

func (l loader) get(name object) (*unstructured.Unstructured, error) {
	obj := newObject(name.kind)
	err := l.reader.Get(l.ctx, name.NamespacedName, obj)
	if apierrors.IsNotFound(err) {
		return nil, model.As(model.ErrNotFound, fmt.Errorf("%s does not exist: create it, or correct the reference to it", name))
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return obj, nil
}

// chart is where a HelmRelease takes its chart from.
func (l loader) chart(hr *unstructured.Unstructured) (Declaration, error) {
	name, err := chartSource(hr)
	if err != nil {
		return Declaration{}, model.As(model.ErrInvalid, err)
	}
	source, err := ChartTemplate(hr)
	if err == nil && source == nil {
		source, err = l.get(name)
	}
	if err != nil {
		return Declaration{}, err
	}
	parent, err := l.parent(source)
	if err != nil {
		return Declaration{}, err
	}
	return ChartOf(hr, source, parent), nil
}

func (l loader) parent(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	name, ok := parentOf(obj)
	if !ok {
		return nil, nil
	}
	return l.get(name)
}

// load adds a source object.
func (l loader) load(name object) error {
	obj, err := l.get(name)
	if err != nil {
		return err
	}
	parent, err := l.parent(obj)
	if err != nil {
		return err
	}
	return l.add(SourceOf(obj, parent))
}

// add adds what is declared, and what that needs.
func (l loader) add(d Declaration) error {
	if d.Invalid != nil {
		return fmt.Errorf("%s: %w", d.object(), d.Invalid)
	}
	if within, ok := ofKey(d.Of); ok {
		return l.load(within)
	}
	contents, err := Read(l.ctx, l.reader, d.Refs())
	if err != nil {
		return err
	}
	source, err := d.With(contents)
	if err != nil {
		return err
	}
	l.sources[d.Key()] = source
	for _, i := range source.Git.Include {
		if _, done := l.sources[i.Source]; done {
			continue
		}
		if name, ok := ofKey(i.Source); ok {
			if err := l.load(name); err != nil {
				return err
			}
		}
	}
	return nil
}
