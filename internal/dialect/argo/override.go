package argo

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/dialect"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Files in a source's path that change the settings of its tool: of every
// Application, and over that of the one with the name.
const (
	overrideFile    = ".argocd-source.yaml"
	overrideFileFor = ".argocd-source-%s.yaml"
)

// overrides are what these files are laid over.
type overrides struct{ rendering }

// overridden keeps what is needed to read the settings again.
func (r *rendering) overridden() *overrides {
	s := r.env.Settings
	return &overrides{rendering{
		declared: r.declared, app: r.app,
		spec: v1alpha1.ApplicationSpec{Project: r.spec.Project, Destination: r.spec.Destination, Sources: r.spec.Sources},
		env:  Env{Settings: &Settings{off: s.off, kustomize: s.kustomize, valueSchemes: s.valueSchemes}},
	}}
}

// Files are the names, the one that counts more last.
func (o *overrides) Files() []string {
	return []string{overrideFile, fmt.Sprintf(overrideFileFor, o.app.Name)}
}

// Apply merges the files into the source, each as a JSON merge patch, and reads
// its settings again. Where the content comes from can't be changed.
func (o *overrides) Apply(files map[string][]byte) (model.Render, []string, error) {
	var merged map[string]any
	if err := json.Unmarshal(mustJSON(o.ApplicationSource), &merged); err != nil {
		return model.Render{}, nil, err
	}
	var texts []string
	for _, name := range o.Files() {
		text, ok := files[name]
		if !ok {
			continue
		}
		var patch map[string]any
		if err := yaml.Unmarshal(text, &patch); err != nil {
			return model.Render{}, nil, model.Invalidf("%s can't be read: write settings of a source, as in spec.source: %w", name, err)
		}
		for _, w := range dialect.Warnings(patch, sourceFields, nil) {
			texts = append(texts, name+": "+w.Message)
		}
		merged, _ = mergePatch(merged, patch).(map[string]any)
	}
	with := strings.Join(slices.Sorted(maps.Keys(files)), " and ")
	var source v1alpha1.ApplicationSource
	if err := decode(merged, &source); err != nil {
		return model.Render{}, nil, model.Invalidf("with %s: %w", with, err)
	}
	again := o.rendering
	again.Helm, again.Kustomize, again.Directory, again.Plugin = source.Helm, source.Kustomize, source.Directory, source.Plugin
	out, err := again.render()
	if err != nil {
		return out, nil, model.Invalidf("with %s: %s.%w", with, o.at, err)
	}
	return out, append(texts, again.warnings...), nil
}

// mergePatch lays a JSON merge patch (RFC 7396) over a value.
func mergePatch(value, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	old, _ := value.(map[string]any)
	merged := maps.Clone(old)
	if merged == nil {
		merged = map[string]any{}
	}
	for name, change := range changes {
		if change == nil {
			delete(merged, name)
		} else {
			merged[name] = mergePatch(merged[name], change)
		}
	}
	return merged
}
