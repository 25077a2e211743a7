package flux

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/Masterminds/semver/v3"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var honouredHelmChart = fields{
	"chart":                    nil,
	"ignoreMissingValuesFiles": nil,
	"interval":                 nil,
	"reconcileStrategy":        nil,
	"sourceRef":                {"apiVersion": nil, "kind": nil, "name": nil},
	"suspend":                  nil,
	"valuesFiles":              nil,
	"verify":                   nil,
	"version":                  nil,
}

// helmChart is a chart of the parent, which is nil if it does not exist.
func helmChart(obj, parent *unstructured.Unstructured) Declaration {
	var spec sourcev1.HelmChartSpec
	d, err := begin(obj, honouredHelmChart, &spec)
	if err != nil {
		return d.refuse(invalidSpecReason, err)
	}
	if reason, err := chartRefusal(spec); err != nil {
		return d.refuse(reason, err)
	}
	d.Observed = Observed{ObservedChartName: path.Base(spec.Chart), ObservedValuesFiles: spec.ValuesFiles}
	d.ValueFiles, d.IgnoreMissing = spec.ValuesFiles, spec.IgnoreMissingValuesFiles
	if parent == nil {
		return d.lacks(fmt.Errorf("%s %s/%s not found: create it or fix spec.sourceRef", spec.SourceRef.Kind, d.Namespace, spec.SourceRef.Name))
	}
	from := SourceOf(parent, nil)
	d.Parent = from.version()
	if from.Invalid != nil {
		return d.lacks(fmt.Errorf("%s can't be used: %w", from.object(), from.Invalid))
	}
	if from.Kind != sourcev1.HelmRepositoryKind {
		return d.inside(from, spec)
	}
	d.Source = from.Source
	for _, n := range from.Needs {
		n.Field += " of " + from.object().String()
		d.Needs = append(d.Needs, n)
	}
	d.signedAsIn(from)
	d.Source.Chart, d.Source.Ref = spec.Chart, chartRef(d.Source.Kind, spec.Version)
	d.Source.Interval, d.Source.Suspended = spec.Interval.Duration, spec.Suspend
	return d
}

// lacks makes the declaration unusable until another object changes.
func (d Declaration) lacks(err error) Declaration {
	d.Invalid, d.Reason = model.As(model.ErrNotFound, err), chartPullError
	return d
}

// inside is a chart that lies in a directory of another source.
func (d Declaration) inside(from Declaration, spec sourcev1.HelmChartSpec) Declaration {
	d.Of, d.Path, d.ValueFiles = from.Key(), spec.Chart, nil
	d.Source.Suspended = spec.Suspend
	for _, file := range spec.ValuesFiles {
		d.ValueFiles = append(d.ValueFiles, path.Clean("/"+file))
	}
	return d
}

// The reasons that Flux has for charts.
const (
	chartPullError        = "ChartPullError"
	chartReferenceInvalid = "InvalidChartReference"
	chartVerifyError      = "ChartVerificationError"
)

func chartRefusal(spec sourcev1.HelmChartSpec) (string, error) {
	switch kind := spec.SourceRef.Kind; {
	case spec.Chart == "":
		return chartReferenceInvalid, errors.New("spec.chart is empty: name the chart")
	case kind != sourcev1.HelmRepositoryKind && kind != sourcev1.GitRepositoryKind && kind != sourcev1.BucketKind:
		return chartReferenceInvalid, fmt.Errorf("spec.sourceRef.kind %q is not supported: use HelmRepository, GitRepository or Bucket", kind)
	case spec.SourceRef.Name == "":
		return chartReferenceInvalid, fmt.Errorf("spec.sourceRef.name is empty: name a %s", kind)
	case spec.Interval.Duration <= 0:
		return invalidSpecReason, errInterval
	case spec.Verify != nil:
		return chartVerifyError, errUnverified(spec.Verify.Provider)
	}
	if _, err := semver.NewConstraint(spec.Version); spec.Version != "" && err != nil {
		return chartReferenceInvalid, fmt.Errorf("spec.version %q is neither a version nor a constraint", spec.Version)
	}
	return "", nil
}

// chartRef is the version of a chart that is asked for. A tag of a registry can
// be asked for by its name, where the version is an exact one.
func chartRef(kind model.SourceKind, version string) model.Ref {
	if _, err := semver.StrictNewVersion(version); err == nil && kind == model.SourceOCI {
		return model.Ref{Tag: strings.ReplaceAll(version, "+", "_")}
	}
	if version == "" {
		version = "*"
	}
	return model.Ref{SemVer: version}
}

// parentOf is the source object that the object is a part of; false if it is
// none of any.
func parentOf(obj *unstructured.Unstructured) (object, bool) {
	if obj.GetKind() != sourcev1.HelmChartKind {
		return object{}, false
	}
	ref, _, _ := unstructured.NestedStringMap(obj.Object, "spec", "sourceRef")
	switch ref["kind"] {
	case sourcev1.HelmRepositoryKind, sourcev1.GitRepositoryKind, sourcev1.BucketKind:
		return object{ref["kind"], types.NamespacedName{Namespace: obj.GetNamespace(), Name: ref["name"]}}, true
	}
	return object{}, false
}
