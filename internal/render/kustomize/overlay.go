package kustomize

import (
	"path"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// overlay is the kustomization in dir with the app's settings laid over it, in
// memory, or one that is made where there is none and the app wants that; nil
// if there is nothing to build.
func (b *build) overlay(dir string) (*settled, error) {
	load := &loader{b: b, files: b.in.Files, dir: dir, free: b.set.Generate || b.set.Unrestricted}
	s := settled{load: load}
	file, err := File(load.files, dir)
	if err != nil {
		return nil, err
	}
	switch {
	case file != "" || !b.set.Generate:
		if s.kust, s.file, err = b.readKustomization(load); err != nil {
			return nil, err
		}
		s.origin = s.file
	default:
		s.kust, s.file, s.origin = &types.Kustomization{}, path.Join(dir, "kustomization.yaml"), dir
		if s.kust.Resources, err = b.manifests(dir); err != nil || len(s.kust.Resources) == 0 {
			return nil, err
		}
		s.kust.FixKustomization()
	}
	over := settings{b: b, dir: dir, file: s.file, kust: s.kust}
	return &s, over.apply()
}

// settings changes a kustomization as `kustomize edit` would.
type settings struct {
	b         *build
	dir, file string
	kust      *types.Kustomization
}

func (s settings) apply() error {
	k := s.b.set
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
	if err := s.buildMetadata(); err != nil {
		return err
	}
	return s.annotations()
}

// keep, for Argo CD, keeps what the kustomization says of an image.
const keep = "*"

// image changes an image with that name. Flux leaves alone what i does not set,
// tag and digest being one; Argo CD, with `kustomize edit set image`, puts i in
// the place of what is there.
func (s settings) image(i model.Image) {
	at := slices.IndexFunc(s.kust.Images, func(o types.Image) bool { return o.Name == i.Name })
	if at < 0 {
		at = len(s.kust.Images)
		s.kust.Images = append(s.kust.Images, types.Image{Name: i.Name})
	}
	image := &s.kust.Images[at]
	if !s.b.set.Generate {
		kept := func(to, from string) string {
			if to == keep {
				return from
			}
			return to
		}
		*image = types.Image{
			Name: i.Name, NewName: kept(i.NewName, image.NewName),
			NewTag: kept(i.NewTag, image.NewTag), Digest: kept(i.Digest, image.Digest),
		}
		return
	}
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

// component adds a component. Flux wants them in the source.
func (s settings) component(c string) error {
	if looksRemote.MatchString(c) && !s.b.set.Generate {
		s.kust.Components = append(s.kust.Components, c)
		return nil
	}
	if path.IsAbs(c) || looksRemote.MatchString(c) {
		return model.Invalidf("component %q has to be a path relative to %s; copy what is remote into the source", c, s.dir)
	}
	at, err := input.Clean(path.Join(s.dir, c))
	if err != nil {
		return err
	}
	if s.b.set.IgnoreMissingComponents {
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
	k := s.b.set
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

// buildMetadata adds what the app wants to know of the build.
func (s settings) buildMetadata() error {
	for _, option := range s.b.set.BuildMetadata {
		if !slices.Contains(types.BuildMetadataOptions, option) {
			return model.Invalidf("buildMetadata option %q is not known; there are %s", option, strings.Join(types.BuildMetadataOptions, ", "))
		}
		if !slices.Contains(s.kust.BuildMetadata, option) {
			s.kust.BuildMetadata = append(s.kust.BuildMetadata, option)
		}
	}
	return nil
}

func labelPairs(labels []types.Label) (pairs []map[string]string) {
	for _, l := range labels {
		pairs = append(pairs, l.Pairs)
	}
	return pairs
}

func (s settings) annotations() error {
	k := s.b.set
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
