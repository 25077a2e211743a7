package kustomize

import (
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
)

// postRendered names what is laid over objects in memory, in messages.
const postRendered = "post-renderer"

// Patch lays settings over objects as if they were the resources of a
// kustomization. Objects keep their Origin; those that a patch adds have none.
// Files that the settings name are those of the app's source, from its root.
func Patch(in *input.Inputs, objects []model.Object, set model.Kustomize) ([]model.Object, error) {
	if len(objects) == 0 {
		return nil, nil
	}
	b := newBuild(in, set, Options{})
	load := &loader{b: b, files: in.Files, dir: "."}
	s := settings{b: b, dir: ".", file: postRendered, kust: &types.Kustomization{}}
	if err := s.apply(); err != nil {
		return nil, err
	}
	s.kust.FixKustomization()
	origins := map[identity]string{}
	return b.guarded(func() ([]model.Object, error) {
		made, err := b.over(settled{load: load, kust: s.kust, file: postRendered}, objects, origins)
		if err != nil {
			return nil, err
		}
		out := make([]model.Object, 0, made.Size())
		for _, r := range made.Resources() {
			o, err := object(postRendered, r)
			if err != nil {
				return nil, err
			}
			o.Origin = origins[identify(r)]
			out = append(out, o)
		}
		return out, nil
	})
}

// over builds a kustomization that has objects as its resources. origins gets
// the Origin of what comes of each.
func (b *build) over(s settled, objects []model.Object, origins map[identity]string) (resmap.ResMap, error) {
	list, err := b.fromObjects(objects)
	if err != nil {
		return nil, b.wrong(postRendered, err)
	}
	a := newAccumulator()
	if err := a.add(list); err != nil {
		return nil, b.wrong(postRendered, err)
	}
	was := map[identity]string{}
	for i, r := range list {
		was[identify(r)] = objects[i].Origin
	}
	t := &target{b: b, load: s.load, kust: s.kust, file: s.file, isRoot: true}
	if err := t.accumulate(a); err != nil {
		return nil, err
	}
	before := make([]string, 0, len(list))
	for _, r := range a.made.Resources() {
		id := r.OrgId()
		before = append(before, was[identity{id.Group, id.Version, id.Kind, id.Name, id.EffectiveNamespace()}])
	}
	made, err := t.finish(a)
	if err != nil || made.Size() != len(before) {
		return made, err
	}
	for i, r := range made.Resources() {
		origins[identify(r)] = before[i]
	}
	return made, nil
}
