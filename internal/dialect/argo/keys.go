package argo

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Dialect is AppKey.Dialect of every app of this package.
const Dialect = "argo"

// Manager is the field manager of every write to a managed object.
const Manager = "argocd-controller"

// Annotations of an Application that are obeyed.
const (
	annotationRefresh = "argocd.argoproj.io/refresh"
	annotationSkip    = "argocd.argoproj.io/skip-reconcile"
)

// Key is the key of an Application.
func Key(namespace, name string) model.AppKey {
	return model.AppKey{Dialect: Dialect, Namespace: namespace, Name: name}
}

// SourceKey is the key of an Application's source: "argo/<namespace>/<name>".
func SourceKey(app model.AppKey) model.SourceKey { return model.SourceKey(app.String()) }

func keyOf(u *unstructured.Unstructured) model.AppKey { return Key(u.GetNamespace(), u.GetName()) }
