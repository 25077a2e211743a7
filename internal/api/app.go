package api

import (
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// AppName names an app.
type AppName struct {
	Kind      string `json:"kind" doc:"what declares the app" enum:"application,kustomization,helmrelease"`
	Namespace string `json:"namespace" doc:"that of the declaring object"`
	Name      string `json:"name"`
	URL       string `json:"url" doc:"where the app is in this API"`
}

// App is a line of the list of apps.
type App struct {
	AppName
	UID             string            `json:"uid,omitempty"`
	Project         string            `json:"project,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Cluster         ClusterName       `json:"cluster" doc:"where its objects are"`
	TargetNamespace string            `json:"targetNamespace,omitempty" doc:"that of objects that name none"`
	Sources         []Source          `json:"sources"`
	Revision        string            `json:"revision,omitempty" doc:"what its objects are compared with"`
	Deployed        string            `json:"deployed,omitempty" doc:"what the last sync that succeeded applied, where that is another revision"`
	Commit          *Commit           `json:"commit,omitempty"`
	Sync            string            `json:"sync" enum:"Synced,OutOfSync,Unknown"`
	Health          string            `json:"health" enum:"Healthy,Suspended,Progressing,Missing,Degraded,Unknown"`
	Message         string            `json:"message,omitempty" doc:"why it is not healthy or not in sync"`
	Auto            bool              `json:"auto" doc:"what differs is synced without being asked"`
	Prune           bool              `json:"prune" doc:"what is no longer declared is deleted"`
	SelfHeal        bool              `json:"selfHeal" doc:"what others change is taken back"`
	Suspended       bool              `json:"suspended" doc:"nothing is done until it is resumed"`
	Deleting        bool              `json:"deleting"`
	Phase           string            `json:"phase,omitempty" doc:"that of its running or last sync" enum:"Running,Succeeded,Failed,Error"`
	Objects         int               `json:"objects" doc:"how many it has"`
	OutOfSync       int               `json:"outOfSync" doc:"how many of them differ"`
	Unhealthy       int               `json:"unhealthy" doc:"how many of them are not healthy"`
	Created         time.Time         `json:"created,omitzero"`
	Changed         time.Time         `json:"changed,omitzero" doc:"when sync, health, revision or operation last changed"`
	Links           []Link            `json:"links,omitempty"`
	Version         uint64            `json:"version" doc:"rises with each change, over all apps, until the controller restarts"`
}

// ClusterName names a cluster.
type ClusterName struct {
	Name   string `json:"name" doc:"in-cluster is the one that Fixpoint runs in"`
	Server string `json:"server"`
}

// Link is an address of http or https.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url" format:"uri"`
}

// Commit is a commit of a Git repository.
type Commit struct {
	ID      string    `json:"id"`
	Author  string    `json:"author,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	Subject string    `json:"subject,omitempty"`
}

// Source is what an app is made of.
type Source struct {
	Kind     string  `json:"kind" doc:"git, oci, helm or bucket"`
	URL      string  `json:"url" doc:"without credentials"`
	Web      string  `json:"web,omitempty" doc:"its page for a browser"`
	Path     string  `json:"path,omitempty"`
	Chart    string  `json:"chart,omitempty"`
	Target   string  `json:"target,omitempty" doc:"the revision that is followed, such as main or 1.x"`
	Object   string  `json:"object,omitempty" doc:"what declares it, as Kind/namespace/name, if not the app itself"`
	Tool     string  `json:"tool,omitempty" doc:"what renders it"`
	Revision string  `json:"revision,omitempty" doc:"what it is at"`
	Commit   *Commit `json:"commit,omitempty"`
}

// Apps is a page of the list of apps.
type Apps struct {
	Items   []App              `json:"items"`
	Total   int                `json:"total" doc:"how many the query has found"`
	All     int                `json:"all" doc:"how many the reader may see"`
	Health  map[string]int     `json:"health" doc:"how many of those found are in which state"`
	Sync    map[string]int     `json:"sync"`
	Running int                `json:"running" doc:"how many of those found are being synced"`
	Facets  map[string][]Count `json:"facets,omitempty" doc:"how often each value of a filter occurs, if that filter alone were left out"`
	Version uint64             `json:"version" doc:"that of the newest change that the reader may see"`
	Next    string             `json:"next,omitempty" doc:"the next page; there is none without it"`
}

// Count is a value with how often it occurs.
type Count struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// appKinds are the kinds of apps as addresses have them, with the dialect of their keys.
var appKinds = []struct{ path, kind, dialect string }{
	{"application", view.KindApplication, "argo"},
	{"kustomization", view.KindKustomization, "flux"},
	{"helmrelease", view.KindHelmRelease, "helm"},
}

// appKey is the key of an app by its address.
func appKey(kind, namespace, name string) (model.AppKey, bool) {
	for _, k := range appKinds {
		if k.path == kind {
			return model.AppKey{Dialect: k.dialect, Namespace: namespace, Name: name}, true
		}
	}
	return model.AppKey{}, false
}

func appName(key model.AppKey) AppName {
	n := AppName{Namespace: key.Namespace, Name: key.Name}
	for _, k := range appKinds {
		if k.dialect == key.Dialect {
			n.Kind = k.path
		}
	}
	n.URL = Root + "/apps/" + strings.Join([]string{n.Kind, escape(n.Namespace), escape(n.Name)}, "/")
	return n
}

func app(a view.App) App {
	return App{
		AppName: appName(a.Key), UID: a.UID, Project: a.Project, Labels: a.Labels, Cluster: clusterName(a.Cluster),
		TargetNamespace: a.Namespace, Sources: list(a.Sources, source), Revision: a.Revision, Deployed: a.Deployed, Commit: commit(a.Commit),
		Sync: status(a.Sync), Health: status(a.Health), Message: a.Message,
		Auto: a.Auto, Prune: a.Prune, SelfHeal: a.SelfHeal, Suspended: a.Suspended, Deleting: a.Deleting,
		Phase: string(a.Phase), Objects: a.Objects, OutOfSync: a.OutOfSync, Unhealthy: a.Unhealthy,
		Created: a.Created.UTC(), Changed: a.Changed.UTC(), Links: list(a.Links, link), Version: a.Version,
	}
}

func apps(p view.Page) Apps {
	out := Apps{
		Items: list(p.Apps, app), Total: p.Total, All: p.All, Running: p.Running, Version: p.Version,
		Health: map[string]int{}, Sync: map[string]int{},
	}
	for k, n := range p.Health {
		out.Health[status(k)] += n
	}
	for k, n := range p.Sync {
		out.Sync[status(k)] += n
	}
	if p.Facets != nil {
		out.Facets = map[string][]Count{}
		for name, counts := range p.Facets {
			out.Facets[name] = list(counts, func(c view.Count) Count { return Count(c) })
		}
	}
	return out
}

// status is a state in a word: what is not known yet is Unknown.
func status[T ~string](s T) string {
	if s == "" {
		return "Unknown"
	}
	return string(s)
}

func clusterName(c view.ClusterName) ClusterName { return ClusterName(c) }

func link(l view.Link) Link { return Link(l) }

func commit(c model.Commit) *Commit {
	if c.ID == "" {
		return nil
	}
	return &Commit{ID: c.ID, Author: c.Author, Time: c.Time.UTC(), Subject: c.Subject}
}

func source(s view.Source) Source {
	return Source{
		Kind: string(s.Kind), URL: s.URL, Web: s.Web, Path: s.Path, Chart: s.Chart, Target: s.Target,
		Object: s.Object, Tool: s.Tool, Revision: s.Revision, Commit: commit(s.Commit),
	}
}

// list is never nil, so that it is [] in JSON.
func list[A, B any](in []A, f func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, x := range in {
		out = append(out, f(x))
	}
	return out
}

// texts is in, or an empty list.
func texts(in []string) []string { return append([]string{}, slices.Clip(in)...) }
