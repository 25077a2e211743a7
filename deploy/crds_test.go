package deploy

import (
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"sigs.k8s.io/yaml"
)

// schemas are the structural schemas of the CRDs, by name and version.
func schemas(t *testing.T) map[string]*schema.Structural {
	t.Helper()
	out := map[string]*schema.Structural{}
	for _, data := range CRDs() {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(data, &crd); err != nil {
			t.Fatal(err)
		}
		for _, v := range crd.Spec.Versions {
			var props apiextensions.JSONSchemaProps
			if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &props, nil); err != nil {
				t.Fatal(err)
			}
			s, err := schema.NewStructural(&props)
			if err != nil {
				t.Fatalf("%s: %v", crd.Name, err)
			}
			out[crd.Name+"/"+v.Name] = s
		}
	}
	return out
}

func TestCRDs(t *testing.T) {
	all := schemas(t)
	for _, name := range []string{
		"applications.argoproj.io/v1alpha1",
		"kustomizations.kustomize.toolkit.fluxcd.io/v1",
		"gitrepositories.source.toolkit.fluxcd.io/v1",
	} {
		if all[name] == nil {
			t.Errorf("no CRD for %s", name)
		}
	}
}

// An unknown field has to survive in the API server wherever it stands, or
// nobody could be warned that it is not honoured.
func TestApplicationKeepsUnknownFields(t *testing.T) {
	unknown := map[string]any{"a": map[string]any{"b": int64(1)}}
	object := func(fields map[string]any) map[string]any {
		fields["unknown"] = unknown
		return fields
	}
	source := func() map[string]any {
		return object(map[string]any{
			"directory": object(map[string]any{"jsonnet": object(map[string]any{})}),
			"helm":      object(map[string]any{"valuesObject": object(map[string]any{}), "parameters": []any{object(map[string]any{})}}),
			"kustomize": object(map[string]any{"patches": []any{object(map[string]any{"target": object(map[string]any{})})}}),
			"plugin":    object(map[string]any{"env": []any{object(map[string]any{})}}),
		})
	}
	app := map[string]any{
		"spec": object(map[string]any{
			"source": source(), "sources": []any{source()}, "destination": object(map[string]any{}),
			"syncPolicy": object(map[string]any{
				"automated": object(map[string]any{}), "retry": object(map[string]any{"backoff": object(map[string]any{})}),
			}),
			"ignoreDifferences": []any{object(map[string]any{})},
			"sourceHydrator":    object(map[string]any{"drySource": object(map[string]any{})}),
		}),
		"operation": object(map[string]any{"sync": object(map[string]any{"resources": []any{object(map[string]any{})}})}),
		"status":    object(map[string]any{"history": []any{object(map[string]any{})}}),
	}
	s := schemas(t)["applications.argoproj.io/v1alpha1"]
	if pruned := pruning.PruneWithOptions(app, s, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}); len(pruned) > 0 {
		t.Errorf("pruned: %v", pruned)
	}
}
