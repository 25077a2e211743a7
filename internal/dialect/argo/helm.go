package argo

import (
	"cmp"
	"errors"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// helm reads the settings of a chart; nil is none. lookup finds nothing, as with
// Argo CD: who may write an Application must not thereby read the cluster. Its
// error begins with the name of a field.
func (r *rendering) helm(h *v1alpha1.ApplicationSourceHelm) (model.Helm, error) {
	if h == nil {
		h = &v1alpha1.ApplicationSourceHelm{}
	}
	out := model.Helm{
		Release: cmp.Or(h.ReleaseName, r.app.Name), Namespace: cmp.Or(h.Namespace, r.spec.Destination.Namespace),
		IgnoreMissingValueFiles: h.IgnoreMissingValueFiles,
		KubeVersion:             h.KubeVersion, APIVersions: h.APIVersions,
		SkipCRDs: h.SkipCrds, SkipTests: h.SkipTests, SkipSchemaValidation: h.SkipSchemaValidation,
		PassCredentials: h.PassCredentials,
	}
	for _, file := range h.ValueFiles {
		out.ValueFiles, out.ValueSchemes = append(out.ValueFiles, r.keepRef(file)), r.env.Settings.valueSchemes
	}
	switch {
	case h.ValuesObject != nil && len(h.ValuesObject.Raw) > 0:
		out.Values = []model.Values{{Text: h.ValuesObject.Raw, From: r.at + ".helm.valuesObject"}}
	case h.Values != "":
		out.Values = []model.Values{{Text: model.Hidden(h.Values), From: r.at + ".helm.values"}}
	}
	for _, p := range h.Parameters {
		if p.Name == "" {
			return out, errors.New("helm.parameters: one has no name: write the path of a value, such as image.tag")
		}
		out.Parameters = append(out.Parameters, model.HelmParameter{Name: p.Name, Value: p.Value, ForceString: p.ForceString})
	}
	for _, p := range h.FileParameters {
		if p.Name == "" || p.Path == "" {
			return out, errors.New("helm.fileParameters: one has no name or no path")
		}
		out.FileParameters = append(out.FileParameters, model.NameValue{Name: p.Name, Value: r.keepRef(p.Path)})
	}
	return out, nil
}
