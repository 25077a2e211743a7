package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"github.com/fixpoint-cd/fixpoint/internal/action"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// actionManager is the field manager of what actions write.
const actionManager = "fixpoint-action"

// liveKind is where objects of a kind are written.
type liveKind struct {
	resource    schema.GroupVersionResource
	namespaced  bool
	statusApart bool // as a subresource
}

// liveCluster is a cluster whose objects are read and written one by one.
type liveCluster struct {
	dynamic dynamic.Interface
	kinds   discovery.CachedDiscoveryInterface
	mapper  meta.RESTMapper
}

var _ objects = (*liveCluster)(nil)

func newLiveCluster(config *rest.Config) (*liveCluster, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // the API server says when it is too much
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster at %s: %w", config.Host, err)
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster at %s: %w", config.Host, err)
	}
	cached := memory.NewMemCacheClient(disco)
	return &liveCluster{dynamic: dyn, kinds: cached, mapper: restmapper.NewDeferredDiscoveryRESTMapper(cached)}, nil
}

// Kind is where the object's kind is served: at its version, or at another where
// that one is not served any more.
func (c *liveCluster) Kind(ref model.ObjectRef) (liveKind, error) {
	gk := schema.GroupKind{Group: ref.Group, Kind: ref.Kind}
	m, err := c.mapper.RESTMapping(gk, ref.Version)
	if meta.IsNoMatchError(err) {
		m, err = c.mapper.RESTMapping(gk)
	}
	if meta.IsNoMatchError(err) {
		return liveKind{}, model.As(model.ErrNotFound, fmt.Errorf("the cluster does not know kind %s of %s", ref.Kind, ref.APIVersion()))
	}
	if err != nil {
		return liveKind{}, fmt.Errorf("asking the cluster for its kinds: %w", err)
	}
	all, err := c.kinds.ServerResourcesForGroupVersion(m.Resource.GroupVersion().String())
	if err != nil {
		return liveKind{}, fmt.Errorf("asking the cluster for its kinds: %w", err)
	}
	status := m.Resource.Resource + "/" + subresourceStatus
	return liveKind{
		resource: m.Resource, namespaced: m.Scope.Name() == meta.RESTScopeNameNamespace,
		statusApart: slices.ContainsFunc(all.APIResources, func(r metav1.APIResource) bool { return r.Name == status }),
	}, nil
}

func (c *liveCluster) at(ref model.ObjectRef) (dynamic.ResourceInterface, error) {
	kind, err := c.Kind(ref)
	if err != nil {
		return nil, err
	}
	if !kind.namespaced {
		return c.dynamic.Resource(kind.resource), nil
	}
	return c.dynamic.Resource(kind.resource).Namespace(ref.Namespace), nil
}

// Read is the object as it is.
func (c *liveCluster) Read(ctx context.Context, ref model.ObjectRef) (map[string]any, error) {
	at, err := c.at(ref)
	if err != nil {
		return nil, err
	}
	o, err := at.Get(ctx, ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, model.As(model.ErrNotFound, fmt.Errorf("there is no %s in the cluster", ref.ObjectKey))
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref.ObjectKey, err)
	}
	return o.Object, nil
}

// Write makes one change.
func (c *liveCluster) Write(ctx context.Context, change action.Change) (map[string]any, error) {
	at, err := c.at(change.Ref)
	if err != nil {
		return nil, err
	}
	var out *unstructured.Unstructured
	if change.Create != nil {
		out, err = at.Create(ctx, &unstructured.Unstructured{Object: change.Create}, metav1.CreateOptions{FieldManager: actionManager})
	} else {
		var sub []string
		if change.Subresource != "" {
			sub = append(sub, change.Subresource)
		}
		out, err = at.Patch(ctx, change.Ref.Name, types.MergePatchType, change.Patch, metav1.PatchOptions{FieldManager: actionManager}, sub...)
	}
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", change.Ref.ObjectKey, withoutValues(change.Ref, err))
	}
	return out.Object, nil
}

// withoutValues is an error of the API server about an object; about a Secret
// without its text, which may quote values.
func withoutValues(ref model.ObjectRef, err error) error {
	var said apierrors.APIStatus
	if ref.Group != "" || ref.Kind != "Secret" || !errors.As(err, &said) {
		return err
	}
	status := said.Status()
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: status.Status, Code: status.Code, Reason: status.Reason,
		Message: fmt.Sprintf("the API server refused it (%s)", status.Reason),
	}}
}
