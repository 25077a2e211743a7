package flux

import (
	"maps"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Finalizer is Flux's: an object that bears it is deleted only after its
// controller has cleaned up.
const Finalizer = "finalizers.fluxcd.io"

// AllowEmptyAnnotation, set to "true" on a Kustomization, permits that a build
// without objects prunes everything.
const AllowEmptyAnnotation = "fixpoint-cd.github.io/allow-empty"

// App is what the Kustomization asks for. It never fails: what is wrong with
// the object is in App.Invalid, and fields that are not honoured are in
// App.Warnings. An object that is being deleted is Deleting if its objects have
// to go first, Invalid if that can't be done, and neither if it may go at once.
func App(obj *unstructured.Unstructured) model.App {
	app := model.App{
		Key:        AppKeyOf(obj.GetNamespace(), obj.GetName()),
		Generation: obj.GetGeneration(),
		Manager:    Manager,
		Deletion:   "Background",
	}
	spec, _, _ := unstructured.NestedMap(obj.Object, "spec")
	app.Warnings = fieldWarnings(spec, honouredKustomization)
	app.Spec = specDigest(spec)

	k, err := kustomizationOf(obj)
	if err != nil {
		app.Invalid = model.As(model.ErrInvalid, err)
		return app
	}
	app.Sources = []model.AppSource{{
		Key:    SourceKeyOf(sourceNamespace(k), k.Spec.SourceRef.Name),
		Render: renderOf(k.Spec),
	}}
	if m := k.Spec.CommonMetadata; m != nil {
		app.Labels, app.Annotations = m.Labels, m.Annotations
	}
	app.Sync = syncOf(k)
	app.Health = healthOf(k)
	app.Suspended = k.Spec.Suspend
	app.DependsOn = dependenciesOf(k)
	app.Known = knownOf(k.Status.Inventory)
	app.Applied = commitOf(k.Status.LastAppliedRevision)
	if k.DeletionTimestamp == nil {
		app.Invalid = model.As(model.ErrInvalid, refusal(k))
	} else if deletesObjects(k) {
		app.Invalid = model.As(model.ErrInvalid, deletionRefusal(k))
		app.Deleting = app.Invalid == nil
	}
	return app
}

// AppKeyOf is the key of the Kustomization's app.
func AppKeyOf(namespace, name string) model.AppKey {
	return model.AppKey{Dialect: Dialect, Namespace: namespace, Name: name}
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

func renderOf(spec kustomizev1.KustomizationSpec) model.Render {
	return model.Render{
		Path: spec.Path,
		Kustomize: model.Kustomize{
			Generate:   true,
			Namespace:  spec.TargetNamespace,
			NamePrefix: spec.NamePrefix,
			NameSuffix: spec.NameSuffix,
			Images:     imagesOf(spec.Images),
			Patches:    patchesOf(spec.Patches),
			Components: spec.Components,

			IgnoreMissingComponents: spec.IgnoreMissingComponents,
		},
	}
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
		Recreate:   k.Spec.Force,

		Retry:    model.Retry{Limit: -1, Base: k.GetRetryInterval(), Factor: 1},
		Interval: k.Spec.Interval.Duration,
		Timeout:  max(k.GetTimeout(), 30*time.Second),
	}
}

func dependenciesOf(k kustomizev1.Kustomization) []model.AppKey {
	var out []model.AppKey
	for _, d := range k.Spec.DependsOn {
		ns := d.Namespace
		if ns == "" {
			ns = k.Namespace
		}
		out = append(out, AppKeyOf(ns, d.Name))
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
