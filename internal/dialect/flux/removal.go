package flux

import (
	"fmt"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Removal says what becomes of the objects of a Kustomization or HelmRelease when it is
// deleted: model.Foreground or model.Background, or model.Orphan where they stay. Why says why they
// do, or why the deletion would not come to its end.
func Removal(obj *unstructured.Unstructured) (policy, why string) {
	if obj.GetKind() == helmv2.HelmReleaseKind {
		return helmRemoval(obj)
	}
	k, err := kustomizationOf(obj)
	switch {
	case err != nil:
		return model.Orphan, err.Error()
	case deletesObjects(k):
		return model.Background, reason(deletionRefusal(k))
	case k.Spec.Suspend:
		return model.Orphan, "it is suspended"
	case k.GetDeletionPolicy() == kustomizev1.DeletionPolicyOrphan:
		return model.Orphan, "spec.deletionPolicy is Orphan"
	case !slices.Contains(k.Finalizers, Finalizer):
		return model.Orphan, notTakenUp
	case !k.Spec.Prune && k.GetDeletionPolicy() == kustomizev1.DeletionPolicyMirrorPrune:
		return model.Orphan, "spec.prune is false"
	}
	return model.Orphan, fmt.Sprintf("nothing of it was applied: %v", rightsRefusal(k))
}

const notTakenUp = "it does not bear the finalizer " + Finalizer

func helmRemoval(obj *unstructured.Unstructured) (policy, why string) {
	hr, err := helmReleaseOf(obj)
	switch policy := deletionOf(hr); {
	case err != nil:
		return model.Orphan, err.Error()
	case hr.Spec.Suspend:
		return model.Orphan, "it is suspended"
	case !slices.Contains(hr.Finalizers, Finalizer):
		return model.Orphan, notTakenUp
	case len(helmKnown(hr.Status.Inventory)) == 0 && helmRights(hr) != nil:
		return model.Orphan, fmt.Sprintf("nothing of it was applied: %v", helmRights(hr))
	case policy == model.Orphan:
		return policy, "spec.uninstall.deletionPropagation is orphan"
	default:
		return policy, reason(helmRights(hr))
	}
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
