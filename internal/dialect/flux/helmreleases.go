package flux

import (
	"context"
	"errors"
	"fmt"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// helmReleases are the apps that HelmReleases declare.
type helmReleases struct{ sources *sources }

var _ appKind = helmReleases{}

func (helmReleases) names() (kind, manager string) { return helmv2.HelmReleaseKind, HelmManager }

func (helmReleases) references(obj *unstructured.Unstructured) []Ref { return RefsOf(obj) }

// app is the HelmRelease with the chart that it names. One that goes needs none.
func (h helmReleases) app(ctx context.Context, obj *unstructured.Unstructured, in Contents) (model.App, *Declaration, error) {
	if !obj.GetDeletionTimestamp().IsZero() {
		return HelmRelease(obj, Declaration{}, in), nil, nil
	}
	problem := h.sources.foreign(obj)
	chart := noChart(obj)
	if problem == nil {
		var err error
		if chart, problem, err = h.chart(ctx, obj); err != nil {
			return model.App{}, nil, err
		}
	}
	app := HelmRelease(obj, chart, in)
	if app.Invalid == nil || errors.Is(problem, model.ErrDenied) {
		app.Invalid = problem
	}
	if chart.object() != objectOf(obj) {
		h.sources.end(objectOf(obj)) // it may have had a subscription of its own
	}
	return app, &chart, nil
}

// chart finds the chart's source, and makes the HelmChart of a template. The
// problem is for the user; the error is one of the API server.
func (h helmReleases) chart(ctx context.Context, obj *unstructured.Unstructured) (d Declaration, problem, err error) {
	name, problem := chartSource(obj)
	if problem != nil {
		return noChart(obj), model.As(model.ErrInvalid, problem), nil
	}
	if last := lastChart(obj); last != name {
		if err := h.drop(ctx, obj, last); err != nil {
			return Declaration{}, nil, err
		}
	}
	source, err := h.made(ctx, obj)
	if err == nil && source == nil {
		source, err = h.sources.cached(ctx, name)
	}
	if err != nil {
		return Declaration{}, nil, err
	}
	if source == nil {
		return noChart(obj), model.As(model.ErrNotFound, fmt.Errorf("%s not found: create it or fix spec.chartRef", name)), nil
	}
	var parent *unstructured.Unstructured
	if above, ok := parentOf(source); ok {
		if parent, err = h.sources.cached(ctx, above); err != nil {
			return Declaration{}, nil, err
		}
	}
	d = ChartOf(obj, source, parent)
	if d.Invalid != nil {
		problem = unusable(name, d.Invalid)
	}
	return d, problem, nil
}

// made is the HelmChart of the HelmRelease's template, created or changed where
// it is not as asked for; nil if the HelmRelease has no template.
func (h helmReleases) made(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	wanted, err := ChartTemplate(obj)
	if err != nil || wanted == nil {
		return nil, err
	}
	name := objectOf(wanted)
	found, err := h.sources.cached(ctx, name)
	if err != nil {
		return nil, err
	}
	if found != nil && holds(found, wanted) {
		return found, nil
	}
	err = h.sources.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(wanted), client.FieldOwner(HelmManager), client.ForceOwnership)
	if err != nil {
		return nil, fmt.Errorf("applying %s: %w", name, err)
	}
	return wanted, nil
}

// holds reports whether an object has every field of another.
func holds(found, wanted *unstructured.Unstructured) bool {
	return covers(found.Object["spec"], wanted.Object["spec"]) &&
		covers(asAny(found.GetLabels()), asAny(wanted.GetLabels())) && covers(asAny(found.GetAnnotations()), asAny(wanted.GetAnnotations()))
}

func asAny(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func covers(found, wanted any) bool {
	w, isMap := wanted.(map[string]any)
	if !isMap {
		return equality.Semantic.DeepEqual(found, wanted)
	}
	f, _ := found.(map[string]any)
	for k, v := range w {
		if !covers(f[k], v) {
			return false
		}
	}
	return true
}

// gone ends the HelmRelease's own subscription, and deletes the HelmChart that
// was made for it.
func (h helmReleases) gone(ctx context.Context, name types.NamespacedName, obj *unstructured.Unstructured) error {
	h.sources.end(object{helmv2.HelmReleaseKind, name})
	if obj == nil {
		return nil
	}
	charts := []object{lastChart(obj)}
	if template, err := ChartTemplate(obj); err == nil && template != nil {
		charts = append(charts, objectOf(template))
	}
	for _, chart := range charts {
		if err := h.drop(ctx, obj, chart); err != nil {
			return err
		}
	}
	return nil
}

// lastChart is the HelmChart that the status names.
func lastChart(obj *unstructured.Unstructured) object {
	text, _, _ := unstructured.NestedString(obj.Object, "status", "helmChart")
	namespace, name, _ := strings.Cut(text, "/")
	return object{sourcev1.HelmChartKind, types.NamespacedName{Namespace: namespace, Name: name}}
}

// drop deletes a HelmChart if it was made for the HelmRelease.
func (h helmReleases) drop(ctx context.Context, hr *unstructured.Unstructured, chart object) error {
	if chart.Name == "" {
		return nil
	}
	found, err := h.sources.cached(ctx, chart)
	if err != nil || found == nil {
		return err
	}
	if l := found.GetLabels(); l[helmLabelName] != hr.GetName() || l[helmLabelNamespace] != hr.GetNamespace() {
		return nil
	}
	if err := h.sources.Client.Delete(ctx, found); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting %s: %w", chart, err)
	}
	return nil
}

func (h helmReleases) report(obj *unstructured.Unstructured, app model.App, r model.Report, changes []string, handled string, now metav1.Time) change {
	hr, err := helmReleaseOf(obj)
	if err != nil {
		h.sources.Log.Debug("status is written without what was there before", "app", app.Key, "error", err)
	}
	next := HelmReleaseStatus(hr, app, r, handled, now)
	return change{
		prev: hr.Status, next: next,
		events:      HelmReleaseEvents(hr.Status, next, app, r, changes),
		annotations: revisionAnnotation(helmv2.GroupVersion.Group, r.Snapshot),
	}
}
