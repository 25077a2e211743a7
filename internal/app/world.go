package app

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// manifests are objects that stand for a cluster's.
type manifests []*unstructured.Unstructured

var _ client.Reader = manifests(nil)

// Get finds an object by kind, namespace and name, at whatever version.
func (m manifests) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	kind := into.GetObjectKind().GroupVersionKind().Kind
	switch into.(type) {
	case *corev1.Secret:
		kind = "Secret"
	case *corev1.ConfigMap:
		kind = "ConfigMap"
	case *corev1.ServiceAccount:
		kind = "ServiceAccount"
	}
	for _, u := range m {
		if u.GetKind() == kind && u.GetNamespace() == key.Namespace && u.GetName() == key.Name {
			return m.convert(u, into)
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: kind}, key.String())
}

func (manifests) convert(u *unstructured.Unstructured, into client.Object) error {
	if to, ok := into.(*unstructured.Unstructured); ok {
		u.DeepCopyInto(to)
		return nil
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into); err != nil {
		return fmt.Errorf("%s %s/%s has fields of another type, or data that is no base64; correct its manifest", u.GetKind(), u.GetNamespace(), u.GetName()) // the error prints values
	}
	if secret, ok := into.(*corev1.Secret); ok {
		for key, value := range secret.StringData {
			if secret.Data == nil {
				secret.Data = map[string][]byte{}
			}
			secret.Data[key] = []byte(value)
		}
	}
	return nil
}

// List is not needed of what is in files.
func (manifests) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("manifests can't be listed")
}
