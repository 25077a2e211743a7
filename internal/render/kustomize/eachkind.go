package kustomize

import (
	"sigs.k8s.io/kustomize/api/filters/annotations"
	"sigs.k8s.io/kustomize/api/filters/imagetag"
	"sigs.k8s.io/kustomize/api/filters/labels"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// The steps of this file are the library's transformers that try a long list of
// fields on every object, with the fields that can't apply to the object's kind
// left out.

// byKind are the specifications that apply to a kind.
type byKind struct {
	all   types.FsSlice
	found map[resid.Gvk]types.FsSlice
}

func newByKind(all types.FsSlice) *byKind {
	return &byKind{all: all, found: map[resid.Gvk]types.FsSlice{}}
}

func (k *byKind) of(r *resource.Resource) types.FsSlice {
	group, version := resid.ParseGroupVersion(r.GetApiVersion())
	gvk := resid.Gvk{Group: group, Version: version, Kind: r.GetKind()}
	specs, ok := k.found[gvk]
	if ok {
		return specs
	}
	for _, s := range k.all {
		if (s.Kind == "" || s.Kind == gvk.Kind) && (s.Group == "" || s.Group == group) && (s.Version == "" || s.Version == version) {
			specs = append(specs, s)
		}
	}
	k.found[gvk] = specs
	return specs
}

// labelStep sets labels.
type labelStep struct {
	labels map[string]string
	specs  types.FsSlice
}

// Transform sets them.
func (s *labelStep) Transform(m resmap.ResMap) error {
	if len(s.labels) == 0 {
		return nil
	}
	specs := newByKind(s.specs)
	return each(m, func(r *resource.Resource) kio.Filter {
		return labels.Filter{Labels: s.labels, FsSlice: specs.of(r)}
	})
}

// annotationStep sets annotations.
type annotationStep struct {
	annotations map[string]string
	specs       types.FsSlice
}

// Transform sets them.
func (s *annotationStep) Transform(m resmap.ResMap) error {
	specs := newByKind(s.specs)
	return each(m, func(r *resource.Resource) kio.Filter {
		return annotations.Filter{Annotations: s.annotations, FsSlice: specs.of(r)}
	})
}

// imageStep changes an image.
type imageStep struct {
	image types.Image
	specs types.FsSlice
}

// Transform changes it wherever containers are, and in other fields that may
// have images.
func (s *imageStep) Transform(m resmap.ResMap) error {
	err := each(m, func(r *resource.Resource) kio.Filter {
		if !mentions(r.YNode(), "containers", "initContainers") {
			return nil
		}
		return imagetag.LegacyFilter{ImageTag: s.image}
	})
	if err != nil {
		return err
	}
	specs := newByKind(s.specs)
	return each(m, func(r *resource.Resource) kio.Filter {
		return imagetag.Filter{ImageTag: s.image, FsSlice: specs.of(r)}
	})
}

// mentions reports whether a field of one of the names is anywhere in a value.
func mentions(n *yaml.Node, names ...string) bool {
	if n == nil {
		return false
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			for _, name := range names {
				if child.Value == name {
					return true
				}
			}
			continue
		}
		if mentions(child, names...) {
			return true
		}
	}
	return false
}

// each applies to every resource the filter made for it; nil is none.
func each(m resmap.ResMap, filter func(*resource.Resource) kio.Filter) error {
	for _, r := range m.Resources() {
		if r.IsNilOrEmpty() {
			continue
		}
		if f := filter(r); f != nil {
			if err := r.ApplyFilter(f); err != nil {
				return err
			}
		}
	}
	return nil
}
