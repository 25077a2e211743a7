package argo

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The finalizers by which the deletion of an Application takes its objects along.
const (
	finalizer           = "resources-finalizer.argocd.argoproj.io"
	finalizerForeground = finalizer + "/foreground"
	finalizerBackground = finalizer + "/background"
)

// cascade reports whether the Application is being deleted together with its
// objects, and how they are deleted.
func cascade(u *unstructured.Unstructured) (deleting bool, policy string) {
	if u.GetDeletionTimestamp() == nil {
		return false, ""
	}
	held := u.GetFinalizers()
	if slices.Contains(held, finalizerBackground) {
		return true, "Background"
	}
	if slices.Contains(held, finalizer) || slices.Contains(held, finalizerForeground) {
		return true, "Foreground"
	}
	return false, ""
}
