package kustomize

import (
	"errors"
	"fmt"
	"path"

	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other way to the library's transformers
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/yaml"
)

// chartPlugin is the kind of generator that the library starts helm for.
const chartPlugin = "HelmChartInflationGenerator"

// plugins are those that generators, transformers and validators may name, by
// their kind. All are part of the library, and none starts a process.
var plugins = map[string]func() resmap.Configurable{
	"ConfigMapGenerator":             func() resmap.Configurable { return builtins.NewConfigMapGeneratorPlugin() },
	"IAMPolicyGenerator":             func() resmap.Configurable { return builtins.NewIAMPolicyGeneratorPlugin() },
	"SecretGenerator":                func() resmap.Configurable { return builtins.NewSecretGeneratorPlugin() },
	"AnnotationsTransformer":         func() resmap.Configurable { return builtins.NewAnnotationsTransformerPlugin() },
	"HashTransformer":                func() resmap.Configurable { return builtins.NewHashTransformerPlugin() },
	"ImageTagTransformer":            func() resmap.Configurable { return builtins.NewImageTagTransformerPlugin() },
	"LabelTransformer":               func() resmap.Configurable { return builtins.NewLabelTransformerPlugin() },
	"NamespaceTransformer":           func() resmap.Configurable { return builtins.NewNamespaceTransformerPlugin() },
	"PatchJson6902Transformer":       func() resmap.Configurable { return builtins.NewPatchJson6902TransformerPlugin() },
	"PatchStrategicMergeTransformer": func() resmap.Configurable { return builtins.NewPatchStrategicMergeTransformerPlugin() },
	"PatchTransformer":               func() resmap.Configurable { return builtins.NewPatchTransformerPlugin() },
	"PrefixSuffixTransformer": func() resmap.Configurable {
		return prefixSuffix{builtins.NewPrefixTransformerPlugin(), builtins.NewSuffixTransformerPlugin()}
	},
	"PrefixTransformer":       func() resmap.Configurable { return builtins.NewPrefixTransformerPlugin() },
	"SuffixTransformer":       func() resmap.Configurable { return builtins.NewSuffixTransformerPlugin() },
	"ReplacementTransformer":  func() resmap.Configurable { return builtins.NewReplacementTransformerPlugin() },
	"ReplicaCountTransformer": func() resmap.Configurable { return builtins.NewReplicaCountTransformerPlugin() },
	"ValueAddTransformer":     func() resmap.Configurable { return builtins.NewValueAddTransformerPlugin() },
}

// prefixSuffix does both with one configuration.
type prefixSuffix struct{ prefix, suffix resmap.TransformerPlugin }

// Config configures both.
func (p prefixSuffix) Config(h *resmap.PluginHelpers, text []byte) error {
	return errors.Join(p.prefix.Config(h, text), p.suffix.Config(h, text))
}

// Transform does both.
func (p prefixSuffix) Transform(m resmap.ResMap) error {
	if err := p.prefix.Transform(m); err != nil {
		return err
	}
	return p.suffix.Transform(m)
}

// configs are the configurations of plugins that entries write out, or name.
func (t *target) configs(field string, entries []string) ([]*resource.Resource, error) {
	a := newAccumulator()
	var paths []string
	for _, entry := range entries {
		made, err := t.b.factory.NewResMapFromBytes([]byte(entry))
		if err != nil {
			paths = append(paths, entry)
			continue
		}
		if t.origin != nil {
			for _, r := range made.Resources() {
				if err := r.SetOrigin(t.origin.Append(path.Base(t.file))); err != nil {
					return nil, t.wrong(field, err)
				}
			}
		}
		if err := a.add(made.Resources()); err != nil {
			return nil, t.wrong(field, err)
		}
	}
	if err := t.resources(a, field, paths); err != nil {
		return nil, err
	}
	return a.made.Resources(), nil
}

// plugin is what a configuration configures.
func (t *target) plugin(r *resource.Resource) (resmap.Configurable, error) {
	gvk := r.GetGvk()
	if gvk.Group != "" || gvk.Version != konfig.BuiltinPluginApiVersion {
		return nil, faultf("%s %s is no plugin that is built in; no program of a source is ever run", r.GetKind(), r.GetName())
	}
	text, err := r.AsYAML()
	if err != nil {
		return nil, err
	}
	if gvk.Kind == chartPlugin {
		return t.chartGenerator(text)
	}
	make, ok := plugins[gvk.Kind]
	if !ok {
		return nil, faultf("no plugin called %q is built in", gvk.Kind)
	}
	p := make()
	if err := p.Config(t.helpers(), text); err != nil {
		return nil, fmt.Errorf("%s %s: %w", gvk.Kind, r.GetName(), err)
	}
	return p, nil
}

// generatorPlugins adds what plugins generate.
func (t *target) generatorPlugins(a *accumulator) error {
	configs, err := t.configs("generators", t.kust.Generators)
	if err != nil {
		return err
	}
	for _, r := range configs {
		p, err := t.plugin(r)
		if err != nil {
			return t.wrong("generators", err)
		}
		g, ok := p.(resmap.Generator)
		if !ok {
			return t.wrong("generators", faultf("%s generates nothing; name it under transformers", r.GetKind()))
		}
		origin, err := resource.OriginFromCustomPlugin(r)
		if err != nil {
			return t.wrong("generators", err)
		}
		made, err := g.Generate()
		if err == nil && made != nil {
			err = made.AddOriginAnnotation(origin)
		}
		if err == nil {
			err = a.made.AbsorbAll(made)
		}
		if err != nil {
			return t.wrong("generators", fmt.Errorf("%s: %w", r.GetKind(), err))
		}
	}
	return nil
}

// transformerPlugins are those that entries configure.
func (t *target) transformerPlugins(field string, entries []string) (list []step, err error) {
	configs, err := t.configs(field, entries)
	if err != nil {
		return nil, err
	}
	for _, r := range configs {
		p, err := t.plugin(r)
		if err != nil {
			return nil, t.wrong(field, err)
		}
		tr, ok := p.(resmap.Transformer)
		if !ok {
			return nil, t.wrong(field, faultf("%s transforms nothing; name it under generators", r.GetKind()))
		}
		origin, err := resource.OriginFromCustomPlugin(r)
		if err != nil {
			return nil, t.wrong(field, err)
		}
		list = append(list, step{field: field, Transformer: tr, origin: origin})
	}
	return list, nil
}

// chartGenerator is our Helm in the place of the library's.
func (t *target) chartGenerator(text []byte) (resmap.Configurable, error) {
	g := &chartGenerator{t: t}
	return g, yaml.Unmarshal(text, g)
}
