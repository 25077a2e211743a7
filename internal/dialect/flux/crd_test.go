package flux

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

type crdSchema = apiextensionsv1.JSONSchemaProps

// schemaOf reads the schema of a CRD that we ship.
func schemaOf(t *testing.T, file string) crdSchema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "crds", file))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		t.Fatal(err)
	}
	if v := crd.Spec.Versions; len(v) != 1 || v[0].Name != kinds[crd.Spec.Names.Kind].Version || v[0].Subresources.Status == nil {
		t.Fatalf("%s does not serve one version, the one that is read, with a status", file)
	}
	return *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// accepts fails the test for everything that an API server with that schema
// would refuse or drop.
func accepts(t *testing.T, s crdSchema, obj map[string]any) {
	t.Helper()
	for _, p := range misfits(s, obj, "") {
		t.Error(p)
	}
}

// misfits checks the parts of a schema that controller-gen writes for Flux:
// types, properties, required ones, enums and patterns.
func misfits(s crdSchema, value any, path string) []string {
	var out []string
	switch v := value.(type) {
	case map[string]any:
		out = misfitsOfObject(s, v, path)
	case []any:
		for i, e := range v {
			out = append(out, misfits(*s.Items.Schema, e, fmt.Sprintf("%s[%d]", path, i))...)
		}
	case string:
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
			out = append(out, fmt.Sprintf("%s: %q does not match %s", path, v, s.Pattern))
		}
		isIt := func(e apiextensionsv1.JSON) bool { return string(e.Raw) == fmt.Sprintf("%q", v) }
		if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, isIt) {
			out = append(out, fmt.Sprintf("%s: %q is not in the enum", path, v))
		}
	}
	kinds := map[string]string{"map[string]interface {}": "object", "[]interface {}": "array", "string": "string",
		"bool": "boolean", "float64": "integer", "int64": "integer"}
	if is := kinds[fmt.Sprintf("%T", value)]; is != s.Type {
		out = append(out, fmt.Sprintf("%s is %s, want %s", path, is, s.Type))
	}
	return out
}

func misfitsOfObject(s crdSchema, v map[string]any, path string) []string {
	var out []string
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			out = append(out, path+"."+name+" is required")
		}
	}
	for name, below := range v {
		switch p, ok := s.Properties[name]; {
		case ok && name == "metadata" && path == "":
		case ok:
			out = append(out, misfits(p, below, path+"."+name)...)
		case s.AdditionalProperties == nil:
			out = append(out, path+"."+name+" is unknown")
		}
	}
	return out
}

func TestMisfits(t *testing.T) {
	s := schemaOf(t, "kustomize.toolkit.fluxcd.io_kustomizations.yaml")
	bad := map[string]any{"spec": map[string]any{
		"interval": "5 minutes", "prune": "yes", "deletionPolicy": "Never", "nonsense": true,
	}}
	if got := misfits(s, bad, ""); len(got) != 5 {
		t.Errorf("misfits = %q, want five: interval, prune, deletionPolicy, nonsense, sourceRef", got)
	}
}

func asMap(t *testing.T, v any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func manifest(t *testing.T, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, data).Object
}

func TestKustomizationFitsItsCRD(t *testing.T) {
	s := schemaOf(t, "kustomize.toolkit.fluxcd.io_kustomizations.yaml")
	obj := manifest(t, "kustomization.yaml")
	app := Kustomization(&unstructured.Unstructured{Object: obj}, nil)
	app.Health.All = true
	app.Warnings = []model.Warning{{Type: model.WarnField, Message: "spec.a"}}
	for _, r := range []model.Report{
		{Generation: 1, Ready: true, Snapshot: snapshot("main", commitA), Applied: commitA,
			Resources: []model.ResourceState{resource("ConfigMap", "a", model.Synced)}},
		{Generation: 1, Stage: model.StageHealth, Err: errors.New("x"), Snapshot: snapshot("main", commitA)},
		{Generation: 1, Stage: model.StageSpec, Err: model.As(model.ErrInvalid, errors.New("x"))},
	} {
		status := KustomizationStatus(kustomizev1.KustomizationStatus{ObservedGeneration: -1}, app, r, "token", clock(0))
		obj["status"] = asMap(t, status)
		accepts(t, s, obj)
	}
}

func TestSourcesFitTheirCRDs(t *testing.T) {
	for _, kind := range []string{"GitRepository", "OCIRepository", "Bucket", "HelmRepository"} {
		t.Run(kind, func(t *testing.T) {
			s := schemaOf(t, "source.toolkit.fluxcd.io_"+strings.ToLower(kind)[:len(kind)-1]+plural[kind[len(kind)-1:]]+".yaml")
			obj := manifest(t, strings.ToLower(kind)+".yaml")
			d := SourceOf(&unstructured.Unstructured{Object: obj}, nil)
			snap := snapshot("main", commitA)
			if kind != "GitRepository" {
				snap = &model.Snapshot{Revision: "sha256:" + commitA, Digest: "sha256:" + commitB, Metadata: map[string]string{"a": "b"}}
			}
			for _, state := range []model.SourceState{{Snapshot: snap}, {Err: model.As(model.ErrDenied, errors.New("x"))}} {
				status := SourceStatusOf(SourceStatus{ObservedGeneration: -1}, d, state, nil, "token", clock(0))
				if status.Artifact == nil && state.Snapshot != nil {
					t.Fatal("no artifact")
				}
				obj["status"] = asMap(t, status)
				accepts(t, s, obj)
			}
		})
	}
}

var plural = map[string]string{"y": "ies", "t": "ts"}
