package kustomize

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"
)

// The extensions of a definition that tell Kustomize what a field is.
const (
	extAnnotation = "x-kubernetes-annotation"
	extSelector   = "x-kubernetes-label-selector"
	extIdentity   = "x-kubernetes-identity"
	extRefVersion = "x-kubernetes-object-ref-api-version"
	extRefKind    = "x-kubernetes-object-ref-kind"
	extRefNameKey = "x-kubernetes-object-ref-name-key"
)

// maxDefinition is how deep definitions may refer to each other.
const maxDefinition = 64

// definitions are OpenAPI definitions by the name of their type.
type definitions map[string]struct {
	Schema struct{ Properties map[string]property }
}

// property is what counts of the schema of a field.
type property map[string]json.RawMessage

func (p property) text(name string) (v string, ok bool) {
	return v, json.Unmarshal(p[name], &v) == nil
}

// crdConfig is what the definitions of custom resources say about their fields.
func crdConfig(text []byte) (*config, error) {
	var all definitions
	var err error
	if strings.HasPrefix(string(text), "{") {
		err = json.Unmarshal(text, &all)
	} else {
		err = yaml.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, err
	}
	out := &config{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fields := all[name].Schema.Properties
		if !hasAll(fields, "kind", "apiVersion", "metadata") {
			continue
		}
		parts := strings.Split(name, ".")
		w := definitionWalk{all: all, kind: resid.Gvk{Kind: parts[len(parts)-1]}, config: &config{}}
		if err := w.walk(name, nil); err != nil {
			return nil, err
		}
		if out, err = out.merge(w.config); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func hasAll(fields map[string]property, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, ok := fields[name]
		return !ok
	})
}

// definitionWalk goes through the definition of a kind.
type definitionWalk struct {
	all    definitions
	kind   resid.Gvk
	config *config
}

func (w definitionWalk) walk(name string, at []string) error {
	if len(at) > maxDefinition {
		return faultf("definitions refer to each other more than %d levels deep", maxDefinition)
	}
	fields := w.all[name].Schema.Properties
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		here := append(slices.Clip(at), field)
		if err := w.property(fields[field], here); err != nil {
			return err
		}
		if ref, ok := fields[field].text("$ref"); ok && ref != "" {
			if err := w.walk(ref, here); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w definitionWalk) property(p property, at []string) (err error) {
	here := types.FieldSpec{Gvk: w.kind, Path: strings.Join(at, "/")}
	for name, list := range map[string]*types.FsSlice{
		extAnnotation: &w.config.CommonAnnotations,
		extSelector:   &w.config.CommonLabels,
		extIdentity:   &w.config.NamePrefix,
	} {
		if _, ok := p.text(name); ok {
			if *list, err = list.MergeOne(here); err != nil {
				return err
			}
		}
	}
	version, hasVersion := p.text(extRefVersion)
	kind, hasKind := p.text(extRefKind)
	if !hasVersion || !hasKind {
		return nil
	}
	key, ok := p.text(extRefNameKey)
	if !ok {
		key = "name"
	}
	here.Path += "/" + key
	w.config.NameReference, err = w.config.NameReference.mergeOne(backReference{
		Gvk: resid.Gvk{Kind: kind, Version: version}, Referrers: types.FsSlice{here},
	})
	return err
}
