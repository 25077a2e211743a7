package viewtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

var (
	inCluster = view.ClusterName{Name: "in-cluster", Server: "https://kubernetes.default.svc"}
	staging   = view.ClusterName{Name: "staging", Server: "https://staging.example:6443"}
)

// Key is an app of the sample: Key("Application", "argocd", "shop-frontend").
func Key(kind, namespace, name string) model.AppKey {
	for _, k := range kinds {
		if k.kind == kind {
			return model.AppKey{Dialect: k.dialect, Namespace: namespace, Name: name}
		}
	}
	panic("no app is declared by a " + kind)
}

// commit is one of a team's, that long before Now.
func commit(seed, author, subject string, before time.Duration) model.Commit {
	return model.Commit{ID: commitID(seed), Author: author, Subject: subject, Time: Now.Add(-before)}
}

func gitSource(url, path string, at model.Commit) view.Source {
	return view.Source{
		Kind: model.SourceGit, URL: url, Web: url, Path: path, Target: "main", Tool: "Kustomize", Revision: at.ID, Commit: at,
	}
}

func chartSource(url, chart, target, revision string) view.Source {
	return view.Source{Kind: model.SourceHelm, URL: url, Chart: chart, Target: target, Tool: "Helm", Revision: revision}
}

// newSample is a healthy app of those sources, in sync, with a history of six
// deployments. What a has set stays.
func newSample(a view.App, sources ...view.Source) *sample {
	a.UID = uid(model.ObjectRef{ObjectKey: model.ObjectKey{Kind: a.Kind, Namespace: a.Key.Namespace, Name: a.Key.Name}})
	a.Sources, a.Revision, a.Commit = sources, sources[0].Revision, sources[0].Commit
	for _, s := range sources[1:] {
		a.Revision += "," + s.Revision
	}
	a.Sync, a.Health, a.Phase = model.Synced, model.Healthy, model.PhaseSucceeded
	if a.Created.IsZero() {
		a.Created = Now.Add(-26 * 24 * time.Hour)
	}
	if a.Changed.IsZero() {
		a.Changed = Now.Add(-50 * time.Hour)
	}
	s := &sample{Detail: view.Detail{App: a, CanRollback: true}}
	s.History = history(&a)
	s.Operation = &view.Operation{
		Phase: model.PhaseSucceeded, Message: "all objects are written", Revision: a.Revision,
		Started: a.Changed.Add(-9 * time.Second), Finished: a.Changed, Prune: a.Prune,
	}
	s.Deletion.Cascade = view.CascadeForeground
	if a.Kind != view.KindApplication {
		s.CanRollback, s.WhyNot = false, "its declaration says what is deployed: revert the commit, or suspend it first"
	}
	return s
}

// sampleDeletion is what becomes of the objects of one of Flux's kinds.
func sampleDeletion(a view.App) view.Deletion {
	if a.Suspended {
		return view.Deletion{Cascade: view.CascadeNone, Why: "it is suspended"}
	}
	return view.Deletion{Cascade: view.CascadeBackground}
}

// history is what was deployed, the current revision first.
func history(a *view.App) []view.Deployment {
	subjects := []string{"", "Add a readiness probe", "Raise the memory limit", "Use the new base image", "Set the time zone", "First version"}
	var out []view.Deployment
	for i, subject := range subjects {
		d := view.Deployment{ID: int64(len(subjects) - i), Revision: a.Revision, Commit: a.Commit, At: a.Changed.Add(-time.Duration(i*i) * 31 * time.Hour)}
		d.Started, d.Current, d.Sources = d.At.Add(-9*time.Second), i == 0, slices.Clone(a.Sources)
		if i%3 == 1 {
			d.By = "admin"
		}
		if i > 0 && a.Commit.ID != "" {
			d.Commit = model.Commit{ID: commitID(a.Key.String() + subject), Author: "Team " + []string{"Web", "Platform"}[i%2], Time: d.At.Add(-5 * time.Minute), Subject: subject}
			d.Revision = d.Commit.ID
		}
		if i > 0 && a.Commit.ID == "" {
			d.Revision = fmt.Sprintf("1.%d.0", len(subjects)-i)
		}
		d.Sources[0].Revision, d.Sources[0].Commit = d.Revision, d.Commit
		out = append(out, d)
	}
	return out
}

