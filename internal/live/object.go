package live

import (
	"context"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Object is a live object: its content without managed fields, covered by
// mask; who has set which fields, Ours being those of manager; and the pods whose logs
// are its own: it, or those that descend from it. What does not exist is
// model.ErrNotFound.
//
// The content comes from the API server, the pods from what a tree is made of.
func (s *Service) Object(ctx context.Context, c *Cluster, ref model.ObjectRef, manager string, mask model.Mask) (map[string]any, []view.FieldOwner, []view.Pod, error) {
	limited, cancel := c.reading(ctx)
	defer cancel()
	r, err := c.resource(limited, ref)
	if err != nil {
		return nil, nil, nil, err
	}
	u, err := c.dynamic.Resource(r.gvr()).Namespace(r.in(ref.Namespace, "").namespace).
		Get(limited, ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil, nil, nil, explain("reading "+ref.String(), err)
	}
	owners := fieldOwners(u.GetManagedFields(), manager)
	u.SetManagedFields(nil)
	mask.Cover(u.Object)
	if r.GroupKind() == podKind {
		pod := c.trim(r.in(ref.Namespace, ""), u.DeepCopy().Object).pod
		return u.Object, owners, []view.Pod{pod.view}, nil
	}
	states, err := c.pods(ctx, ref)
	if err != nil {
		// The object is worth showing without its logs.
		c.cfg.Log.Debug("pods can't be read", "target", c.name, "object", ref.String(), "error", err)
	}
	var pods []view.Pod
	for _, p := range states {
		pods = append(pods, p.view)
	}
	return u.Object, owners, pods, nil
}

// pods are an object, if it is one, or those that descend from it, newest first.
func (c *Cluster) pods(ctx context.Context, ref model.ObjectRef) ([]*podState, error) {
	limited, cancel := c.reading(ctx)
	defer cancel()
	h := c.gather(limited, []model.ResourceState{{Object: ref}}, func(place) {})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var found []*item
	for _, n := range h.tree().Nodes {
		if i := h.byUID[n.UID]; i != nil && i.pod != nil {
			found = append(found, i)
		}
	}
	if len(found) == 0 && len(h.problems) > 0 {
		return nil, model.As(model.ErrTransient, errors.New(h.problems[0]))
	}
	slices.SortStableFunc(found, func(a, b *item) int { return b.node.Created.Compare(a.node.Created) })
	var out []*podState
	for _, i := range found {
		out = append(out, i.pod)
	}
	return out, nil
}

// Delete deletes an object, if it is still the one with the UID; "" is any. Its
// descendants are deleted by the cluster, after it. What does not exist (any more) is
// model.ErrNotFound.
func (s *Service) Delete(ctx context.Context, c *Cluster, ref model.ObjectRef, uid string) error {
	limited, cancel := c.reading(ctx)
	defer cancel()
	r, err := c.resource(limited, ref)
	if err != nil {
		return err
	}
	policy := metav1.DeletePropagationBackground
	o := metav1.DeleteOptions{PropagationPolicy: &policy}
	if uid != "" {
		o.Preconditions = metav1.NewUIDPreconditions(uid)
	}
	err = c.dynamic.Resource(r.gvr()).Namespace(r.in(ref.Namespace, "").namespace).Delete(limited, ref.Name, o)
	if replaced(err) {
		return model.As(model.ErrNotFound, fmt.Errorf("%s was replaced by another of its name: look at it again before you delete it", ref))
	}
	return explain("deleting "+ref.String(), err)
}
