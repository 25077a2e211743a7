package render

import (
	"maps"
	"os"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// expand puts the variables of the build environment in where they count: in
// the images and labels of Kustomize, in the parameters and the names of files
// of Helm, in the variables of Jsonnet, in the environment of a plugin. So a
// variable that is used nowhere, such as that of the revision, is no part of
// what the render is remembered by. $NAME and ${NAME} stand for a variable, or
// for nothing if there is none of that name, and $$ for $.
//
// Without an environment nothing is expanded. What remains of it is a plugin's.
func expand(spec model.Render) model.Render {
	if spec.Env == nil {
		return spec
	}
	e := environment(spec.Env)
	e.kustomize(&spec.Kustomize)
	e.helm(&spec.Helm)
	e.jsonnet(&spec.Directory.Jsonnet)
	spec.Plugin.Env = each(spec.Plugin.Env, func(v *model.NameValue) { v.Value = e.text(v.Value) })
	if spec.Tool != model.ToolPlugin {
		spec.Env = nil
	}
	return spec
}

type environment map[string]string

func (e environment) text(s string) string {
	return os.Expand(s, func(name string) string {
		if name == "$" {
			return name
		}
		return e[name]
	})
}

func (e environment) values(m map[string]string) map[string]string {
	m = maps.Clone(m)
	for name, v := range m {
		m[name] = e.text(v)
	}
	return m
}

func (e environment) kustomize(k *model.Kustomize) {
	k.Images = each(k.Images, func(i *model.Image) {
		i.Name, i.NewName, i.NewTag, i.Digest = e.text(i.Name), e.text(i.NewName), e.text(i.NewTag), e.text(i.Digest)
	})
	k.Labels = e.values(k.Labels)
	if k.ExpandAnnotations {
		k.Annotations = e.values(k.Annotations)
	}
}

func (e environment) helm(h *model.Helm) {
	h.Parameters = each(h.Parameters, func(p *model.HelmParameter) { p.Value = e.text(p.Value) })
	h.ValueFiles = each(h.ValueFiles, func(name *string) { *name = e.text(*name) })
	h.FileParameters = each(h.FileParameters, func(p *model.NameValue) { p.Value = e.text(p.Value) })
}

func (e environment) jsonnet(j *model.Jsonnet) {
	expanded := func(v *model.JsonnetVar) { v.Value = e.text(v.Value) }
	j.ExtVars, j.TLAs = each(j.ExtVars, expanded), each(j.TLAs, expanded)
}

// each is a copy of list with all its elements changed.
func each[T any](list []T, change func(*T)) []T {
	list = slices.Clone(list)
	for i := range list {
		change(&list[i])
	}
	return list
}
