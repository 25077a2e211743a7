package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// childKinds are kinds that controllers make out of what is declared.
var childKinds = []schema.GroupVersionKind{
	{Group: "apps", Version: "v1", Kind: "ReplicaSet"},
	{Group: "apps", Version: "v1", Kind: "ControllerRevision"},
	{Group: "batch", Version: "v1", Kind: "Job"},
	{Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"},
	{Version: "v1", Kind: "PersistentVolumeClaim"},
	{Version: "v1", Kind: "Pod"},
}

// look reads the object of a node.
func (f *forester) look(ctx context.Context, n *node, version string) error {
	client, err := f.client(schema.GroupKind{Group: n.Group, Kind: n.Kind}, version, n.Namespace)
	if meta.IsNoMatchError(err) {
		n.Health, n.Message = model.Missing, "the cluster does not know its kind"
		return nil
	}
	if err != nil {
		return err
	}
	u, err := client.Get(ctx, n.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		n.Health, n.Message = model.Missing, "does not exist"
	case apierrors.IsForbidden(err):
		n.Health, n.Message = model.Unknown, "you may not read it"
	case err != nil:
		return f.explain("reading "+n.title(), err)
	default:
		f.describe(n, u)
	}
	return nil
}

// grow hangs what nodes own below them, and what that owns, and so on.
func (f *forester) grow(ctx context.Context, roots []*node) error {
	byUID := map[string]*node{}
	var namespaces []string
	for _, n := range roots {
		if n.uid == "" || n.Namespace == "" {
			continue
		}
		byUID[n.uid] = n
		if !slices.Contains(namespaces, n.Namespace) {
			namespaces = append(namespaces, n.Namespace)
		}
	}
	owners := map[*node][]string{}
	for _, namespace := range namespaces {
		for _, gvk := range childKinds {
			if err := f.children(ctx, gvk, namespace, byUID, owners); err != nil {
				return err
			}
		}
	}
	for n, uids := range owners {
		for _, uid := range uids {
			if owner := byUID[uid]; owner != nil && owner != n {
				owner.Children = append(owner.Children, n)
				break
			}
		}
	}
	for _, n := range byUID {
		slices.SortFunc(n.Children, func(a, b *node) int {
			return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
		})
	}
	return nil
}

// children notes all objects of a kind that have owners and are not known yet.
func (f *forester) children(ctx context.Context, gvk schema.GroupVersionKind, namespace string, byUID map[string]*node, owners map[*node][]string) error {
	client, err := f.client(gvk.GroupKind(), gvk.Version, namespace)
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return err
	}
	list, err := client.List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return f.explain("listing "+gvk.Kind+"s", err)
	}
	for i := range list.Items {
		u := &list.Items[i]
		refs := u.GetOwnerReferences()
		if len(refs) == 0 || byUID[string(u.GetUID())] != nil {
			continue
		}
		n := &node{Kind: gvk.Kind, Group: gvk.Group, Namespace: u.GetNamespace(), Name: u.GetName()}
		f.describe(n, u)
		byUID[n.uid] = n
		for _, ref := range refs {
			owners[n] = append(owners[n], string(ref.UID))
		}
	}
	return nil
}

// isElsewhere reports whether an app by itself could not be told its cluster.
func isElsewhere(invalid error) bool { return errors.Is(invalid, model.ErrNotFound) }
