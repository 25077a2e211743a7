package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// checkVisit refuses a cluster in which the demo would touch what is not its
// own, or others would touch what is the demo's.
func (c *cluster) checkVisit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, name := range visitedCluster.made() {
		_, err := c.client.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			return fmt.Errorf("the cluster has a namespace %q, which the demo would make: if an earlier demo left it, "+
				"delete it ('kubectl delete namespace %s'), else use another cluster", name, strings.Join(visitedCluster.made(), " "))
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("asking %s for its namespaces: %w: check that the cluster runs and that you may create namespaces", c.rest.Host, err)
		}
	}
	// The demo's controller reads these in every namespace, as Flux does.
	for _, r := range []schema.GroupVersionResource{kustomizations, repositories} {
		list, err := c.client.Resource(r).List(ctx, metav1.ListOptions{Limit: 1})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking for %s: %w", r.Resource, err)
		}
		if len(list.Items) > 0 {
			first := list.Items[0]
			return fmt.Errorf("the cluster has %s, such as %s/%s, which the demo's controller would take over: use another cluster",
				r.Resource, first.GetNamespace(), first.GetName())
		}
	}
	return c.checkPeers(ctx)
}

// checkPeers refuses a cluster in which Flux or another Fixpoint runs: both
// would work on the demo's objects.
func (c *cluster) checkPeers(ctx context.Context) error {
	for _, selector := range []string{"app.kubernetes.io/part-of=flux", "app.kubernetes.io/name=fixpoint"} {
		list, err := c.client.Resource(deployments).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 1})
		if err != nil {
			return fmt.Errorf("looking for controllers: %w", err)
		}
		if len(list.Items) > 0 {
			first := list.Items[0]
			return fmt.Errorf("Deployment %s/%s runs in the cluster and would work on the demo's apps too: use another cluster",
				first.GetNamespace(), first.GetName())
		}
	}
	return nil
}

// undeclare deletes the apps while the controller runs, so that it cleans up
// what they have applied.
func (c *cluster) undeclare(ctx context.Context, l layout, waiting func(place)) error {
	var apps []place
	for _, f := range l.followers() {
		apps = append(apps, f.app)
	}
	return errors.Join(c.remove(ctx, waiting, apps...), c.remove(ctx, waiting, place{repositories, l.flux, repository}))
}

// leave deletes what the demo has made, after its controller has ended.
func (c *cluster) leave(ctx context.Context, l layout, definitions []string, waiting func(place)) error {
	var made, added []place
	for _, name := range l.made() {
		made = append(made, place{resource: namespaces, name: name})
	}
	for _, name := range definitions {
		added = append(added, place{resource: crds, name: name})
	}
	return errors.Join(c.remove(ctx, waiting, made...), c.remove(ctx, waiting, added...))
}
