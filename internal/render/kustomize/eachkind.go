package kustomize

import (
	"regexp"

	"sigs.k8s.io/kustomize/api/filters/annotations"
	"sigs.k8s.io/kustomize/api/filters/imagetag"
	"sigs.k8s.io/kustomize/api/filters/labels"
	"sigs.k8s.io/kustomize/api/filters/namespace"
	"sigs.k8s.io/kustomize/api/konfig"
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

// namespaceStep puts everything into a namespace, but for what a chart made.
type namespaceStep struct {
	namespace string
	specs     types.FsSlice
}

// Transform puts it there. That two resources become one is noticed at the end:
// all get the same namespace, so that those that meet stay together.
func (s *namespaceStep) Transform(m resmap.ResMap) error {
	specs := newByKind(s.specs)
	err := each(m, func(r *resource.Resource) kio.Filter {
		if r.GetAnnotations(konfig.HelmGeneratedAnnotation)[konfig.HelmGeneratedAnnotation] == "true" {
			return nil
		}
		remember(r)
		return namespace.Filter{
			Namespace: s.namespace, FsSlice: specs.of(r), SetRoleBindingSubjects: namespace.DefaultSubjectsOnly,
		}
	})
	if err != nil {
		return err
	}
	return distinct(m.Resources())
}

// imageStep changes an image.
type imageStep struct {
	image types.Image
	specs types.FsSlice
}

// Transform changes it wherever containers are, and in other fields that may
// have images. The library takes the image's name for the beginning of a
// regular expression.
func (s *imageStep) Transform(m resmap.ResMap) error {
	name, err := regexp.Compile("^" + s.image.Name)
	if err != nil {
		name = regexp.MustCompile("") // the library will judge what it is
	}
	specs := newByKind(s.specs)
	for _, legacy := range []bool{true, false} {
		err := each(m, func(r *resource.Resource) kio.Filter {
			switch {
			case !holds(r.YNode(), name):
				return nil
			case legacy:
				return imagetag.LegacyFilter{ImageTag: s.image}
			}
			return imagetag.Filter{ImageTag: s.image, FsSlice: specs.of(r)}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// holds reports whether a value, or one in it, matches.
func holds(n *yaml.Node, name *regexp.Regexp) bool {
	if n == nil {
		return false
	}
	if n.Kind == yaml.ScalarNode {
		return name.MatchString(n.Value)
	}
	for i, child := range n.Content {
		if isKey := n.Kind == yaml.MappingNode && i%2 == 0; !isKey && holds(child, name) {
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
