package backend

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Declare changes how an Application is declared, or declares one. Addresses with
// credentials, which readers are shown without, keep them where edit leaves them as shown.
func (b *Backend) Declare(ctx context.Context, key model.AppKey, by string, edit view.Edit) (map[string]any, error) {
	if key.Dialect != argo.Dialect {
		return nil, model.Invalidf("only Applications are declared here: commit the manifest of %s/%s, or use kubectl", key.Namespace, key.Name)
	}
	for tried := 1; ; tried++ {
		out, err := b.declare(ctx, key, by, edit)
		if tried == attempts || !errors.Is(err, errChanged) {
			return out, err
		}
	}
}

func (b *Backend) declare(ctx context.Context, key model.AppKey, by string, edit view.Edit) (map[string]any, error) {
	if !b.isDeclared(key) { // nor is it read
		return nil, model.As(model.ErrDenied, fmt.Errorf("namespace %q is not permitted: Applications of the control plane's namespace, and of those that --app-namespaces names, are worked on", key.Namespace))
	}
	now, err := read(ctx, b.Latest, key)
	if err != nil && !isGone(err) {
		return nil, err
	}
	var is map[string]any
	if err == nil {
		_, is = declarationOf(now)
	} else {
		now = nil
	}
	wanted, err := edit(is)
	if err != nil {
		return nil, err
	}
	next, err := redeclared(key, now, wanted)
	if err != nil {
		return nil, err
	}
	what := changesOf(now, next)
	if len(what) == 0 {
		return is, nil
	}
	if err := b.declarable(key, now, next); err != nil {
		return nil, err
	}
	if err := b.writeDeclaration(ctx, now, next); err != nil {
		return nil, err
	}
	b.asked(next, by, "declaration: "+strings.Join(what, ", "))
	b.awaitDeclared(ctx, next)
	_, is = declarationOf(next)
	return is, nil
}

// redeclared is an Application with what is wanted of it.
func redeclared(key model.AppKey, now *unstructured.Unstructured, wanted map[string]any) (*unstructured.Unstructured, error) {
	next := &unstructured.Unstructured{}
	before := map[string]any{}
	if now != nil {
		next = now.DeepCopy()
		before, _ = next.Object["spec"].(map[string]any)
	} else {
		next.SetAPIVersion("argoproj.io/v1alpha1")
		next.SetKind(view.KindApplication)
		next.SetNamespace(key.Namespace)
		next.SetName(key.Name)
	}
	labels, _, labelsErr := unstructured.NestedStringMap(wanted, "metadata", "labels")
	annotations, _, annotationsErr := unstructured.NestedStringMap(wanted, "metadata", "annotations")
	finalizers, _, finalizersErr := unstructured.NestedStringSlice(wanted, "metadata", "finalizers")
	spec, _, specErr := unstructured.NestedMap(wanted, "spec")
	if err := cmp.Or(labelsErr, annotationsErr, finalizersErr, specErr); err != nil {
		return nil, model.Invalidf("the declaration of %s has fields of another type: %w", key.Name, err)
	}
	next.SetLabels(labels)
	next.SetAnnotations(withApplied(annotations, next.GetAnnotations()))
	next.SetFinalizers(finalizers)
	next.Object["spec"] = withUsers(spec, before)
	return next, nil
}

// withApplied are annotations with what kubectl has applied, which nobody is shown.
func withApplied(annotations, before map[string]string) map[string]string {
	applied, was := before[lastApplied]
	annotations = maps.Clone(annotations)
	delete(annotations, lastApplied)
	if was {
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[lastApplied] = applied
	}
	return annotations
}

// withUsers is a value with those addresses as they were before that are, in their place,
// what readers are shown of them.
func withUsers(now, before any) any {
	switch now := now.(type) {
	case map[string]any:
		before, _ := before.(map[string]any)
		for name, value := range now {
			now[name] = withUsers(value, before[name])
		}
	case []any:
		before, _ := before.([]any)
		for i := range min(len(now), len(before)) {
			now[i] = withUsers(now[i], before[i])
		}
	case string:
		before, is := before.(string)
		if shown := []any{before}; is {
			if model.HideUsers(shown); shown[0] == now {
				return before
			}
		}
	}
	return now
}

// changesOf are the fields that a declaration changes: of the spec those at its top.
func changesOf(now, next *unstructured.Unstructured) []string {
	if now == nil {
		return []string{"created"}
	}
	var out []string
	before, _ := now.Object["spec"].(map[string]any)
	after, _ := next.Object["spec"].(map[string]any)
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !sameJSON(before[name], after[name]) {
			out = append(out, "spec."+name)
		}
	}
	for _, field := range []string{"annotations", "finalizers", "labels"} {
		before, _, _ := unstructured.NestedFieldNoCopy(now.Object, "metadata", field)
		after, _, _ := unstructured.NestedFieldNoCopy(next.Object, "metadata", field)
		if !sameJSON(before, after) {
			out = append(out, "metadata."+field)
		}
	}
	return out
}