// grow gives s a tree, and its list of objects, images and counts from it.
func (s *sample) grow(f *forest) *sample {
	s.tree.Nodes = f.nodes
	for i := range f.nodes {
		n := &f.nodes[i]
		for _, image := range n.Images {
			if !slices.Contains(s.Images, image) {
				s.Images = append(s.Images, image)
			}
		}
		if !n.Managed {
			continue
		}
		s.Resources = append(s.Resources, view.Resource{
			Ref: n.Ref, Sync: n.Sync, Health: n.Health, Message: n.Message, Wave: n.Wave, Hook: n.Hook,
			Prune: n.Prune, Confirm: n.Prune && n.Ref.Kind == "PersistentVolumeClaim", Live: n.UID != "",
		})
		if !n.Hook {
			s.Objects++
		}
	}
	slices.SortFunc(s.Resources, func(a, b view.Resource) int { return a.Ref.Compare(b.Ref.ObjectKey) })
	if s.Kind != view.KindApplication {
		s.Deletion = sampleDeletion(s.App)
	}
	s.logs = logsOf(s)
	s.declare()
	return s
}

// declare makes the declaring object of what is known.
func (s *sample) declare() {
	version := map[string]string{
		view.KindApplication: "argoproj.io/v1alpha1", view.KindKustomization: "kustomize.toolkit.fluxcd.io/v1", view.KindHelmRelease: "helm.toolkit.fluxcd.io/v2",
	}[s.Kind]
	src := s.Sources[0]
	spec := map[string]any{"path": src.Path, "prune": s.Prune, "interval": "10m", "targetNamespace": s.Namespace}
	if s.Kind == view.KindApplication {
		spec = map[string]any{
			"project":     s.Project,
			"source":      map[string]any{"repoURL": src.URL, "path": src.Path, "targetRevision": src.Target},
			"destination": map[string]any{"server": s.Cluster.Server, "namespace": s.Namespace},
		}
		if s.Auto {
			spec["syncPolicy"] = map[string]any{"automated": map[string]any{"prune": s.Prune, "selfHeal": s.SelfHeal}}
		}
	}
	labels := map[string]any{}
	for k, v := range s.Labels {
		labels[k] = v
	}
	meta := map[string]any{
		"name": s.Key.Name, "namespace": s.Key.Namespace, "uid": s.UID, "labels": labels,
		"creationTimestamp": s.Created.Format(time.RFC3339), "resourceVersion": "4711",
	}
	s.Declaration = map[string]any{"apiVersion": version, "kind": s.Kind, "metadata": meta, "spec": spec}
	s.Raw = map[string]any{"apiVersion": version, "kind": s.Kind, "metadata": meta, "spec": spec}
	if s.Kind == view.KindApplication {
		s.Raw["status"] = map[string]any{
			"sync":   map[string]any{"status": string(s.Sync), "revision": s.Revision},
			"health": map[string]any{"status": string(s.Health), "message": s.Message},
		}
	}
}

// logsOf are thirty lines of each pod, in the order of time.
func logsOf(s *sample) []view.LogLine {
	texts := []string{"GET /healthz 200 1ms", "GET /api/items?page=2 200 18ms", "POST /api/orders 201 44ms", "WARN slow query: 812ms", "GET /api/items/17 404 2ms"}
	var pods []view.Pod
	for i := range s.tree.Nodes {
		if n := &s.tree.Nodes[i]; n.Ref.Kind == "Pod" {
			pods = append(pods, podsBelow(s, n)...)
		}
	}
	var out []view.LogLine
	for i := range 30 {
		for _, p := range pods {
			for _, c := range p.Containers {
				l := view.LogLine{Pod: p.Name, Container: c.Name, At: Now.Add(time.Duration(i-30) * 7 * time.Second), Text: texts[i%len(texts)]}
				if c.Restarts > 0 && i < 20 {
					l.Text = previousRun + "ERROR cannot connect to the database: connection refused"
				}
				out = append(out, l)
			}
		}
	}
	return out
}
