package flux

import (
	"errors"
	"fmt"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func helmReleaseRefs(obj *unstructured.Unstructured) []Ref {
	hr, err := helmReleaseOf(obj)
	if err != nil {
		return nil
	}
	var out []Ref
	for _, from := range hr.Spec.ValuesFrom {
		if isData(from.Kind) {
			out = append(out, Ref{from.Kind, hr.Namespace, from.Name})
		}
	}
	return out
}

// valuesOf are the values of a release: those of valuesFrom in order, those that
// are written in place, then those with a target path in order.
func valuesOf(hr helmv2.HelmRelease, in Contents) ([]model.Values, error) {
	var merged, placed []model.Values
	var errs []error
	for i, from := range hr.Spec.ValuesFrom {
		v, err := referenced(hr.Namespace, from, fmt.Sprintf("spec.valuesFrom[%d]", i), in)
		switch {
		case err != nil:
			errs = append(errs, err)
		case v == nil:
		case v.Path == "":
			merged = append(merged, *v)
		default:
			placed = append(placed, *v)
		}
	}
	if hr.Spec.Values != nil {
		merged = append(merged, model.Values{Text: model.Hidden(hr.Spec.Values.Raw), From: "spec.values"})
	}
	return append(merged, placed...), errors.Join(errs...)
}

// referenced are the values of one reference; nil if they are not there and
// need not be.
func referenced(namespace string, from meta.ValuesReference, field string, in Contents) (*model.Values, error) {
	if !isData(from.Kind) {
		return nil, model.Invalidf("%s.kind %q is not supported: use ConfigMap or Secret", field, from.Kind)
	}
	ref := Ref{from.Kind, namespace, from.Name}
	content := in[ref]
	if content == nil {
		if in == nil || from.Optional {
			return nil, nil
		}
		return nil, missing(ref, field)
	}
	text, ok := content.Data[from.GetValuesKey()]
	if !ok {
		if from.Optional {
			return nil, nil
		}
		return nil, ofReference(model.As(model.ErrNotFound, fmt.Errorf("%s has no key %q: add it or fix %s", ref, from.GetValuesKey(), field)))
	}
	return &model.Values{
		Text: model.Hidden(text), Path: from.TargetPath, Literal: from.Literal, From: ref.String() + ", key " + from.GetValuesKey(),
	}, nil
}