// sameJSON reports whether two values are written alike.
func sameJSON(a, b any) bool {
	one, err := json.Marshal(a)
	other, also := json.Marshal(b)
	return err == nil && also == nil && bytes.Equal(one, other)
}

// declarable refuses what could not be worked on.
func (b *Backend) declarable(key model.AppKey, now, next *unstructured.Unstructured) error {
	if next.GetDeletionTimestamp() != nil {
		return conflict("%s %s/%s is being deleted, and is not declared otherwise any more", next.GetKind(), key.Namespace, key.Name)
	}
	if now == nil || !sameJSON(limited(now), limited(next)) {
		if err := b.admitted(next); err != nil {
			return err
		}
	}
	if app, _ := argo.Adapt(next, argo.Env{Namespace: b.Namespace, Settings: b.Settings()}); app.Invalid != nil {
		return model.Invalidf("application spec for %s is invalid: %w", key.Name, app.Invalid)
	}
	return nil
}

// limited are the fields of an Application that its project limits.
func limited(app *unstructured.Unstructured) []any {
	out := []any{argo.ProjectOf(app)}
	for _, field := range []string{"source", "sources", "destination"} {
		value, _, _ := unstructured.NestedFieldNoCopy(app.Object, "spec", field)
		out = append(out, value)
	}
	return out
}

// admitted refuses an Application whose project does not exist, or does not admit its
// namespace, its repositories, or where it is applied to. Whoever may declare Applications
// in a project is not trusted with more by that.
func (b *Backend) admitted(app *unstructured.Unstructured) error {
	name, namespace := argo.ProjectOf(app), app.GetNamespace()
	all := b.Extra("AppProject")
	at := slices.IndexFunc(all, func(p *unstructured.Unstructured) bool { return p.GetName() == name })
	var namespaces []string
	if at >= 0 {
		namespaces = texts(all[at].Object, "spec", "sourceNamespaces")
	}
	switch {
	case at < 0 && name != defaultProject:
		return model.Invalidf("application references project %s which does not exist: declare the AppProject first", name)
	case namespace != b.Namespace && !argo.HasNamespace(namespaces, namespace):
		return model.As(model.ErrDenied, fmt.Errorf("application in namespace %q is not permitted to use project %q: its spec.sourceNamespaces does not name the namespace", namespace, name))
	case at < 0:
		return nil // a project default that nobody has declared admits everything
	}
	to := b.clusterOf(text(app.Object, "spec", "destination", "server"), text(app.Object, "spec", "destination", "name"))
	if boolean(all[at].Object, "spec", "permitOnlyProjectScopedClusters") && !b.ownCluster(to.Server, name) {
		return model.As(model.ErrDenied, fmt.Errorf("project %q permits its own clusters only, and %s is none of them", name, to.Name))
	}
	return argo.Admits(all[at], app, to.Name, to.Server)
}

// ownCluster reports whether a cluster belongs to that project alone.
func (b *Backend) ownCluster(server, project string) bool {
	return slices.ContainsFunc(b.Settings().Clusters(), func(c argo.Cluster) bool { return c.Server == server && c.Project() == project })
}

// writeDeclaration writes it where nobody has written since it was read. next is then what
// there is.
func (b *Backend) writeDeclaration(ctx context.Context, now, next *unstructured.Unstructured) error {
	var err error
	if now == nil {
		err = b.Client.Create(ctx, next, client.FieldOwner(manager), client.FieldValidation(metav1.FieldValidationStrict))
	} else {
		err = b.Client.Update(ctx, next, client.FieldOwner(manager), client.FieldValidation(metav1.FieldValidationStrict))
	}
	switch {
	case err == nil:
		return nil
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), now != nil && apierrors.IsNotFound(err):
		return changed(next)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsNotFound(err):
		return model.As(model.ErrInvalid, fmt.Errorf("declaring %s/%s: %w", next.GetNamespace(), next.GetName(), err))
	case apierrors.IsForbidden(err):
		return model.As(model.ErrDenied, fmt.Errorf("declaring %s/%s: %w", next.GetNamespace(), next.GetName(), err))
	}
	return fmt.Errorf("declaring %s/%s: %w", next.GetNamespace(), next.GetName(), err)
}

// awaitDeclared waits until readers, and their rights, see an Application as it was written.
func (b *Backend) awaitDeclared(ctx context.Context, written *unstructured.Unstructured) {
	key := KeyOf(written.GetKind(), written.GetNamespace(), written.GetName())
	awaitTrue(ctx, func(ctx context.Context) bool { return b.shows(ctx, key, written) })
}

func (b *Backend) shows(ctx context.Context, key model.AppKey, written *unstructured.Unstructured) bool {
	line, listed := b.board.Get(key)
	now, err := b.object(ctx, key)
	if err != nil || !listed {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(now.GetResourceVersion(), written.GetResourceVersion())
	return now.GetUID() != written.GetUID() || line.Project == argo.ProjectOf(now) && (err != nil || order >= 0)
}
