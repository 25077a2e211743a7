package flux

import (
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// IsSource reports whether objects of the kind declare a source.
func IsSource(kind string) bool {
	switch kind {
	case sourcev1.GitRepositoryKind, sourcev1.OCIRepositoryKind, sourcev1.BucketKind, sourcev1.HelmRepositoryKind,
		sourcev1.HelmChartKind, sourcev1.ExternalArtifactKind:
		return true
	}
	return false
}

// SourceOf is what a source object asks for. parent is the object that a
// HelmChart takes its chart from, nil if there is none. It never fails: what is
// wrong with the object is in Declaration.Invalid.
func SourceOf(obj, parent *unstructured.Unstructured) Declaration {
	switch obj.GetKind() {
	case sourcev1.GitRepositoryKind:
		return gitRepository(obj)
	case sourcev1.OCIRepositoryKind:
		return ociRepository(obj)
	case sourcev1.BucketKind:
		return bucket(obj)
	case sourcev1.HelmRepositoryKind:
		return helmRepository(obj)
	case sourcev1.HelmChartKind:
		return helmChart(obj, parent)
	}
	return externalArtifact(obj)
}

// externalArtifact refuses the artifacts that other controllers put up for
// download: Fixpoint makes none, and reads nobody else's.
func externalArtifact(obj *unstructured.Unstructured) Declaration {
	d := Declaration{Kind: obj.GetKind(), Namespace: obj.GetNamespace(), Name: obj.GetName(), UID: obj.GetUID(), Generation: obj.GetGeneration()}
	return d.refuse(invalidSpecReason, model.Invalidf(
		"artifacts of other controllers are not read yet: use the source that %s %s/%s is made of", d.Kind, d.Namespace, d.Name))
}
