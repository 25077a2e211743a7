package flux

import (
	"maps"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The kinds that are read, at the versions that Flux serves.
var kinds = map[string]schema.GroupVersionKind{
	kustomizev1.KustomizationKind: kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind),
	helmv2.HelmReleaseKind:        helmv2.GroupVersion.WithKind(helmv2.HelmReleaseKind),
	sourcev1.GitRepositoryKind:    sourcev1.GroupVersion.WithKind(sourcev1.GitRepositoryKind),
	sourcev1.OCIRepositoryKind:    sourcev1.GroupVersion.WithKind(sourcev1.OCIRepositoryKind),
	sourcev1.HelmRepositoryKind:   sourcev1.GroupVersion.WithKind(sourcev1.HelmRepositoryKind),
	sourcev1.HelmChartKind:        sourcev1.GroupVersion.WithKind(sourcev1.HelmChartKind),
	sourcev1.BucketKind:           sourcev1.GroupVersion.WithKind(sourcev1.BucketKind),
	sourcev1.ExternalArtifactKind: sourcev1.GroupVersion.WithKind(sourcev1.ExternalArtifactKind),
	notificationv1.ReceiverKind:   notificationv1.GroupVersion.WithKind(notificationv1.ReceiverKind),
}

// Kinds are all kinds of objects that are read, ordered by their names.
func Kinds() []schema.GroupVersionKind {
	var out []schema.GroupVersionKind
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		out = append(out, kinds[kind])
	}
	return out
}

// Declares reports whether objects of the kind declare an app.
func Declares(kind schema.GroupKind) bool {
	return kind == kinds[kustomizev1.KustomizationKind].GroupKind() || kind == kinds[helmv2.HelmReleaseKind].GroupKind()
}

func newObject(kind string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kinds[kind])
	return u
}

func newList(kind string) *unstructured.UnstructuredList {
	gvk := kinds[kind]
	gvk.Kind += "List"
	u := &unstructured.UnstructuredList{}
	u.SetGroupVersionKind(gvk)
	return u
}

// object is an object of the dialect by its kind and name.
type object struct {
	kind string
	types.NamespacedName
}

func objectOf(u *unstructured.Unstructured) object {
	return object{u.GetKind(), types.NamespacedName{Namespace: u.GetNamespace(), Name: u.GetName()}}
}

// String is the object as "Kind namespace/name".
func (o object) String() string { return o.kind + " " + o.NamespacedName.String() }

// key is the subscription of a source object, or the one that an app has for
// itself.
func (o object) key() model.SourceKey { return SourceKeyOf(o.kind, o.Namespace, o.Name) }

// SourceKeyOf is the key of the subscription of a source object, as
// "flux/<kind>/<namespace>/<name>".
func SourceKeyOf(kind, namespace, name string) model.SourceKey {
	return model.SourceKey(Dialect + "/" + kind + "/" + namespace + "/" + name)
}

// ofKey is the inverse of SourceKeyOf.
func ofKey(key model.SourceKey) (object, bool) {
	parts := strings.Split(string(key), "/")
	if len(parts) != 4 || parts[0] != Dialect {
		return object{}, false
	}
	return object{parts[1], types.NamespacedName{Namespace: parts[2], Name: parts[3]}}, true
}

// AppKeyOf is the key of a Kustomization's app.
func AppKeyOf(namespace, name string) model.AppKey {
	return model.AppKey{Dialect: Dialect, Namespace: namespace, Name: name}
}

// HelmAppKeyOf is the key of a HelmRelease's app.
func HelmAppKeyOf(namespace, name string) model.AppKey {
	return model.AppKey{Dialect: HelmDialect, Namespace: namespace, Name: name}
}

func appKeyOf(kind, namespace, name string) model.AppKey {
	if kind == helmv2.HelmReleaseKind {
		return HelmAppKeyOf(namespace, name)
	}
	return AppKeyOf(namespace, name)
}
