package cli

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// follow calls look with an object's states, from the present one on, until it
// is done or fails. It reads once and then watches.
func (c *cluster) follow(ctx context.Context, client dynamic.ResourceInterface, name string, look func(*unstructured.Unstructured) (bool, error)) error {
	for {
		o, err := client.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return errGone
		}
		if err != nil {
			return c.waiting(ctx, err)
		}
		if done, err := look(o); done || err != nil {
			return err
		}
		done, err := c.watch(ctx, client, o, look)
		if done || err != nil {
			return err
		}
	}
}

// watch is follow from a state on; it returns false when the watch was closed.
func (c *cluster) watch(ctx context.Context, client dynamic.ResourceInterface, from *unstructured.Unstructured, look func(*unstructured.Unstructured) (bool, error)) (bool, error) {
	w, err := client.Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", from.GetName()).String(), ResourceVersion: from.GetResourceVersion(),
	})
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return false, nil
	}
	if err != nil {
		return false, c.waiting(ctx, err)
	}
	defer w.Stop()
	for {
		var event watch.Event
		var open bool
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case event, open = <-w.ResultChan():
		}
		if !open || event.Type == watch.Error {
			return false, nil
		}
		if event.Type == watch.Deleted {
			return false, errGone
		}
		o, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		if done, err := look(o); done || err != nil {
			return done, err
		}
	}
}

// waiting explains an error of a request that a wait made.
func (c *cluster) waiting(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.explain(fmt.Sprintf("watching at %s", c.host), err)
}
