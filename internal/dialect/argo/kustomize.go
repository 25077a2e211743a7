package argo

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// kustomize reads the settings that are laid over a kustomization; nil is none.
// Its error begins with the name of a field.
func (r *rendering) kustomize(k *v1alpha1.ApplicationSourceKustomize) (model.Kustomize, error) {
	if k == nil {
		k = &v1alpha1.ApplicationSourceKustomize{}
	}
	out := model.Kustomize{
		Namespace: k.Namespace, NamePrefix: k.NamePrefix, NameSuffix: k.NameSuffix,
		Components: k.Components, IgnoreMissingComponents: k.IgnoreMissingComponents,
		Labels: k.CommonLabels, Annotations: k.CommonAnnotations, KubeVersion: k.KubeVersion, APIVersions: k.APIVersions,
		LabelWithoutSelector: k.LabelWithoutSelector, LabelTemplates: k.LabelIncludeTemplates,
		ExpandAnnotations: k.CommonAnnotationsEnvsubst,
		ForceLabels:       k.ForceCommonLabels, ForceAnnotations: k.ForceCommonAnnotations,
	}
	options := r.env.Settings.buildOptions(k.Version)
	options.apply(&out)
	if err := options.err(); err != nil && r.Kustomize != nil {
		r.warnings = append(r.warnings, fmt.Sprintf("ConfigMap %s: kustomize.buildOptions: %v", configMain, err))
	}
	for _, text := range k.Images {
		image, err := imageOf(text)
		if err != nil {
			return out, err
		}
		out.Images = append(out.Images, image)
	}
	for _, replica := range k.Replicas {
		n, err := countOf(replica.Count)
		if err != nil {
			return out, fmt.Errorf("kustomize.replicas: count of %q: %w", replica.Name, err)
		}
		out.Replicas = append(out.Replicas, model.Replicas{Name: replica.Name, Count: n})
	}
	for _, p := range k.Patches {
		out.Patches = append(out.Patches, patchOf(p))
	}
	return out, nil
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
		return image, fmt.Errorf("kustomize.images: %q is not [old=]new[:tag|@digest]", text)
	}
	return image, nil
}
