package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

const (
	// installManager is the field manager of what install applies.
	installManager = "fixpoint-install"
	crdKind        = "CustomResourceDefinition"
)

var crdGroupKind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: crdKind}

func newLines(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }

// installer applies objects and says what became of each.
type installer struct {
	*cluster
	force bool
	out   io.Writer
}

func (i *installer) apply(ctx context.Context, o *unstructured.Unstructured) error {
	gvk := o.GroupVersionKind()
	client, err := i.client(gvk.GroupKind(), gvk.Version, o.GetNamespace())
	if err != nil {
		return err
	}
	title := strings.ToLower(o.GetKind()) + "/" + o.GetName()
	before, err := client.Get(ctx, o.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		before = nil
	case err != nil:
		return i.explain("reading "+title, err)
	}
	foreign := o.GetKind() == crdKind && before != nil && !isOurs(before)
	if foreign && !i.force {
		return i.keep(title, o, before)
	}
	after, err := i.patch(ctx, client, o, foreign)
	if err != nil {
		return i.refused(title, err)
	}
	done := "configured"
	switch {
	case before == nil:
		done = "created"
	case before.GetResourceVersion() == after.GetResourceVersion():
		done = "unchanged"
	}
	printf(i.out, "%s %s\n", title, done)
	return nil
}

func (i *installer) patch(ctx context.Context, client dynamic.ResourceInterface, o *unstructured.Unstructured, force bool) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(o.Object)
	if err != nil {
		return nil, err
	}
	return client.Patch(ctx, o.GetName(), types.ApplyPatchType, body,
		metav1.PatchOptions{FieldManager: installManager, Force: &force})
}

func (i *installer) refused(title string, err error) error {
	if apierrors.IsConflict(err) {
		return fmt.Errorf("%s was changed by somebody else: %w: delete it, or apply the output of 'fixpoint install --export' yourself", title, err)
	}
	return i.explain("applying "+title, err)
}

// isOurs reports whether install has applied the object before.
func isOurs(o *unstructured.Unstructured) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool { return f.Manager == installManager })
}

// keep leaves somebody else's CRD alone if it will do.
func (i *installer) keep(title string, wanted, there *unstructured.Unstructured) error {
	for _, v := range served(wanted) {
		if !slices.Contains(served(there), v) {
			return fmt.Errorf("%s is there already, but does not serve version %s: update Argo CD's or Flux's CRDs, or replace it with --force-crds", title, v)
		}
	}
	printf(i.out, "%s is there already and is used as it is (installed by %s; --force-crds replaces it)\n", title, managersOf(there))
	return nil
}

func managersOf(o *unstructured.Unstructured) string {
	var all []string
	for _, f := range o.GetManagedFields() {
		if f.Subresource == "" && !slices.Contains(all, f.Manager) {
			all = append(all, f.Manager)
		}
	}
	if len(all) == 0 {
		return "somebody else"
	}
	return strings.Join(all, ", ")
}

// served are the versions that a CRD serves.
func served(crd *unstructured.Unstructured) []string {
	var out []string
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, raw := range versions {
		if v, ok := raw.(map[string]any); ok && v["served"] == true {
			out = append(out, textOf(v, "name"))
		}
	}
	return out
}

// established waits until a CRD can be used.
func (i *installer) established(ctx context.Context, name string) error {
	client, err := i.client(crdGroupKind, "v1", "")
	if err != nil {
		return err
	}
	last := "it has no condition Established"
	err = i.follow(ctx, client, name, func(o *unstructured.Unstructured) (bool, error) {
		crd := item{kind{name: crdKind}, o}
		if names := conditionOf(crd, "NamesAccepted"); names != nil && textOf(names, "status") == "False" {
			return false, fmt.Errorf("its names are not accepted: %s", textOf(names, "message"))
		}
		c := conditionOf(crd, "Established")
		if c != nil {
			last = first(textOf(c, "message"), last)
		}
		return c != nil && textOf(c, "status") == "True", nil
	})
	if err != nil {
		return fmt.Errorf("waiting for CRD %s to be established: %w (%s): look at it with 'kubectl describe crd %s'", name, err, last, name)
	}
	return nil
}
