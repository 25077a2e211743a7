package kustomize

import (
	"fmt"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// accumulator is what a kustomization and those below it have made so far.
type accumulator struct {
	made   resmap.ResMap
	config *config
	vars   types.VarSet
}

func newAccumulator() *accumulator {
	return &accumulator{made: resmap.New(), config: &config{}, vars: types.NewVarSet()}
}

// add adds resources. Two with the same identity are an error.
func (a *accumulator) add(more []*resource.Resource) error {
	if len(more) == 0 {
		return nil
	}
	all := append(a.made.Resources(), more...)
	if err := distinct(all); err != nil {
		return err
	}
	made, err := resources(all)
	if err == nil {
		a.made = made
	}
	return err
}

// distinct refuses two resources with one identity.
func distinct(list []*resource.Resource) error {
	seen := make(map[identity]bool, len(list))
	for _, r := range list {
		id := identify(r)
		if seen[id] {
			return fmt.Errorf("%s is there twice; rename one, or patch it instead", r.CurId())
		}
		seen[id] = true
	}
	return nil
}

// identity is what may be there only once.
type identity struct{ group, version, kind, name, namespace string }

func identify(r *resource.Resource) identity {
	id := r.CurId()
	return identity{id.Group, id.Version, id.Kind, id.Name, id.EffectiveNamespace()}
}

// resources is a map of resources that differ. The library's own way to make
// one compares each with all.
func resources(list []*resource.Resource) (resmap.ResMap, error) {
	nodes := make([]*yaml.RNode, 0, len(list))
	var kept []*resource.Resource
	for _, r := range list {
		if !r.IsNilOrEmpty() {
			nodes, kept = append(nodes, &r.RNode), append(kept, r)
		}
	}
	m := resmap.New()
	err := m.ApplyFilter(kio.FilterFunc(func([]*yaml.RNode) ([]*yaml.RNode, error) { return nodes, nil }))
	if err != nil {
		return nil, err
	}
	for i, r := range m.Resources() {
		for _, name := range kept[i].GetRefVarNames() {
			r.AppendRefVarName(types.Var{Name: name})
		}
	}
	return m, nil
}

// merge adds all of another accumulator, which is not used any more.
func (a *accumulator) merge(other *accumulator) (err error) {
	if a.made.Size() == 0 {
		a.made = other.made
	} else if err := a.add(other.made.Resources()); err != nil {
		return err
	}
	if a.config, err = a.config.merge(other.config); err != nil {
		return err
	}
	return a.vars.MergeSet(other.vars)
}

// addVars adds variables, and notes at the resources that have their values
// that they do.
func (a *accumulator) addVars(vars []types.Var) error {
	for _, v := range vars {
		want := resid.NewResIdWithNamespace(v.ObjRef.GVK(), v.ObjRef.Name, v.ObjRef.Namespace)
		matches := want.GvknEquals
		if want.Namespace != "" || want.IsClusterScoped() {
			matches = want.Equals
		}
		found := a.made.GetMatchingResourcesByAnyId(matches)
		if len(found) > 1 {
			return fmt.Errorf("%d resources could have the value of %q", len(found), v.Name)
		}
		if len(found) == 1 {
			found[0].AppendRefVarName(v)
		}
	}
	return a.vars.MergeSlice(vars)
}

// dropLocal leaves out what is for Kustomize only.
func (a *accumulator) dropLocal() error {
	var ids []resid.ResId
	for _, r := range a.made.Resources() {
		if r.IsNilOrEmpty() {
			continue
		}
		meta, err := r.GetValidatedMetadata()
		if err != nil {
			return fmt.Errorf("%s: %w", r.CurId(), err)
		}
		if local, ok := meta.Annotations[konfig.IgnoredByKustomizeAnnotation]; ok && local != "false" {
			ids = append(ids, r.CurId())
		}
	}
	for _, id := range ids {
		if err := a.made.Remove(id); err != nil {
			return err
		}
	}
	return nil
}
