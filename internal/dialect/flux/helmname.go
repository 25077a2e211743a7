package flux

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Lengths of a release's name: Helm's limit, and what is left of a longer name
// before a hash of the whole.
const (
	maxRelease  = 53
	keptRelease = 40
	hashRelease = 12
)

// releaseName is the name of the Helm release: [<targetNamespace>-]<name> unless
// there is another.
func releaseName(hr helmv2.HelmRelease) string {
	if hr.Spec.ReleaseName != "" {
		return hr.Spec.ReleaseName
	}
	name := hr.Name
	if hr.Spec.TargetNamespace != "" {
		name = hr.Spec.TargetNamespace + "-" + name
	}
	if len(name) <= maxRelease {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:keptRelease] + "-" + hex.EncodeToString(sum[:])[:hashRelease]
}

func releaseNamespace(hr helmv2.HelmRelease) string {
	return cmp.Or(hr.Spec.TargetNamespace, hr.Namespace)
}

// chartName is the HelmChart that Flux makes of a HelmRelease's template: it is
// in the namespace of the chart's source.
func chartName(hr *unstructured.Unstructured, sourceNamespace string) types.NamespacedName {
	return types.NamespacedName{
		Namespace: cmp.Or(sourceNamespace, hr.GetNamespace()), Name: hr.GetNamespace() + "-" + hr.GetName(),
	}
}
