package kustomize

import (
	"encoding/json"
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// objects takes what was built out of the library.
func (b *build) objects(made resmap.ResMap, origin string) ([]model.Object, error) {
	if b.in.MaxObjects > 0 && made.Size() > b.in.MaxObjects {
		return nil, model.Invalidf("%s makes %d objects, more than the limit of %d; split the app", origin, made.Size(), b.in.MaxObjects)
	}
	objects := make([]model.Object, 0, made.Size())
	for _, r := range made.Resources() {
		if err := b.in.Check(); err != nil {
			return nil, err
		}
		o, err := object(origin, r)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// object takes one out as JSON.
func object(origin string, r *resource.Resource) (model.Object, error) {
	place := fmt.Sprintf("%s: %s %s", origin, r.GetKind(), r.GetName())
	text, fields, ok := objectJSON(r.YNode())
	if !ok {
		m, err := r.Map()
		if err == nil {
			text, err = json.Marshal(m)
		}
		if err == nil {
			err = json.Unmarshal(text, &fields)
		}
		if err != nil {
			return model.Object{}, model.Invalidf("%s can't be written as JSON; are all keys of its maps strings?", place)
		}
	}
	o, err := manifest.New(place, fields, text)
	o.Origin = origin
	return o, err
}

// fromObjects are objects as resources.
func (b *build) fromObjects(objects []model.Object) ([]*resource.Resource, error) {
	list := make([]*resource.Resource, len(objects))
	for i, o := range objects {
		var doc yaml.Node
		if err := yaml.Unmarshal(o.JSON, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", o.ObjectKey, err)
		}
		list[i] = &resource.Resource{RNode: *yaml.NewRNode(&doc)}
	}
	return list, nil
}
