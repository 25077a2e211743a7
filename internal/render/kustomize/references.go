package kustomize

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/filters/nameref"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/utils"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// references writes the new names of resources where others refer to them by
// the old ones. The library's filter does that, for one field of one resource
// and all that it could refer to; it is asked only where there is such a field,
// and a resource that has had the name in it.
func (b *build) references(a *accumulator) error {
	f := referenceFinder{all: a.made, named: map[string][]*resource.Resource{}}
	for _, r := range a.made.Resources() {
		for _, id := range r.PrevIds() {
			if !slices.Contains(f.named[id.Name], r) {
				f.named[id.Name] = append(f.named[id.Name], r)
			}
		}
	}
	fields := newReferrers(a.config.NameReference)
	for _, r := range a.made.Resources() {
		if err := b.in.Check(); err != nil {
			return err
		}
		if err := f.update(r, fields.of(r.OrgId())); err != nil {
			return err
		}
	}
	return nil
}

// reference is a field that names an object of a kind.
type reference struct {
	field  types.FieldSpec
	path   []string
	target resid.Gvk
}

// referrers are the references of each kind.
type referrers struct {
	all   backReferences
	found map[resid.Gvk][]reference
}

func newReferrers(all backReferences) *referrers {
	return &referrers{all: all, found: map[resid.Gvk][]reference{}}
}

func (s *referrers) of(id resid.ResId) []reference {
	if list, ok := s.found[id.Gvk]; ok {
		return list
	}
	var list []reference
	for _, back := range s.all {
		for _, field := range back.Referrers {
			if id.IsSelected(&field.Gvk) {
				list = append(list, reference{field, utils.PathSplitter(field.Path, "/"), back.Gvk})
			}
		}
	}
	s.found[id.Gvk] = list
	return list
}

// referenceFinder knows which resources have had which names.
type referenceFinder struct {
	all   resmap.ResMap
	named map[string][]*resource.Resource
}

// update writes the new names into one resource.
func (f referenceFinder) update(r *resource.Resource, fields []reference) error {
	for _, field := range fields {
		at := fieldsAt{}
		at.find(r.YNode(), field.path)
		among, err := f.among(at)
		if err != nil {
			return err
		}
		if among == nil {
			continue
		}
		candidates, err := among.SubsetThatCouldBeReferencedByResource(r)
		if err != nil {
			return err
		}
		err = r.ApplyFilter(nameref.Filter{
			Referrer: r, NameFieldToUpdate: field.field, ReferralTarget: field.target, ReferralCandidates: candidates,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// among are the resources that could be meant by what is in a field: those that
// have had one of the names, or all where more than the name counts; nil if the
// field needs nothing.
func (f referenceFinder) among(at fieldsAt) (resmap.ResMap, error) {
	if at.odd || at.maps {
		return f.all, nil
	}
	var list []*resource.Resource
	for _, name := range at.names {
		for _, r := range f.named[name] {
			if !slices.Contains(list, r) {
				list = append(list, r)
			}
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	return resources(list)
}

// fieldsAt is what there is at a path.
type fieldsAt struct {
	names []string
	// maps: there is an object with a name in it. odd: there is something that
	// the library has to judge.
	maps, odd bool
}

// find goes down a path as the library does: lists are gone through.
func (at *fieldsAt) find(n *yaml.Node, path []string) {
	if n == nil || n.Tag == yaml.NodeTagNull {
		return
	}
	if n.Kind == yaml.SequenceNode && len(path) > 0 {
		for _, item := range n.Content {
			at.find(item, path)
		}
		return
	}
	if len(path) == 0 {
		at.leaf(n)
		return
	}
	if n.Kind != yaml.MappingNode {
		at.odd = true
		return
	}
	name, isList := strings.CutSuffix(path[0], "[]")
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != name {
			continue
		}
		if isList && n.Content[i+1].Tag == yaml.NodeTagNull {
			at.odd = true
		}
		at.find(n.Content[i+1], path[1:])
		return
	}
}

func (at *fieldsAt) leaf(n *yaml.Node) {
	switch n.Kind {
	case yaml.ScalarNode:
		at.names = append(at.names, n.Value)
	case yaml.MappingNode:
		at.maps = true
	case yaml.SequenceNode:
		for _, item := range n.Content {
			switch {
			case item.Tag == yaml.NodeTagNull:
			case item.Kind == yaml.ScalarNode:
				at.names = append(at.names, item.Value)
			case item.Kind == yaml.MappingNode:
				at.maps = true
			default:
				at.odd = true
			}
		}
	default:
		at.odd = true
	}
}
