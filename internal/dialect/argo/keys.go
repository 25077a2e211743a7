package argo

import (
	"strconv"

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

// SourceKey is the key of an Application's first source: "argo/<namespace>/<name>".
// That of any other has its index as well: "argo/<namespace>/<name>/<index>".
func SourceKey(app model.AppKey) model.SourceKey { return model.SourceKey(app.String()) }

func keyOf(u *unstructured.Unstructured) model.AppKey { return Key(u.GetNamespace(), u.GetName()) }

// sourceKey is the key of the source with that index.
func sourceKey(app model.AppKey, index int) model.SourceKey {
	if index == 0 {
		return SourceKey(app)
	}
	return SourceKey(app) + model.SourceKey("/"+strconv.Itoa(index))
}
