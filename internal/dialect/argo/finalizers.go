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

// Orphan, Foreground and Background are what becomes of the objects of an Application
// that is deleted.
const (
	Orphan     = "Orphan"
	Foreground = "Foreground"
	Background = "Background"
)

// cascade reports whether the Application is being deleted together with its
// objects, and how they are deleted.
func cascade(u *unstructured.Unstructured) (deleting bool, policy string) {
	if u.GetDeletionTimestamp() == nil {
		return false, ""
	}
	if policy = Cascade(u); policy == Orphan {
		return false, ""
	}
	return true, policy
}

// Cascade is what the Application's finalizers say of its deletion.
func Cascade(u *unstructured.Unstructured) string {
	held := u.GetFinalizers()
	switch {
	case slices.Contains(held, finalizerBackground):
		return Background
	case slices.Contains(held, finalizer), slices.Contains(held, finalizerForeground):
		return Foreground
	}
	return Orphan
}

// Cascading are the Application's finalizers, with what says that of its deletion. Others
// stay as they are.
func Cascading(u *unstructured.Unstructured, policy string) []string {
	if Cascade(u) == policy {
		return u.GetFinalizers()
	}
	held := slices.DeleteFunc(slices.Clone(u.GetFinalizers()), func(f string) bool {
		return f == finalizer || f == finalizerForeground || f == finalizerBackground
	})
	switch policy {
	case Foreground:
		return append(held, finalizer)
	case Background:
		return append(held, finalizerBackground)
	}
	return held
}
