package backend

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Projects are Argo CD's, the one called default, and those that only apps name.
func (b *Backend) Projects(context.Context) ([]view.Project, error) {
	all := map[string]*view.Project{defaultProject: {
		Name: defaultProject, Implicit: true, SourceRepos: []string{"*"}, Destinations: []string{"* / *"}, ClusterKinds: []string{"*.*"},
	}}
	for _, obj := range b.Extra("AppProject") {
		p := projectOf(obj.Object)
		p.Name, p.UID, p.Version, p.Created = obj.GetName(), string(obj.GetUID()), obj.GetResourceVersion(), obj.GetCreationTimestamp().Time
		all[p.Name] = &p
	}
	b.board.Each(func(app *view.App) {
		if app.Key.Dialect != argo.Dialect {
			return
		}
		if all[app.Project] == nil {
			all[app.Project] = &view.Project{Name: app.Project}
		}
		all[app.Project].Apps++
	})
	out := make([]view.Project, 0, len(all))
	for _, p := range all {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b view.Project) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// defaultProject is that of Applications that name none. Argo CD makes an AppProject of
// that name where there is none, which admits everything.
const defaultProject = "default"

// projectOf reads an AppProject.
func projectOf(o map[string]any) view.Project {
	p := view.Project{
		Declared: true, Description: text(o, "spec", "description"), SourceRepos: texts(o, "spec", "sourceRepos"), Namespaces: texts(o, "spec", "sourceNamespaces"),
	}
	for i, repo := range p.SourceRepos {
		p.SourceRepos[i] = model.WithoutUser(repo)
	}
	for _, d := range list(o, "spec", "destinations") {
		p.Destinations = append(p.Destinations, cmp.Or(text(d, "server"), text(d, "name"), "*")+" / "+cmp.Or(text(d, "namespace"), "*"))
	}
	p.ClusterKinds = append(kindsIn(o, "", "clusterResourceWhitelist"), kindsIn(o, "-", "clusterResourceBlacklist")...)
	p.NamespacedKinds = append(kindsIn(o, "", "namespaceResourceWhitelist"), kindsIn(o, "-", "namespaceResourceBlacklist")...)
	if admitted, said, _ := unstructured.NestedSlice(o, "spec", "namespaceResourceWhitelist"); said && len(admitted) == 0 {
		p.NamespacedKinds = []string{"-*.*"} // an empty list admits none, none at all admits all
	}
	for _, r := range list(o, "spec", "roles") {
		p.Roles = append(p.Roles, roleOf(o, r))
	}
	for _, w := range list(o, "spec", "syncWindows") {
		p.Windows, p.SyncWindows = append(p.Windows, windowOf(w)), append(p.SyncWindows, w)
	}
	return p
}

func kindsIn(o map[string]any, sign, field string) []string {
	var out []string
	for _, k := range list(o, "spec", field) {
		kind := cmp.Or(text(k, "kind"), "*")
		if group := text(k, "group"); group != "" {
			kind += "." + group
		}
		if name := text(k, "name"); name != "" {
			kind += "/" + name
		}
		out = append(out, sign+kind)
	}
	return out
}

// roleOf reads a role of a project, whose tokens its spec lists, or its status.
func roleOf(project, role map[string]any) view.Role {
	out := view.Role{Name: text(role, "name"), Description: text(role, "description"), Policies: texts(role, "policies"), Groups: texts(role, "groups")}
	out.Tokens = len(argo.ProjectTokens(project, role))
	return out
}

// windowOf is a sync window in words.
func windowOf(w map[string]any) string {
	var line strings.Builder
	line.WriteString(text(w, "kind") + " " + text(w, "schedule") + " for " + text(w, "duration"))
	if zone := text(w, "timeZone"); zone != "" {
		line.WriteString(" (" + zone + ")")
	}
	for _, of := range []string{"applications", "namespaces", "clusters"} {
		if which := texts(w, of); len(which) > 0 {
			line.WriteString("; " + of + " " + strings.Join(which, ", "))
		}
	}
	if boolean(w, "manualSync") {
		line.WriteString("; syncs by hand are let through")
	}
	return line.String()
}
