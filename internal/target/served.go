package target

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// served is what the cluster says of itself, asked once for each epoch of its
// kinds.
type served struct {
	client interface {
		discovery.ServerVersionInterface
		discovery.ServerResourcesInterface
	}

	mu      sync.Mutex
	epoch   int
	version string
	apis    []string
}

// Served is the cluster's version, as "v1.36.3", and the API versions that it
// serves, sorted, as "v1", "apps/v1" and "apps/v1/Deployment". Not being able
// to ask is model.ErrTransient.
func (t *Target) Served(context.Context) (version string, apis []string, err error) {
	return t.served.ask(t.kinds.generation())
}

func (s *served) ask(epoch int) (string, []string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version != "" && s.epoch == epoch {
		return s.version, s.apis, nil
	}
	info, err := s.client.ServerVersion()
	if err != nil {
		return "", nil, model.As(model.ErrTransient, fmt.Errorf("asking the cluster for its version: %w", err))
	}
	groups, resources, err := s.client.ServerGroupsAndResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return "", nil, model.As(model.ErrTransient, fmt.Errorf("asking the cluster for its kinds: %w", err))
	}
	// A group that fails is that of an aggregated API that is down: it is not
	// served now.
	s.version, s.apis, s.epoch = info.GitVersion, apiVersions(groups, resources), epoch
	return s.version, s.apis, nil
}

func apiVersions(groups []*metav1.APIGroup, resources []*metav1.APIResourceList) []string {
	var apis []string
	for _, g := range groups {
		for _, v := range g.Versions {
			apis = append(apis, v.GroupVersion)
		}
	}
	for _, list := range resources {
		for _, r := range list.APIResources {
			apis = append(apis, list.GroupVersion+"/"+r.Kind)
		}
	}
	slices.Sort(apis)
	return slices.Compact(apis)
}

// Lookup is a live object as JSON, or, where ref has no name, a List of those in
// its namespace, or in all. nil if there is none, or the kind is unknown.
func (t *Target) Lookup(ctx context.Context, ref model.ObjectRef) ([]byte, error) {
	res, err := t.kinds.resource(ref)
	if isUnknown(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	objects := t.dynamic.Resource(res.GroupVersionResource)
	var at dynamic.ResourceInterface = objects
	if res.Namespaced && ref.Namespace != "" {
		at = objects.Namespace(ref.Namespace)
	}
	var found any
	if ref.Name == "" {
		found, err = at.List(ctx, metav1.ListOptions{})
	} else {
		found, err = at.Get(ctx, ref.Name, metav1.GetOptions{})
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, explain(ref, err)
	}
	return json.Marshal(found)
}
