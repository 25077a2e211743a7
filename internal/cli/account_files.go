package cli

import (
	"context"
	"encoding/base64"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// accountFiles reads what says of accounts. An argocd-cm that is missing declares none
// but admin.
func (c *cluster) accountFiles(ctx context.Context, namespace string) (AccountFiles, error) {
	files := AccountFiles{ConfigMap: map[string]string{}}
	cm, err := c.core("configmaps", namespace).Get(ctx, "argocd-cm", metav1.GetOptions{})
	switch {
	case err == nil:
		files.ConfigMap, _, _ = unstructured.NestedStringMap(cm.Object, "data")
	case !apierrors.IsNotFound(err):
		return files, c.explain("reading the accounts", err)
	}
	secrets := c.core("secrets", namespace)
	secret, err := secrets.Get(ctx, "argocd-secret", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return files, fmt.Errorf("there is no Secret argocd-secret in the namespace %s: the controller makes it when it starts; give its namespace with --argocd-namespace", namespace)
	}
	if err != nil {
		return files, c.explain("reading the accounts", err)
	}
	if files.Secret, err = secretData(secret); err != nil {
		return files, err
	}
	files.Update = func(ctx context.Context, change func(map[string][]byte) error) error {
		return updateSecret(ctx, secrets, change)
	}
	files.UpdateProject = func(ctx context.Context, name string, change func(map[string]any) error) error {
		return updateProject(ctx, c.appProjects(namespace), name, change)
	}
	if files.Projects, err = c.projects(ctx, namespace); err != nil {
		return files, c.explain("reading the tokens of projects", err)
	}
	return files, nil
}

// appProjects are Argo CD's, which a cluster need not serve.
func (c *cluster) appProjects(namespace string) dynamic.ResourceInterface {
	return c.dynamic.Resource(schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}).Namespace(namespace)
}

// projects are the AppProjects that there are.
func (c *cluster) projects(ctx context.Context, namespace string) ([]unstructured.Unstructured, error) {
	list, err := c.appProjects(namespace).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err): // there is no such kind
		return nil, nil
	case err != nil:
		return nil, err
	}
	return list.Items, nil
}

func updateProject(ctx context.Context, projects dynamic.ResourceInterface, name string, change func(map[string]any) error) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		project, err := projects.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return model.As(model.ErrNotFound, fmt.Errorf("there is no AppProject %q", name))
		}
		if err != nil {
			return err
		}
		if err := change(project.Object); err != nil {
			return err
		}
		_, err = projects.Update(ctx, project, metav1.UpdateOptions{FieldManager: "fixpoint"})
		return err
	})
}

// core is a resource of the core API, which every cluster serves.
func (c *cluster) core(resource, namespace string) dynamic.ResourceInterface {
	return c.dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Namespace(namespace)
}

func updateSecret(ctx context.Context, secrets dynamic.ResourceInterface, change func(map[string][]byte) error) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		secret, err := secrets.Get(ctx, "argocd-secret", metav1.GetOptions{})
		if err != nil {
			return err
		}
		data, err := secretData(secret)
		if err != nil {
			return err
		}
		if err := change(data); err != nil {
			return err
		}
		encoded := map[string]any{}
		for k, v := range data {
			encoded[k] = base64.StdEncoding.EncodeToString(v)
		}
		secret.Object["data"] = encoded
		_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: "fixpoint"})
		return err
	})
}

func secretData(secret *unstructured.Unstructured) (map[string][]byte, error) {
	data := map[string][]byte{}
	encoded, _, err := unstructured.NestedStringMap(secret.Object, "data")
	if err != nil {
		return nil, fmt.Errorf("the data of argocd-secret is no map of texts: repair it")
	}
	for k, v := range encoded {
		if data[k], err = base64.StdEncoding.DecodeString(v); err != nil {
			return nil, fmt.Errorf("the key %s of argocd-secret is not base64: repair it", k)
		}
	}
	return data, nil
}
