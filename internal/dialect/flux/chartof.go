package flux

import (
	"errors"
	"fmt"
	"maps"
	"path"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// ChartTemplate is the HelmChart that a HelmRelease with spec.chart asks for,
// as Flux makes it; nil if it names one with spec.chartRef.
func ChartTemplate(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	hr, err := helmReleaseOf(obj)
	if err != nil || hr.Spec.Chart == nil {
		return nil, err
	}
	template := hr.Spec.Chart
	chart := sourcev1.HelmChartSpec{
		Chart:   template.Spec.Chart,
		Version: template.Spec.Version,
		SourceRef: sourcev1.LocalHelmChartSourceReference{
			Kind: template.Spec.SourceRef.Kind, Name: template.Spec.SourceRef.Name,
		},
		Interval:                 template.GetInterval(hr.Spec.Interval),
		ReconcileStrategy:        template.Spec.ReconcileStrategy,
		ValuesFiles:              template.Spec.ValuesFiles,
		IgnoreMissingValuesFiles: template.Spec.IgnoreMissingValuesFiles,
	}
	if v := template.Spec.Verify; v != nil {
		chart.Verify = &sourcev1.HelmChartVerification{Provider: v.Provider, SecretRef: v.SecretRef}
	}
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&chart)
	if err != nil {
		return nil, fmt.Errorf("making a HelmChart of spec.chart: %w", err)
	}
	out := newObject(sourcev1.HelmChartKind)
	name := chartName(obj, template.Spec.SourceRef.Namespace)
	out.SetNamespace(name.Namespace)
	out.SetName(name.Name)
	out.Object["spec"] = spec
	labels := map[string]string{}
	if m := template.ObjectMeta; m != nil {
		maps.Copy(labels, m.Labels)
		if len(m.Annotations) > 0 {
			out.SetAnnotations(m.Annotations)
		}
	}
	labels[helmLabelName], labels[helmLabelNamespace] = obj.GetName(), obj.GetNamespace()
	out.SetLabels(labels)
	return out, nil
}

// chartSource is the source object that a HelmRelease takes its chart from.
func chartSource(obj *unstructured.Unstructured) (object, error) {
	hr, err := helmReleaseOf(obj)
	if err != nil {
		return object{}, err
	}
	if hr.Spec.Chart != nil {
		return object{sourcev1.HelmChartKind, chartName(obj, hr.Spec.Chart.Spec.SourceRef.Namespace)}, nil
	}
	ref := hr.Spec.ChartRef
	if ref == nil {
		return object{}, errors.New("one of spec.chart and spec.chartRef has to be set")
	}
	name := object{ref.Kind, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}}
	if name.Namespace == "" {
		name.Namespace = obj.GetNamespace()
	}
	switch {
	case ref.Kind == sourcev1.ExternalArtifactKind:
		return name, unsupported("chartRef.kind ExternalArtifact", "use the source that the artifact is made of")
	case ref.Kind != sourcev1.OCIRepositoryKind && ref.Kind != sourcev1.HelmChartKind:
		return name, fmt.Errorf("spec.chartRef.kind %q is not supported: use an OCIRepository or a HelmChart", ref.Kind)
	case ref.Name == "":
		return name, fmt.Errorf("spec.chartRef.name is empty: name a %s", ref.Kind)
	}
	return name, nil
}

// ChartOf is where a HelmRelease takes its chart from, given the source object:
// its HelmChart, or the OCIRepository, which holds nothing but a chart then.
// parent is that of the HelmChart. A chart of an OCIRepository is a
// subscription of the HelmRelease itself: it is unpacked as a chart, whatever
// the OCIRepository says of its layer.
func ChartOf(hr, source, parent *unstructured.Unstructured) Declaration {
	d := SourceOf(source, parent)
	if d.Kind != sourcev1.OCIRepositoryKind {
		return d
	}
	d.Parent = d.object().String() + " " + d.version()
	d.Kind, d.Namespace, d.Name = helmv2.HelmReleaseKind, hr.GetNamespace(), hr.GetName()
	d.Source.Chart = path.Base(d.Source.URL)
	d.Source.OCI.MediaType, d.Source.OCI.Copy, d.Source.Ignore = "", false, nil
	d.Warnings = nil
	return d
}

// noChart is the declaration while there is none.
func noChart(hr *unstructured.Unstructured) Declaration {
	return Declaration{
		Kind: helmv2.HelmReleaseKind, Namespace: hr.GetNamespace(), Name: hr.GetName(), UID: hr.GetUID(), Generation: hr.GetGeneration(),
	}
}
