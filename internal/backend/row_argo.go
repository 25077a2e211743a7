package backend

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// application reads the fields of an Application.
func (b *Backend) application(app *view.App, obj *unstructured.Unstructured) {
	o := obj.Object
	app.Project = argo.ProjectOf(obj)
	app.Namespace = text(o, "spec", "destination", "namespace")
	app.Cluster = b.clusterOf(text(o, "spec", "destination", "server"), text(o, "spec", "destination", "name"))
	app.Sources = sourcesOf(o)
	app.Links = linksOf(obj.GetAnnotations())
	app.Sync = model.SyncStatus(text(o, "status", "sync", "status"))
	app.Health = model.HealthStatus(text(o, "status", "health", "status"))
	app.Message = oneLine(text(o, "status", "health", "message"))
	app.Revision = revisionsIn(o, "status", "sync")
	app.Phase = phaseOf(text(o, "status", "operationState", "phase"))
	app.Objects = len(list(o, "status", "resources"))
}

// phaseOf is Argo CD's phase in the model's words.
func phaseOf(phase string) model.Phase {
	if phase == "Terminating" {
		return model.PhaseRunning
	}
	return model.Phase(phase)
}

// clusterOf is the cluster of a destination.
func (b *Backend) clusterOf(server, name string) view.ClusterName {
	server = strings.TrimRight(server, "/") // as where it is applied
	if server == argo.InClusterServer || name == argo.InClusterName {
		return b.clusterName("")
	}
	for _, c := range b.Settings().Clusters() {
		if (server != "" && c.Server == server) || (name != "" && c.Name == name) {
			return view.ClusterName{Name: cmp.Or(c.Name, c.Server), Server: c.Server}
		}
	}
	return view.ClusterName{Name: cmp.Or(name, server), Server: server}
}

// sourcesOf are the sources of a spec.
func sourcesOf(o map[string]any) []view.Source {
	all := list(o, "spec", "sources")
	if len(all) == 0 {
		one, ok, _ := unstructured.NestedMap(o, "spec", "source")
		if !ok {
			return nil
		}
		all = []map[string]any{one}
	}
	out := make([]view.Source, len(all))
	for i, s := range all {
		out[i] = sourceOf(s)
	}
	return out
}

func sourceOf(s map[string]any) view.Source {
	url, chart := model.WithoutUser(text(s, "repoURL")), text(s, "chart")
	out := view.Source{Kind: model.SourceGit, URL: url, Path: text(s, "path"), Chart: chart, Target: text(s, "targetRevision")}
	switch {
	case strings.HasPrefix(url, "oci://"), chart != "" && !strings.Contains(url, "://"):
		out.Kind = model.SourceOCI
	case chart != "":
		out.Kind = model.SourceHelm
	}
	if out.Kind == model.SourceGit {
		out.Target = cmp.Or(out.Target, "HEAD")
		out.Web = view.WebURL(url)
	}
	return out
}

// revisionsIn are the revisions in a field that has revision and revisions.
func revisionsIn(o map[string]any, fields ...string) string {
	if all := texts(o, append(slices.Clip(fields), "revisions")...); len(all) > 0 {
		return strings.Join(all, ",")
	}
	return text(o, append(slices.Clip(fields), "revision")...)
}
