package demo

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The marks that Argo CD and Flux put on what they apply, and the names that
// they write by.
var (
	markAnnotation = "argocd.argoproj.io/tracking-id"
	markLabel      = "kustomize.toolkit.fluxcd.io/name"

	ours = map[string]bool{"argocd-controller": true, "kustomize-controller": true}
	// system are managers that are Kubernetes itself.
	system = map[string]bool{"kube-controller-manager": true}
)

// isMarked reports whether an app has applied the object.
func isMarked(u *unstructured.Unstructured) bool {
	return u != nil && (u.GetAnnotations()[markAnnotation] != "" || u.GetLabels()[markLabel] != "")
}

// content is what people declare of an object, to be compared.
func content(u *unstructured.Unstructured) string {
	c := u.DeepCopy()
	delete(c.Object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"} {
		unstructured.RemoveNestedField(c.Object, "metadata", field)
	}
	// Set by Kubernetes itself.
	unstructured.RemoveNestedField(c.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
	if len(c.GetAnnotations()) == 0 {
		unstructured.RemoveNestedField(c.Object, "metadata", "annotations")
	}
	data, err := json.Marshal(c.Object)
	if err != nil {
		return u.GetResourceVersion()
	}
	return string(data)
}

// editor is who else has changed the object, "" if it was Fixpoint or
// Kubernetes. A change by hand takes fields away from Fixpoint or adds to
// another manager's; Fixpoint's own does neither.
func editor(before, after *unstructured.Unstructured) string {
	was, is := owned(before), owned(after)
	for name := range ours {
		if len(is[name]) > len(was[name]) {
			return ""
		}
	}
	for name, fields := range is {
		if !ours[name] && !system[name] && fields != was[name] {
			return name
		}
	}
	return ""
}

// owned are the fields that each manager has, and since when.
func owned(u *unstructured.Unstructured) map[string]string {
	out := map[string]string{}
	for _, e := range u.GetManagedFields() {
		if e.Subresource == "" && e.FieldsV1 != nil {
			out[e.Manager] = stamp(e) + string(e.FieldsV1.GetRawBytes())
		}
	}
	return out
}

// stamp is the time of an entry, always of the same length.
func stamp(e metav1.ManagedFieldsEntry) string {
	if e.Time == nil {
		return "0000-00-00T00:00:00Z"
	}
	return e.Time.UTC().Format("2006-01-02T15:04:05Z")
}
