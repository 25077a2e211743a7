package kustomize

import (
	"fmt"
	"slices"

	"sigs.k8s.io/kustomize/api/filters/refvar"
	"sigs.k8s.io/kustomize/api/types"
)

// resolveVars puts the values of variables in where $(NAME) stands for them.
func (a *accumulator) resolveVars() error {
	values := map[string]any{}
	for _, v := range a.vars.AsSlice() {
		value, err := a.value(v)
		if err != nil {
			return err
		}
		values[v.Name] = value
	}
	if len(values) == 0 {
		return nil
	}
	replace := refvar.MakePrimitiveReplacer(map[string]int{}, values)
	for _, r := range a.made.Resources() {
		for _, at := range a.config.VarReference {
			if err := r.ApplyFilter(refvar.Filter{MappingFunc: replace, FieldSpec: at}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *accumulator) value(v types.Var) (any, error) {
	for _, r := range a.made.Resources() {
		if !slices.Contains(r.GetRefVarNames(), v.Name) {
			continue
		}
		value, err := r.GetFieldValue(v.FieldRef.FieldPath)
		if err != nil {
			return nil, fmt.Errorf("%s: %s has no field %q", v.Name, r.CurId(), v.FieldRef.FieldPath)
		}
		return value, nil
	}
	return nil, fmt.Errorf("%s: no resource is %s %q", v.Name, v.ObjRef.Kind, v.ObjRef.Name)
}
