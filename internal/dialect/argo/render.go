package argo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// renderOf reads how the files become objects. A block of settings that is there
// decides the tool; an empty one is as none.
func renderOf(app model.AppKey, spec v1alpha1.ApplicationSpec) (model.Render, error) {
	s := spec.Source
	r := model.Render{Path: s.Path}
	directory := s.Directory != nil && !isZero(*s.Directory)
	kustomize := s.Kustomize != nil && !isZero(*s.Kustomize)
	switch {
	case directory && kustomize:
		return r, errors.New("spec.source: directory and kustomize are both set: keep one of them")
	case directory:
		r.Tool = "directory"
		r.Directory = model.Directory{
			Recurse: s.Directory.Recurse, Include: s.Directory.Include, Exclude: s.Directory.Exclude,
		}
	case kustomize:
		var err error
		r.Tool = "kustomize"
		r.Kustomize, err = kustomizeOf(s.Kustomize, buildEnv(app, spec))
		return r, err
	}
	return r, nil
}

func kustomizeOf(k *v1alpha1.ApplicationSourceKustomize, env environment) (model.Kustomize, error) {
	out := model.Kustomize{
		Namespace: k.Namespace, NamePrefix: k.NamePrefix, NameSuffix: k.NameSuffix,
		Components: k.Components, IgnoreMissingComponents: k.IgnoreMissingComponents,
		LabelWithoutSelector: k.LabelWithoutSelector, LabelTemplates: k.LabelIncludeTemplates,
		ForceLabels: k.ForceCommonLabels, ForceAnnotations: k.ForceCommonAnnotations,
		Labels: env.expandAll("commonLabels", k.CommonLabels), Annotations: k.CommonAnnotations,
	}
	if k.CommonAnnotationsEnvsubst {
		out.Annotations = env.expandAll("commonAnnotations", k.CommonAnnotations)
	}
	for _, text := range k.Images {
		image, err := imageOf(env.expand("images", text))
		if err != nil {
			return out, err
		}
		out.Images = append(out.Images, image)
	}
	for _, r := range k.Replicas {
		n, err := countOf(r.Count)
		if err != nil {
			return out, fmt.Errorf("spec.source.kustomize.replicas: count of %q: %w", r.Name, err)
		}
		out.Replicas = append(out.Replicas, model.Replicas{Name: r.Name, Count: n})
	}
	for _, p := range k.Patches {
		out.Patches = append(out.Patches, patchOf(p))
	}
	return out, env.err()
}

func countOf(v intstr.IntOrString) (int64, error) {
	n := int64(v.IntVal)
	if v.Type == intstr.String {
		var err error
		if n, err = strconv.ParseInt(v.StrVal, 10, 32); err != nil {
			return 0, fmt.Errorf("%q is not a number", v.StrVal)
		}
	}
	if n < 0 {
		return 0, fmt.Errorf("%d is negative", n)
	}
	return n, nil
}

func patchOf(p v1alpha1.KustomizePatch) model.Patch {
	out := model.Patch{Path: p.Path, Patch: p.Patch, Options: p.Options}
	if t := p.Target; t != nil {
		out.Target = &model.PatchTarget{
			Group: t.Group, Version: t.Version, Kind: t.Kind, Name: t.Name, Namespace: t.Namespace,
			LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector,
		}
	}
	return out
}

// imageOf reads [old=]new[:tag|@digest].
func imageOf(text string) (model.Image, error) {
	old, repl, renamed := strings.Cut(text, "=")
	if !renamed {
		repl = old
	}
	image := model.Image{Name: old}
	name, digest, hasDigest := strings.Cut(repl, "@")
	image.Digest = digest
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, image.NewTag = name[:i], name[i+1:]
	}
	if renamed {
		image.NewName = name
	} else {
		image.Name = name
	}
	if image.Name == "" || name == "" || (hasDigest && digest == "") {
		return image, fmt.Errorf("spec.source.kustomize.images: %q is not [old=]new[:tag|@digest]", text)
	}
	return image, nil
}
