package kustomize

import (
	"path"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"
)

// overlay lays the app's settings over its kustomization, in memory, and makes
// one where there is none and the app wants that.
func (b *build) overlay(k *kustFS) error {
	file, err := File(b.in.Files, b.dir)
	if err != nil {
		return err
	}
	var kust types.Kustomization
	switch {
	case file != "":
		b.origin = file
		if !b.changesKustomization() {
			return nil
		}
		if err := b.readKustomization(file, &kust); err != nil {
			return err
		}
	case b.in.Render.Kustomize.Generate:
		file, b.origin = path.Join(b.dir, "kustomization.yaml"), b.dir
		if kust.Resources, err = b.generate(); err != nil {
			return err
		}
		k.empty = len(kust.Resources) == 0
	default:
		return model.Invalidf("%s has no kustomization file (kustomization.yaml); add one, or read it as a directory", b.dir)
	}
	s := settings{b: b, file: file, kust: &kust}
	if err := s.apply(); err != nil {
		return err
	}
	text, err := yaml.Marshal(kust)
	if err != nil {
		return model.Invalidf("%s: laying the app's settings over it: %w", file, err)
	}
	k.replaced[file] = text
	return nil
}

// changesKustomization reports whether there is any setting to lay over.
func (b *build) changesKustomization() bool {
	s := b.in.Render.Kustomize
	return s.Namespace != "" || s.NamePrefix != "" || s.NameSuffix != "" || len(s.Images) > 0 ||
		len(s.Replicas) > 0 || len(s.Patches) > 0 || len(s.Components) > 0 || len(s.Labels) > 0 || len(s.Annotations) > 0
}

func (b *build) readKustomization(file string, kust *types.Kustomization) error {
	data, err := b.in.Files.Read(file)
	if err != nil {
		return err
	}
	if err := manifest.Guard(data); err != nil {
		return model.Invalidf("%s, %w", file, err)
	}
	if err := kust.Unmarshal(data); err != nil {
		return model.Invalidf("%s: %s", file, kustomizeProblem(err))
	}
	kust.FixKustomization()
	return nil
}

// settings changes a kustomization as `kustomize edit` would.
type settings struct {
	b    *build
	file string
	kust *types.Kustomization
}

func (s settings) apply() error {
	k := s.b.in.Render.Kustomize
	if k.Namespace != "" {
		s.kust.Namespace = k.Namespace
	}
	if k.NamePrefix != "" {
		s.kust.NamePrefix = k.NamePrefix
	}
	if k.NameSuffix != "" {
		s.kust.NameSuffix = k.NameSuffix
	}
	for _, i := range k.Images {
		s.image(i)
	}
	for _, r := range k.Replicas {
		s.replicas(r)
	}
	for _, p := range k.Patches {
		if err := s.patch(p); err != nil {
			return err
		}
	}
	for _, c := range k.Components {
		if err := s.component(c); err != nil {
			return err
		}
	}
	if err := s.labels(); err != nil {
		return err
	}
	return s.annotations()
}

// image replaces what i sets of an image with that name; tag and digest are
// one.
func (s settings) image(i model.Image) {
	at := slices.IndexFunc(s.kust.Images, func(o types.Image) bool { return o.Name == i.Name })
	if at < 0 {
		at = len(s.kust.Images)
		s.kust.Images = append(s.kust.Images, types.Image{Name: i.Name})
	}
	image := &s.kust.Images[at]
	if i.NewName != "" {
		image.NewName = i.NewName
	}
	if i.NewTag != "" || i.Digest != "" {
		image.NewTag, image.Digest, image.TagSuffix = i.NewTag, i.Digest, ""
	}
}

func (s settings) replicas(r model.Replicas) {
	s.kust.Replicas = slices.DeleteFunc(s.kust.Replicas, func(o types.Replica) bool { return o.Name == r.Name })
	s.kust.Replicas = append(s.kust.Replicas, types.Replica{Name: r.Name, Count: r.Count})
}

func (s settings) patch(p model.Patch) error {
	out := types.Patch{Path: p.Path, Patch: p.Patch}
	if (p.Path == "") == (p.Patch == "") {
		return model.Invalidf("a patch of the app's settings needs either a path or a patch")
	}
	if t := p.Target; t != nil {
		out.Target = &types.Selector{
			ResId: resid.ResId{
				Gvk:  resid.Gvk{Group: t.Group, Version: t.Version, Kind: t.Kind},
				Name: t.Name, Namespace: t.Namespace,
			},
			LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector,
		}
	}
	if len(p.Options) > 0 {
		out.Options = &types.PatchArgs{}
	}
	for name, on := range p.Options {
		switch name {
		case "allowNameChange":
			out.Options.AllowNameChange = on
		case "allowKindChange":
			out.Options.AllowKindChange = on
		default:
			return model.Invalidf("patch option %q is not known; there are allowNameChange and allowKindChange", name)
		}
	}
	s.kust.Patches = append(s.kust.Patches, out)
	return nil
}

func (s settings) component(c string) error {
	if path.IsAbs(c) || remoteBase.MatchString(c) {
		return model.Invalidf("component %q has to be a path relative to %s; copy what is remote into the source", c, s.b.dir)
	}
	at, err := input.Clean(path.Join(s.b.dir, c))
	if err != nil {
		return err
	}
	if s.b.in.Render.Kustomize.IgnoreMissingComponents {
		if k, err := s.b.in.Files.Kind(at); err != nil || k != input.Dir {
			return err
		}
	}
	if !slices.Contains(s.kust.Components, c) {
		s.kust.Components = append(s.kust.Components, c)
	}
	return nil
}

func (s settings) labels() error {
	k := s.b.in.Render.Kustomize
	if len(k.Labels) == 0 {
		return nil
	}
	for key, value := range k.Labels {
		for _, pairs := range append([]map[string]string{s.kust.CommonLabels}, labelPairs(s.kust.Labels)...) {
			if err := s.override(pairs, "label", key, value, k.ForceLabels); err != nil {
				return err
			}
		}
	}
	s.kust.Labels = slices.DeleteFunc(s.kust.Labels, func(l types.Label) bool { return len(l.Pairs) == 0 })
	s.kust.Labels = append(s.kust.Labels, types.Label{
		Pairs:            k.Labels,
		IncludeSelectors: !k.LabelWithoutSelector,
		IncludeTemplates: k.LabelWithoutSelector && k.LabelTemplates,
	})
	return nil
}

func labelPairs(labels []types.Label) (pairs []map[string]string) {
	for _, l := range labels {
		pairs = append(pairs, l.Pairs)
	}
	return pairs
}

func (s settings) annotations() error {
	k := s.b.in.Render.Kustomize
	for key, value := range k.Annotations {
		if err := s.override(s.kust.CommonAnnotations, "annotation", key, value, k.ForceAnnotations); err != nil {
			return err
		}
		if s.kust.CommonAnnotations == nil {
			s.kust.CommonAnnotations = map[string]string{}
		}
		s.kust.CommonAnnotations[key] = value
	}
	return nil
}

// override takes key out of pairs, which has to be forced if it has another
// value there.
func (s settings) override(pairs map[string]string, what, key, value string, force bool) error {
	old, there := pairs[key]
	if there && old != value && !force {
		return model.Invalidf("%s %q is set in %s already; force it in the app's settings, or remove one", what, key, s.file)
	}
	delete(pairs, key)
	return nil
}
