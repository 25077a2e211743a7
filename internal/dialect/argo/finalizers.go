package argo

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
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
	if policy = Cascade(u); policy == model.Orphan {
		return false, ""
	}
	return true, policy
}

// Cascade is what the Application's finalizers say of its deletion.
func Cascade(u *unstructured.Unstructured) string {
	held := u.GetFinalizers()
	switch {
	case slices.Contains(held, finalizerBackground):
		return model.Background
	case slices.Contains(held, finalizer), slices.Contains(held, finalizerForeground):
		return model.Foreground
	}
	return model.Orphan
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
	case model.Foreground:
		return append(held, finalizer)
	case model.Background:
		return append(held, finalizerBackground)
	}
	return held
}
