package backend

import (
	"cmp"
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// ofFlux reads the fields of a Kustomization or HelmRelease.
func (b *Backend) ofFlux(ctx context.Context, app *view.App, obj *unstructured.Unstructured) {
	o := obj.Object
	app.Namespace = text(o, "spec", "targetNamespace")
	if app.Kind == view.KindHelmRelease {
		app.Namespace = cmp.Or(app.Namespace, obj.GetNamespace())
	}
	app.Cluster = b.clusterName("")
	app.Suspended = boolean(o, "spec", "suspend")
	app.Links = linksOf(obj.GetAnnotations())
	app.Sources = []view.Source{b.fluxSource(ctx, obj)}
	app.Revision = bareRevision(text(o, "status", "lastAppliedRevision"))
	ready := readyOf(o)
	app.Message = oneLine(ready.message)
	switch ready.status {
	case "True":
		app.Sync, app.Health, app.Message = model.Synced, model.Healthy, ""
	case "False":
		app.Sync, app.Health = model.SyncUnknown, model.Degraded
	default:
		app.Sync, app.Health = model.SyncUnknown, model.Progressing
		if app.Suspended { // before it was ever looked at
			app.Health = model.Suspended
		}
	}
}

// condition is one of a status.
type condition struct{ status, reason, message, since string }

func readyOf(o map[string]any) condition {
	for _, c := range list(o, "status", "conditions") {
		if text(c, "type") == "Ready" {
			return condition{text(c, "status"), text(c, "reason"), text(c, "message"), text(c, "lastTransitionTime")}
		}
	}
	return condition{}
}

// reference is a Flux object that another names.
type reference struct{ kind, namespace, name string }

func (r reference) String() string { return r.kind + "/" + r.namespace + "/" + r.name }

// sourceRef is the source that a Flux object names; without a name if none.
func sourceRef(obj *unstructured.Unstructured) reference {
	for _, fields := range [][]string{{"spec", "sourceRef"}, {"spec", "chartRef"}, {"spec", "chart", "spec", "sourceRef"}} {
		found, ok, _ := unstructured.NestedMap(obj.Object, fields...)
		if ok && text(found, "name") != "" {
			return reference{text(found, "kind"), cmp.Or(text(found, "namespace"), obj.GetNamespace()), text(found, "name")}
		}
	}
	return reference{}
}

// fluxSource is the source of a Kustomization or HelmRelease.
func (b *Backend) fluxSource(ctx context.Context, obj *unstructured.Unstructured) view.Source {
	o := obj.Object
	ref := sourceRef(obj)
	out := view.Source{Object: ref.String(), Path: text(o, "spec", "path"), Chart: text(o, "spec", "chart", "spec", "chart")}
	if ref.name == "" {
		out.Object = ""
		return out
	}
	if out.Chart != "" {
		out.Target = cmp.Or(text(o, "spec", "chart", "spec", "version"), "*")
	}
	source := b.source(ctx, ref)
	if source == nil {
		return out
	}
	s := sourceObject(source)
	if ref.kind == "HelmChart" {
		out.Chart, out.Target = text(source.Object, "spec", "chart"), text(source.Object, "spec", "version")
		if above := b.source(ctx, sourceRef(source)); above != nil {
			s = sourceObject(above)
		}
	}
	out.Kind, out.URL, out.Web = s.Kind, s.URL, s.Web
	if ref.kind == "GitRepository" || ref.kind == "Bucket" { // the chart is a folder of it
		out.Path, out.Chart, out.Target = cmp.Or(out.Chart, out.Path), "", s.Target
	}
	out.Target = cmp.Or(out.Target, s.Target)
	return out
}

// source is a Flux source object; nil if there is none.
func (b *Backend) source(ctx context.Context, ref reference) *unstructured.Unstructured {
	for _, gvk := range b.Kinds {
		if gvk.Kind != ref.kind {
			continue
		}
		obj := &unstructured.Unstructured{}
		obj.SetGroupVersionKind(gvk)
		err := b.Cache.Get(ctx, client.ObjectKey{Namespace: ref.namespace, Name: ref.name}, obj)
		if err == nil {
			return obj
		}
		if !apierrors.IsNotFound(err) {
			b.Log.Debug("reading a source for people to see", "object", ref, "err", err)
		}
	}
	return nil
}

// sourceObject is what a Flux source object declares.
func sourceObject(obj *unstructured.Unstructured) view.Source {
	o := obj.Object
	out := view.Source{URL: model.WithoutUser(text(o, "spec", "url")), Object: reference{obj.GetKind(), obj.GetNamespace(), obj.GetName()}.String()}
	switch obj.GetKind() {
	case "GitRepository":
		out.Kind, out.Web = model.SourceGit, view.WebURL(out.URL)
		out.Target = firstOf(o, "commit", "name", "semver", "tag", "branch")
		out.Target = cmp.Or(out.Target, "master")
	case "OCIRepository":
		out.Kind = model.SourceOCI
		out.Target = cmp.Or(firstOf(o, "digest", "semver", "tag"), "latest")
	case "HelmRepository":
		out.Kind = model.SourceHelm
		if text(o, "spec", "type") == "oci" {
			out.Kind = model.SourceOCI
		}
	case "Bucket":
		out.Kind = model.SourceBucket
		out.URL = text(o, "spec", "endpoint") + "/" + text(o, "spec", "bucketName")
	}
	return out
}

// firstOf is the first field of spec.ref that is set.
func firstOf(o map[string]any, names ...string) string {
	for _, name := range names {
		if v := text(o, "spec", "ref", name); v != "" {
			return v
		}
	}
	return ""
}

// bareRevision is the model's form of a revision as Flux writes it:
// "main@sha1:<commit>" is the commit, "v1@sha256:<digest>" the digest.
func bareRevision(revision string) string {
	if _, commit, ok := strings.Cut(revision, "sha1:"); ok {
		return commit
	}
	if _, digest, ok := strings.Cut(revision, "@sha256:"); ok {
		return "sha256:" + digest
	}
	return revision
}
