package backend

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// kinds are those that declare apps, by dialect.
var kinds = map[string]schema.GroupVersionKind{
	argo.Dialect:     {Group: "argoproj.io", Version: "v1alpha1", Kind: view.KindApplication},
	flux.Dialect:     {Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: view.KindKustomization},
	flux.HelmDialect: {Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: view.KindHelmRelease},
}

// AppKinds are the kinds that declare apps.
func AppKinds() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{kinds[argo.Dialect], kinds[flux.Dialect], kinds[flux.HelmDialect]}
}

// KeyOf is the app that an object of one of AppKinds declares.
func KeyOf(kind, namespace, name string) model.AppKey {
	for dialect, gvk := range kinds {
		if gvk.Kind == kind {
			return model.AppKey{Dialect: dialect, Namespace: namespace, Name: name}
		}
	}
	return model.AppKey{}
}

// object is the declaring object of an app as the cache has it: it must not be
// changed.
func (b *Backend) object(ctx context.Context, key model.AppKey) (*unstructured.Unstructured, error) {
	return read(ctx, b.Cache, key)
}

func read(ctx context.Context, from client.Reader, key model.AppKey) (*unstructured.Unstructured, error) {
	gvk, ok := kinds[key.Dialect]
	if !ok {
		return nil, notFound(key)
	}
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(gvk)
	err := from.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, obj)
	if apierrors.IsNotFound(err) {
		return nil, notFound(key)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %s/%s: %w", gvk.Kind, key.Namespace, key.Name, err)
	}
	return obj, nil
}

// declared is the declaring object of an app that is worked on.
func (b *Backend) declared(ctx context.Context, key model.AppKey) (*unstructured.Unstructured, error) {
	if !b.isDeclared(key) {
		return nil, notFound(key)
	}
	return b.object(ctx, key)
}

// latest is the declaring object of an app that something is done with, as it is now:
// whoever has just suspended an app must not find it running. It is errChanged if the app
// is not where the deed was permitted any more.
func (b *Backend) latest(ctx context.Context, key model.AppKey) (*unstructured.Unstructured, error) {
	if !b.isDeclared(key) {
		return nil, notFound(key)
	}
	obj, err := read(ctx, b.Latest, key)
	if err == nil && hasMoved(obj, view.JudgedOf(ctx)) {
		return nil, changed(obj)
	}
	return obj, err
}

// hasMoved reports whether an app is in another project than when a deed was permitted:
// rights in the one are none in the other.
func hasMoved(obj *unstructured.Unstructured, judged *view.App) bool {
	return judged != nil && judged.Key.Dialect == argo.Dialect && argo.ProjectOf(obj) != judged.Project
}

func (b *Backend) isDeclared(key model.AppKey) bool {
	return key.Dialect != argo.Dialect || b.Declares(key.Namespace)
}

func notFound(key model.AppKey) error {
	return model.As(model.ErrNotFound, fmt.Errorf("there is no app %s/%s", key.Namespace, key.Name))
}

func isGone(err error) bool { return errors.Is(err, model.ErrNotFound) }

// text is a field of an object; "" if it is no text.
func text(obj map[string]any, fields ...string) string {
	s, _, _ := unstructured.NestedString(obj, fields...)
	return s
}

func boolean(obj map[string]any, fields ...string) bool {
	v, _, _ := unstructured.NestedBool(obj, fields...)
	return v
}

func list(obj map[string]any, fields ...string) []map[string]any {
	all, _, _ := unstructured.NestedFieldNoCopy(obj, fields...)
	items, _ := all.([]any)
	out := make([]map[string]any, 0, len(items))
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func texts(obj map[string]any, fields ...string) []string {
	out, _, _ := unstructured.NestedStringSlice(obj, fields...)
	return out
}
