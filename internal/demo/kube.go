package demo

import (
	"bytes"
	"context"
	_ "embed" // for appprojects.yaml
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fixpoint-cd/fixpoint/deploy"
	"github.com/fixpoint-cd/fixpoint/examples"
)

// Field managers of what the demo itself writes.
const (
	installer = "fixpoint-install"
	person    = "demo-person"
)

// cluster is the API server that the demo talks to, as any client.
type cluster struct {
	rest   *rest.Config
	client dynamic.Interface
}

func connect(kubeconfig string) (*cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig %s: %w", kubeconfig, err)
	}
	config.QPS = -1 // waiting for a turn on this side would be measured
	quiet := rest.CopyConfig(config)
	quiet.UserAgent = "fixpoint-demo"
	quiet.WarningHandler = rest.NoWarnings{}
	client, err := dynamic.NewForConfig(quiet)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", config.Host, err)
	}
	return &cluster{rest: config, client: client}, nil
}

// resources are the kinds that the demo writes.
var resources = map[string]schema.GroupVersionResource{
	"CustomResourceDefinition": crds, "Namespace": namespaces,
	"Application": applications, "GitRepository": repositories, "Kustomization": kustomizations,
	"HelmRelease": releases, "Secret": secrets, "AppProject": projects,
}

// apply writes an object as kubectl apply --server-side does.
func (c *cluster) apply(ctx context.Context, u *unstructured.Unstructured) error {
	data, err := u.MarshalJSON()
	if err != nil {
		return err
	}
	force := true
	_, err = c.client.Resource(resources[u.GetKind()]).Namespace(u.GetNamespace()).
		Patch(ctx, u.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{FieldManager: installer, Force: &force})
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	return nil
}

// install makes the CRDs that are missing, waits until all are served, and says
// which were made. Those that are there are somebody's and stay as they are.
func (c *cluster) install(ctx context.Context) (added []string, err error) {
	for _, data := range deploy.CRDs() {
		objects, err := decode(data)
		if err != nil {
			return added, err
		}
		for _, u := range objects {
			_, err := c.client.Resource(crds).Get(ctx, u.GetName(), metav1.GetOptions{})
			if err == nil {
				continue
			}
			if !apierrors.IsNotFound(err) {
				return added, fmt.Errorf("looking for CRD %s: %w", u.GetName(), err)
			}
			if err := c.apply(ctx, u); err != nil {
				return added, err
			}
			added = append(added, u.GetName())
		}
	}
	for _, r := range []schema.GroupVersionResource{applications, kustomizations, releases, repositories} {
		if err := c.served(ctx, r); err != nil {
			return added, err
		}
	}
	return added, nil
}

//go:embed appprojects.yaml
var projectDefinition []byte

// serveProjects makes the CRD of Argo CD's projects, which Fixpoint reads and does not
// install, and waits until it is served.
func (c *cluster) serveProjects(ctx context.Context) error {
	objects, err := decode(projectDefinition)
	if err != nil {
		return fmt.Errorf("reading the CRD of AppProjects: %w", err)
	}
	for _, u := range objects {
		if err := c.apply(ctx, u); err != nil {
			return err
		}
	}
	return c.served(ctx, projects)
}

// served waits until objects of a kind can be listed.
func (c *cluster) served(ctx context.Context, r schema.GroupVersionResource) error {
	for {
		_, err := c.client.Resource(r).List(ctx, metav1.ListOptions{Limit: 1})
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s to be served: %w", r.GroupResource(), errors.Join(context.Cause(ctx), err))
		}
	}
}

// declare applies the example manifests of the two apps.
func (c *cluster) declare(ctx context.Context, l layout) error {
	for _, file := range []string{"argo-cd.yaml", "flux.yaml"} {
		data, err := fs.ReadFile(examples.Apps(), file)
		if err != nil {
			return err
		}
		objects, err := decode(data)
		if err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		for _, u := range objects {
			u.SetNamespace(l.flux)
			if u.GetKind() == "Application" {
				u.SetNamespace(l.argo)
			}
			if err := c.apply(ctx, u); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *cluster) createNamespace(ctx context.Context, name string) error {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("v1")
	u.SetKind("Namespace")
	u.SetName(name)
	return c.apply(ctx, u)
}

// remove deletes objects and waits until all are gone. waiting is called
// meanwhile with each that is left.
func (c *cluster) remove(ctx context.Context, waiting func(place), places ...place) error {
	errs := make([]error, len(places))
	var all sync.WaitGroup
	for i, p := range places {
		all.Go(func() {
			if err := c.removeOne(ctx, waiting, p); err != nil {
				errs[i] = fmt.Errorf("removing %s %s: %w", p.resource.Resource, p.name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (c *cluster) removeOne(ctx context.Context, waiting func(place), p place) error {
	objects := c.client.Resource(p.resource).Namespace(p.namespace)
	err := objects.Delete(ctx, p.name, metav1.DeleteOptions{})
	for err == nil {
		if _, err = objects.Get(ctx, p.name, metav1.GetOptions{}); err != nil {
			break
		}
		waiting(p)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// decode reads the objects of a YAML file.
func decode(data []byte) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		u := &unstructured.Unstructured{}
		switch err := decoder.Decode(u); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		case len(u.Object) > 0:
			out = append(out, u)
		}
	}
}
