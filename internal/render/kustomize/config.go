package kustomize

import (
	"slices"
	"sort"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"
)

// config says where transformers look, in the format of the files that
// configurations names.
type config struct {
	NamePrefix                types.FsSlice  `json:"namePrefix,omitempty"`
	NameSuffix                types.FsSlice  `json:"nameSuffix,omitempty"`
	NameSpace                 types.FsSlice  `json:"namespace,omitempty"`
	CommonLabels              types.FsSlice  `json:"commonLabels,omitempty"`
	Labels                    types.FsSlice  `json:"labels,omitempty"`
	TemplateLabels            types.FsSlice  `json:"templateLabels,omitempty"`
	VolumeClaimTemplateLabels types.FsSlice  `json:"volumeClaimTemplateLabels,omitempty"`
	CommonAnnotations         types.FsSlice  `json:"commonAnnotations,omitempty"`
	NameReference             backReferences `json:"nameReference,omitempty"`
	VarReference              types.FsSlice  `json:"varReference,omitempty"`
	Images                    types.FsSlice  `json:"images,omitempty"`
	Replicas                  types.FsSlice  `json:"replicas,omitempty"`
}

// backReference is a kind, and where others name objects of it.
type backReference struct {
	resid.Gvk `json:",inline"`
	Referrers types.FsSlice `json:"fieldSpecs,omitempty"`
}

type backReferences []backReference

func parseConfig(text []byte) (*config, error) {
	c := &config{}
	if err := yaml.UnmarshalStrict(text, c); err != nil {
		return nil, err
	}
	c.sort()
	return c, nil
}

// lists are those of field specifications.
func (c *config) lists() []*types.FsSlice {
	return []*types.FsSlice{
		&c.NamePrefix, &c.NameSuffix, &c.NameSpace, &c.CommonAnnotations, &c.CommonLabels, &c.Labels,
		&c.TemplateLabels, &c.VolumeClaimTemplateLabels, &c.VarReference, &c.Images, &c.Replicas,
	}
}

// sort orders the lists as the library does, which decides what is done first.
func (c *config) sort() {
	for _, list := range c.lists() {
		sort.Sort(*list)
	}
	refs := c.NameReference
	sort.Sort(byGvk(refs))
}

type byGvk backReferences

func (s byGvk) Len() int           { return len(s) }
func (s byGvk) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s byGvk) Less(i, j int) bool { return s[i].Gvk.IsLessThan(s[j].Gvk) }

// merge is a configuration with all of both; nil adds nothing.
func (c *config) merge(other *config) (*config, error) {
	if other == nil || c == other {
		return c, nil
	}
	out := &config{}
	mine, its, to := c.lists(), other.lists(), out.lists()
	for i := range to {
		// The lists are shared between builds: the first addition has to copy.
		own := slices.Clip(*mine[i])
		merged, err := own.MergeAll(*its[i])
		if err != nil {
			return nil, err
		}
		*to[i] = append(types.FsSlice(nil), merged...)
	}
	var err error
	if out.NameReference, err = c.NameReference.merge(other.NameReference); err != nil {
		return nil, err
	}
	out.sort()
	return out, nil
}

func (s backReferences) merge(other backReferences) (backReferences, error) {
	out := append(backReferences(nil), s...)
	for _, o := range other {
		var err error
		if out, err = out.mergeOne(o); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s backReferences) mergeOne(other backReference) (backReferences, error) {
	found := false
	for i, r := range s {
		if !r.Gvk.Equals(other.Gvk) {
			continue
		}
		found = true
		merged, err := slices.Clip(r.Referrers).MergeAll(other.Referrers)
		if err != nil {
			return nil, err
		}
		s[i].Referrers = merged
	}
	if !found {
		s = append(s, other)
	}
	return s, nil
}
