package flux

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Finalizer is Flux's: an object that bears it is deleted only after its
// controller has cleaned up.
const Finalizer = "finalizers.fluxcd.io"

// AllowEmptyAnnotation, set to "true" on a Kustomization, permits that a build
// without objects prunes everything.
const AllowEmptyAnnotation = "fixpoint-cd.github.io/allow-empty"

// honouredKustomization are the fields of a Kustomization's spec.
var honouredKustomization = fields{
	"buildMetadata":  nil,
	"commonMetadata": {"labels": nil, "annotations": nil},
	"components":     nil,
	"decryption":     nil,
	"deletionPolicy": nil,
	"dependsOn":      {"name": nil, "namespace": nil},
	"force":          nil,
	"healthChecks":   {"apiVersion": nil, "kind": nil, "name": nil, "namespace": nil},

	"ignoreMissingComponents": nil,

	"images":     honouredImage,
	"interval":   nil,
	"kubeConfig": nil,
	"namePrefix": nil,
	"nameSuffix": nil,
	"patches":    honouredPatch,
	"path":       nil,
	"postBuild": {
		"substitute": nil, "substituteFrom": {"kind": nil, "name": nil, "optional": nil}, "substituteStrategy": nil,
	},
	"prune":              nil,
	"retryInterval":      nil,
	"serviceAccountName": nil,
	"sourceRef":          {"apiVersion": nil, "kind": nil, "name": nil, "namespace": nil},
	"suspend":            nil,
	"targetNamespace":    nil,
	"timeout":            nil,
	"wait":               nil,
}

// Kustomization is what the Kustomization asks for, given what RefsOf it hold. It never
// fails: what is wrong with the object is in App.Invalid, and fields that are
// not honoured are in App.Warnings. An object that is being deleted is Deleting
// if its objects have to go first, Invalid if that can't be done, and neither if
// it may go at once.
func Kustomization(obj *unstructured.Unstructured, in Contents) model.App {
	app := model.App{
		Key:        appKeyOf(obj.GetKind(), obj.GetNamespace(), obj.GetName()),
		Generation: obj.GetGeneration(),
		Manager:    Manager,
		Deletion:   model.Background,
	}
	spec, _, _ := unstructured.NestedMap(obj.Object, "spec")
	app.Warnings = fieldWarnings(obj.GetKind(), spec, honouredKustomization)
	app.Spec = specDigest(spec, in.digest())
	app.Secrets = in.secrets()

	k, err := kustomizationOf(obj)
	if err != nil {
		app.Invalid = model.As(model.ErrInvalid, err)
		return app
	}
	render, err := renderOf(k, in)
	app.Sources = []model.AppSource{{
		Key:    SourceKeyOf(k.Spec.SourceRef.Kind, sourceNamespace(k), k.Spec.SourceRef.Name),
		Render: render,
	}}
	app.Sync = syncOf(k)
	app.Health = healthOf(k)
	app.Suspended = k.Spec.Suspend
	app.DependsOn = dependenciesOf(obj.GetKind(), k.Namespace, k.Spec.DependsOn)
	app.Known = knownOf(k.Status.Inventory)
	app.Applied = appliedOf(k.Spec.SourceRef.Kind, k.Status.LastAppliedRevision)
	switch {
	case k.DeletionTimestamp == nil:
		app.Invalid = model.As(model.ErrInvalid, refusal(k))
		if app.Invalid == nil {
			app.Invalid = err
		}
	case deletesObjects(k):
		app.Invalid = model.As(model.ErrInvalid, deletionRefusal(k))
		app.Deleting = app.Invalid == nil
	}
	return app
}

// RefsOf are the Secrets and ConfigMaps that a Kustomization or HelmRelease
// names beside its source.
func RefsOf(obj *unstructured.Unstructured) []Ref {
	if obj.GetKind() == helmv2.HelmReleaseKind {
		return helmReleaseRefs(obj)
	}
	k, err := kustomizationOf(obj)
	if err != nil {
		return nil
	}
	return slices.Concat(decryptionRefs(k), substituteRefs(k))
}

