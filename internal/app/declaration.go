package app

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Declared reads an object of a dialect without a cluster; false if it is none.
// What it refers to is looked for in world; what is not there is left out.
func Declared(u *unstructured.Unstructured, world []*unstructured.Unstructured) (cli.Declared, bool) {
	kind := u.GroupVersionKind().GroupKind()
	ctx := context.Background()
	switch {
	case kind == applications.GroupKind():
		app, sources := argo.Adapt(u, argo.Env{Namespace: argo.DefaultNamespace})
		return declaredApp(app, sourcesOf(app, sources)), true
	case flux.Declares(kind):
		app, sources, err := flux.Declared(ctx, manifests(world), u)
		if err != nil {
			app.Invalid = err
		}
		return declaredApp(app, sources), true
	case flux.IsSourceKind(kind):
		key, src, d := flux.DeclaredSource(ctx, manifests(world), u)
		out := cli.Declared{Warnings: d.Warnings, Invalid: d.Invalid}
		if src.URL != "" {
			out.Sources = map[model.SourceKey]model.Source{key: src}
		}
		return out, true
	}
	return cli.Declared{}, false
}

func declaredApp(app model.App, sources map[model.SourceKey]model.Source) cli.Declared {
	return cli.Declared{App: &app, Sources: sources, Warnings: app.Warnings, Invalid: app.Invalid}
}

// sourcesOf are the sources of an app by their keys.
func sourcesOf(app model.App, sources []model.Source) map[model.SourceKey]model.Source {
	out := map[model.SourceKey]model.Source{}
	for i, s := range app.Sources {
		if i < len(sources) && sources[i].URL != "" {
			out[s.Key] = sources[i]
		}
	}
	return out
}

// declaration is an app with all that its sync depends on.
type declaration struct {
	app     model.App
	sources map[model.SourceKey]model.Source
	// complete adds the credentials that the app has for a source.
	complete func(model.Source) (model.Source, error)
	// cluster is the one that the app is applied to.
	cluster *rest.Config
	// others are the objects that other apps have applied there.
	others map[model.AppKey][]model.ObjectKey
	// settings are Argo CD's.
	settings *argo.Settings
}

// readDeclaration reads what the controller would know of an app.
func readDeclaration(ctx context.Context, config *rest.Config, flags cli.InspectFlags) (declaration, error) {
	reader, err := client.New(config, client.Options{})
	if err != nil {
		return declaration{}, fmt.Errorf("connecting to the cluster at %s: %w: check the kubeconfig", config.Host, err)
	}
	d := declaration{cluster: config, complete: func(src model.Source) (model.Source, error) { return src, nil }}
	settings, err := argoSettings(ctx, reader, flags.ArgoNamespace)
	if err != nil {
		return d, err
	}
	d.settings = settings
	env := argo.Env{Namespace: flags.ArgoNamespace, Settings: settings}
	if flags.Object.GetKind() == applications.Kind {
		var sources []model.Source
		d.app, sources = argo.Adapt(flags.Object, env)
		d.sources = sourcesOf(d.app, sources)
		project := argo.ProjectOf(flags.Object)
		d.complete = func(src model.Source) (model.Source, error) { return settings.Remote(project, src) }
	} else if d.app, d.sources, err = flux.Declared(ctx, reader, flags.Object); err != nil {
		return d, err
	}
	if d.app.Invalid != nil {
		return d, d.app.Invalid
	}
	if d.cluster, err = connectionTo(d.app.Target, settings, config); err != nil {
		return d, err
	}
	d.follow(flags.Revision)
	d.others, err = otherApps(ctx, reader, env, d.app)
	return d, err
}

// follow makes the first source that is rendered follow another revision; "" is
// the one that is declared.
func (d *declaration) follow(revision string) {
	for _, s := range d.app.Sources {
		src := d.sources[s.Key]
		src.Suspended = false
		if revision != "" && !s.FilesOnly {
			src.Ref, revision = model.Ref{Any: revision}, ""
		}
		d.sources[s.Key] = src
	}
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

// otherApps are the objects that other apps of the same target have applied,
// by what their status says: those are not this app's to take.
func otherApps(ctx context.Context, reader client.Reader, env argo.Env, app model.App) (map[model.AppKey][]model.ObjectKey, error) {
	out := map[model.AppKey][]model.ObjectKey{}
	for _, gvk := range appKinds() {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		if err := reader.List(ctx, list); err != nil {
			if apimeta.IsNoMatchError(err) {
				continue
			}
			return nil, fmt.Errorf("listing %ss: %w", gvk.Kind, err)
		}
		for i := range list.Items {
			u := &list.Items[i]
			var other model.App
			if gvk == applications {
				other, _ = argo.Adapt(u, env)
			} else {
				other = flux.Applied(u)
			}
			if other.Key == app.Key || other.Target != app.Target || u.GetDeletionTimestamp() != nil {
				continue
			}
			for _, ref := range other.Known {
				out[other.Key] = append(out[other.Key], ref.ObjectKey)
			}
		}
	}
	return out, nil
}
