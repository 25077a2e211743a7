package kustomize

import (
	"slices"

	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other way to the library's transformers
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
)

// release is the release of the command whose library this is; the library does
// not know.
const release = "v5.8.2"

// metadata adds and removes what tells of the build.
func (t *target) metadata(made resmap.ResMap) error {
	wants := func(option string) bool { return slices.Contains(t.kust.BuildMetadata, option) }
	if wants(types.ManagedByLabelOption) {
		label := builtins.LabelTransformerPlugin{
			Labels:     map[string]string{konfig.ManagedbyLabelKey: "kustomize-" + release},
			FieldSpecs: []types.FieldSpec{{Path: "metadata/labels", CreateIfNotPresent: true}},
		}
		if err := label.Transform(made); err != nil {
			return t.wrong("buildMetadata", err)
		}
	}
	made.RemoveBuildAnnotations()
	if !wants(types.OriginAnnotations) {
		if err := made.RemoveOriginAnnotations(); err != nil {
			return t.wrong("buildMetadata", err)
		}
	}
	if !wants(types.TransformerAnnotations) {
		if err := made.RemoveTransformerAnnotations(); err != nil {
			return t.wrong("buildMetadata", err)
		}
	}
	return nil
}