// kustomizationOf decodes the object. A status that can't be read counts as
// none.
func kustomizationOf(obj *unstructured.Unstructured) (kustomizev1.Kustomization, error) {
	var k kustomizev1.Kustomization
	if decode(obj.Object, &k) == nil {
		return k, nil
	}
	k = kustomizev1.Kustomization{}
	withoutStatus := maps.Clone(obj.Object)
	delete(withoutStatus, "status")
	return k, decode(withoutStatus, &k)
}

func sourceNamespace(k kustomizev1.Kustomization) string {
	if ns := k.Spec.SourceRef.Namespace; ns != "" {
		return ns
	}
	return k.Namespace
}

// renderOf is how the files become objects. The error is about what the
// Kustomization refers to.
func renderOf(k kustomizev1.Kustomization, in Contents) (model.Render, error) {
	spec := k.Spec
	r := model.Render{
		Path: spec.Path,
		Tool: model.ToolKustomize,
		Kustomize: model.Kustomize{
			Generate:   true,
			Namespace:  spec.TargetNamespace,
			NamePrefix: spec.NamePrefix,
			NameSuffix: spec.NameSuffix,
			Images:     imagesOf(spec.Images),
			Patches:    patchesOf(spec.Patches),
			Components: spec.Components,

			IgnoreMissingComponents: spec.IgnoreMissingComponents,
			// As Flux builds: files may lie anywhere in the source.
			Unrestricted: true,
		},
	}
	for _, option := range spec.BuildMetadata {
		r.Kustomize.BuildMetadata = append(r.Kustomize.BuildMetadata, string(option))
	}
	if m := spec.CommonMetadata; m != nil {
		r.Labels, r.Annotations = m.Labels, m.Annotations
	}
	var decryption, substitution error
	r.Decrypt, decryption = decryptOf(k, in)
	r.Substitute, substitution = substituteOf(k, in)
	return r, errors.Join(decryption, substitution)
}

func imagesOf(images []kustomize.Image) []model.Image {
	var out []model.Image
	for _, i := range images {
		out = append(out, model.Image{Name: i.Name, NewName: i.NewName, NewTag: i.NewTag, Digest: i.Digest})
	}
	return out
}

func patchesOf(patches []kustomize.Patch) []model.Patch {
	var out []model.Patch
	for _, p := range patches {
		patch := model.Patch{Patch: p.Patch}
		if t := p.Target; t != nil {
			patch.Target = &model.PatchTarget{
				Group: t.Group, Version: t.Version, Kind: t.Kind, Name: t.Name, Namespace: t.Namespace,
				LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector,
			}
		}
		out = append(out, patch)
	}
	return out
}

// syncOf are Flux's rules: it applies, heals and retries for ever, at a fixed
// pause.
func syncOf(k kustomizev1.Kustomization) model.Sync {
	return model.Sync{
		Auto:       true,
		SelfHeal:   true,
		Prune:      k.Spec.Prune,
		AllowEmpty: k.Annotations[AllowEmptyAnnotation] == "true",
		Defaults:   model.Traits{Validate: model.Yes}, // a field that nobody knows is refused
		Recreate:   k.Spec.Force,

		Retry:    model.Retry{Limit: -1, Base: k.GetRetryInterval(), Factor: 1},
		Interval: k.Spec.Interval.Duration,
		Timeout:  max(k.GetTimeout(), 30*time.Second),
	}
}

func dependenciesOf(kind, namespace string, dependencies []meta.DependencyReference) []model.AppKey {
	var out []model.AppKey
	for _, d := range dependencies {
		out = append(out, appKeyOf(kind, cmp.Or(d.Namespace, namespace), d.Name))
	}
	return out
}

func knownOf(inventory *kustomizev1.ResourceInventory) []model.ObjectRef {
	if inventory == nil {
		return nil
	}
	var out []model.ObjectRef
	for _, e := range inventory.Entries {
		if ref, err := ParseEntry(e); err == nil {
			out = append(out, ref)
		}
	}
	return out
}
