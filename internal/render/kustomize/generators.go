package kustomize

import (
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/kv"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
)

// generate adds what generators make, or merges it into what a has.
func (t *target) generate(a *accumulator) error {
	for _, args := range t.kust.ConfigMapGenerator {
		args.Options = types.MergeGlobalOptionsIntoLocal(args.Options, t.kust.GeneratorOptions)
		made, err := t.b.factory.FromConfigMapArgs(kv.NewLoader(t.pairs(args.KvPairSources), t.b.validator), args)
		if err := t.absorb(a, "configMapGenerator", args.Name, "ConfigMapGenerator", made, err); err != nil {
			return err
		}
	}
	for _, args := range t.kust.SecretGenerator {
		args.Options = types.MergeGlobalOptionsIntoLocal(args.Options, t.kust.GeneratorOptions)
		made, err := t.b.factory.FromSecretArgs(kv.NewLoader(t.pairs(args.KvPairSources), t.b.validator), args)
		if err := t.absorb(a, "secretGenerator", args.Name, "SecretGenerator", made, err); err != nil {
			return err
		}
	}
	for _, chart := range t.kust.HelmCharts {
		made, err := t.chart(t.globals(), chart)
		if err := t.absorb(a, "helmCharts", chart.Name, "HelmChartInflationGenerator", made, err); err != nil {
			return err
		}
	}
	return t.generatorPlugins(a)
}

// absorb takes what a generator of the kustomization file made.
func (t *target) absorb(a *accumulator, field, name, kind string, made resmap.ResMap, err error) error {
	if err == nil {
		err = made.AddOriginAnnotation(t.inPlace(kind))
	}
	if err == nil {
		err = a.made.AbsorbAll(made)
	}
	if err != nil {
		return t.wrong(fmt.Sprintf("%s: %s", field, name), err)
	}
	return t.b.in.Check()
}

// pairs is a loader of what a ConfigMap or Secret is made of, which decrypts a
// file as what it becomes there.
func (t *target) pairs(from types.KvPairSources) *loader {
	l := *t.load
	l.as = map[string]string{}
	for _, file := range from.FileSources {
		key, name, ok := strings.Cut(file, "=")
		if !ok {
			name, key = file, path.Base(file)
		}
		l.as[strings.TrimSpace(name)] = key
	}
	for _, name := range append([]string{from.EnvSource}, from.EnvSources...) {
		l.as[name] = name + ".env"
	}
	return &l
}
