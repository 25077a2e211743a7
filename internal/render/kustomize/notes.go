package kustomize

import (
	"slices"

	"sigs.k8s.io/kustomize/api/filters/prefix"
	"sigs.k8s.io/kustomize/api/filters/suffix"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// The library notes in annotations, which it removes at the end, what became of
// a resource's name.
const (
	notePrefixes   = konfig.ConfigAnnoDomain + "/prefixes"
	noteSuffixes   = konfig.ConfigAnnoDomain + "/suffixes"
	noteNames      = konfig.ConfigAnnoDomain + "/previousNames"
	noteNamespaces = konfig.ConfigAnnoDomain + "/previousNamespaces"
	noteKinds      = konfig.ConfigAnnoDomain + "/previousKinds"
)

// remember notes the identity that a resource has before it changes.
func remember(r *resource.Resource) {
	id := r.CurId()
	notes := annotationsOf(r)
	if notes == nil || id.Name == "" || id.Kind == "" {
		r.StorePreviousId()
		return
	}
	note(notes, noteNames, id.Name)
	note(notes, noteNamespaces, id.EffectiveNamespace())
	note(notes, noteKinds, id.Kind)
}

// annotationsOf is the map of a resource's annotations, made if it is missing;
// nil if there is something else.
func annotationsOf(r *resource.Resource) *yaml.Node {
	meta := fieldOf(r.YNode(), "metadata")
	if meta == nil || meta.Kind != yaml.MappingNode {
		return nil
	}
	notes := fieldOf(meta, "annotations")
	if notes == nil {
		notes = &yaml.Node{Kind: yaml.MappingNode, Tag: yaml.NodeTagMap}
		meta.Content = append(meta.Content, textNode("annotations"), notes)
	}
	if notes.Kind != yaml.MappingNode {
		return nil
	}
	return notes
}

func fieldOf(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func textNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagString, Value: s}
}

// note adds to what is noted under a name.
func note(notes *yaml.Node, name, value string) {
	if old := fieldOf(notes, name); old != nil {
		old.Value += "," + value
		return
	}
	notes.Content = append(notes.Content, textNode(name), textNode(value))
}

// affixStep adds a prefix or a suffix to names.
type affixStep struct {
	prefix, suffix string
	specs          types.FsSlice
}

// unnamed are kinds whose names mean something outside of the cluster's objects.
var unnamed = []resid.Gvk{
	{Kind: "CustomResourceDefinition"}, {Group: "apiregistration.k8s.io", Kind: "APIService"}, {Kind: "Namespace"},
}

// Transform adds it.
func (s *affixStep) Transform(m resmap.ResMap) error {
	for _, r := range m.Resources() {
		id := r.OrgId()
		if slices.ContainsFunc(unnamed, func(k resid.Gvk) bool { return id.IsSelected(&k) }) {
			continue
		}
		for _, field := range s.specs {
			if !id.IsSelected(&field.Gvk) {
				continue
			}
			if field.Path == types.MetadataNamePath {
				s.note(r)
			}
			var f kio.Filter = prefix.Filter{Prefix: s.prefix, FieldSpec: field}
			if s.suffix != "" {
				f = suffix.Filter{Suffix: s.suffix, FieldSpec: field}
			}
			if err := r.ApplyFilter(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *affixStep) note(r *resource.Resource) {
	if notes := annotationsOf(r); notes == nil {
		r.AddNamePrefix(s.prefix)
		r.AddNameSuffix(s.suffix)
	} else if s.prefix != "" {
		note(notes, notePrefixes, s.prefix)
	} else {
		note(notes, noteSuffixes, s.suffix)
	}
	remember(r)
}
