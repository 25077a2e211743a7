package app

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Declared reads an object of a dialect by itself, without a cluster; false if
// it is none.
func Declared(u *unstructured.Unstructured) (cli.Declared, bool) {
	switch u.GroupVersionKind().GroupKind() {
	case applications.GroupKind():
		app, src := argo.Adapt(u, argo.Env{Namespace: argo.DefaultNamespace})
		return cli.Declared{App: &app, Source: app.Source, URL: src.URL, Warnings: app.Warnings, Invalid: app.Invalid}, true
	case kustomizations.GroupKind():
		app := flux.App(u)
		return cli.Declared{App: &app, Source: app.Source, Warnings: app.Warnings, Invalid: app.Invalid}, true
	case repositories.GroupKind():
		r := flux.RepositoryOf(u)
		return cli.Declared{Source: r.Key, URL: r.Source.URL, Warnings: r.Warnings, Invalid: r.Invalid}, true
	}
	return cli.Declared{}, false
}

// declaration is an app with all that its sync depends on.
type declaration struct {
	app    model.App
	source model.Source
	// cluster is the one that the app is applied to.
	cluster *rest.Config
	// others are the objects that other apps have applied there.
	others map[model.AppKey][]model.ObjectKey
}

// readDeclaration reads what the controller would know of an app.
func readDeclaration(ctx context.Context, config *rest.Config, flags cli.InspectFlags) (declaration, error) {
	reader, err := client.New(config, client.Options{})
	if err != nil {
		return declaration{}, fmt.Errorf("connecting to the cluster at %s: %w: check the kubeconfig", config.Host, err)
	}
	d := declaration{cluster: config}
	settings, err := argoSettings(ctx, reader, flags.ArgoNamespace)
	if err != nil {
		return d, err
	}
	env := argo.Env{Namespace: flags.ArgoNamespace, Settings: settings}
	if flags.Object.GetKind() == applications.Kind {
		d.app, d.source = argo.Adapt(flags.Object, env)
	} else {
		d.app = flux.App(flags.Object)
	}
	if d.app.Invalid != nil {
		return d, d.app.Invalid
	}
	if d.app.Key.Dialect == flux.Dialect {
		if d.source, err = fluxSource(ctx, reader, flags.Object, d.app); err != nil {
			return d, err
		}
	}
	for _, c := range settings.Clusters() {
		if d.app.Target != "" && c.Target() == d.app.Target {
			d.cluster = c.Config
		}
	}
	d.source.Suspended = false
	if flags.Revision != "" {
		d.source.Ref = model.Ref{Any: flags.Revision}
	}
	d.others, err = otherApps(ctx, reader, env, d.app)
	return d, err
}

// argoSettings reads Argo CD's own, which hold credentials and clusters.
func argoSettings(ctx context.Context, reader client.Reader, namespace string) (*argo.Settings, error) {
	var secrets corev1.SecretList
	var configs corev1.ConfigMapList
	in := client.InNamespace(namespace)
	if err := reader.List(ctx, &secrets, in, client.HasLabels{argo.LabelSecretType}); err != nil {
		return nil, fmt.Errorf("listing the Secrets of repositories and clusters in namespace %q: %w", namespace, err)
	}
	if err := reader.List(ctx, &configs, in, client.MatchingLabels{argo.LabelPartOf: argo.PartOf}); err != nil {
		return nil, fmt.Errorf("listing Argo CD's ConfigMaps in namespace %q: %w", namespace, err)
	}
	settings, _ := argo.ReadSettings(secrets.Items, configs.Items) // the controller tells of the problems
	return settings, nil
}

// fluxSource is the GitRepository that a Kustomization names, with the
// credentials of its Secret.
func fluxSource(ctx context.Context, reader client.Reader, u *unstructured.Unstructured, app model.App) (model.Source, error) {
	ref, _, _ := unstructured.NestedStringMap(u.Object, "spec", "sourceRef")
	namespace := ref["namespace"]
	if namespace == "" {
		namespace = u.GetNamespace()
	}
	repo := &unstructured.Unstructured{}
	repo.SetGroupVersionKind(repositories)
	err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref["name"]}, repo)
	if apierrors.IsNotFound(err) {
		return model.Source{}, fmt.Errorf("GitRepository %s/%s does not exist: create it, or correct spec.sourceRef of Kustomization %s/%s",
			namespace, ref["name"], app.Key.Namespace, app.Key.Name)
	}
	if err != nil {
		return model.Source{}, fmt.Errorf("reading GitRepository %s/%s: %w", namespace, ref["name"], err)
	}
	r := flux.RepositoryOf(repo)
	if r.Invalid != nil || r.Secret == "" {
		return r.Source, r.Invalid
	}
	var secret corev1.Secret
	if err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: r.Secret}, &secret); err != nil {
		return model.Source{}, fmt.Errorf("reading the Secret of GitRepository %s/%s: %w", namespace, ref["name"], err)
	}
	r.Source.Auth, err = flux.AuthOf(r.Source.URL, secret.Data)
	if err != nil {
		return model.Source{}, fmt.Errorf("secret %s/%s: %w", namespace, r.Secret, err)
	}
	return r.Source, nil
}

// otherApps are the objects that other apps of the same target have applied,
// by what their status says: those are not this app's to take.
func otherApps(ctx context.Context, reader client.Reader, env argo.Env, app model.App) (map[model.AppKey][]model.ObjectKey, error) {
	out := map[model.AppKey][]model.ObjectKey{}
	for _, gvk := range []schema.GroupVersionKind{applications, kustomizations} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		if err := reader.List(ctx, list); err != nil {
			if apimeta.IsNoMatchError(err) {
				continue
			}
			return nil, fmt.Errorf("listing %ss: %w", gvk.Kind, err)
		}
		for i := range list.Items {
			other := flux.App(&list.Items[i])
			if gvk == applications {
				other, _ = argo.Adapt(&list.Items[i], env)
			}
			if other.Key == app.Key || other.Target != app.Target || list.Items[i].GetDeletionTimestamp() != nil {
				continue
			}
			for _, ref := range other.Known {
				out[other.Key] = append(out[other.Key], ref.ObjectKey)
			}
		}
	}
	return out, nil
}
