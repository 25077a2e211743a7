package backend

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// row makes an app's line of its object and the engine's report. Without a report,
// right after a start, what the object's status says counts.
func (b *Backend) row(ctx context.Context, obj *unstructured.Unstructured, report model.Report, reported bool) view.App {
	key := KeyOf(obj.GetKind(), obj.GetNamespace(), obj.GetName())
	app := view.App{
		Key: key, Kind: obj.GetKind(), UID: string(obj.GetUID()), Labels: obj.GetLabels(),
		Created: obj.GetCreationTimestamp().Time, Deleting: obj.GetDeletionTimestamp() != nil,
	}
	if key.Dialect == argo.Dialect {
		b.application(&app, obj)
	} else {
		b.ofFlux(ctx, &app, obj)
	}
	if reported {
		b.reported(&app, report)
	}
	if declared, ok := b.Engine.App(key); ok {
		b.declaredRow(&app, declared, report)
	}
	b.commits(&app, report)
	if app.Suspended && (app.Health == "" || app.Health == model.Unknown || app.Health == model.Healthy) {
		app.Health = model.Suspended
	}
	app.Sync, app.Health = cmp.Or(app.Sync, model.SyncUnknown), cmp.Or(app.Health, model.Unknown)
	app.Changed = changedAt(obj)
	return app
}

// reported takes over what the engine says.
func (b *Backend) reported(app *view.App, r model.Report) {
	app.Sync, app.Health, app.Message = r.Sync, cmp.Or(r.Health.Status, model.Healthy), oneLine(r.Health.Message)
	if r.Snapshot != nil {
		app.Revision = revisionOf(r)
	}
	if r.Applied != app.Revision {
		app.Deployed = r.Applied
	}
	app.Phase = ""
	if r.Operation != nil {
		app.Phase = r.Operation.Phase
	}
	app.Objects, app.OutOfSync, app.Unhealthy = 0, 0, 0
	for _, s := range r.Resources {
		if s.Hook {
			continue
		}
		app.Objects++
		if s.Sync == model.OutOfSync && !s.Extraneous {
			app.OutOfSync++
		}
		if s.Health.Status != "" && s.Health.Status != model.Healthy && s.Health.Status != model.Suspended {
			app.Unhealthy++
		}
	}
	if r.Err == nil {
		return
	}
	if app.Message == "" || !toldElsewhere[r.Stage] {
		app.Message = oneLine(r.Err.Error())
	}
	if r.Stage == model.StageSpec || r.Snapshot == nil || len(r.Resources) == 0 {
		app.Health = model.Unknown
	}
}

// revisionOf is the revision of a report, in the form of model.Revision.
func revisionOf(r model.Report) string {
	if len(r.Sources) > 1 {
		return model.Revision(r.Sources)
	}
	if r.Snapshot == nil {
		return ""
	}
	return r.Snapshot.Revision
}

// declaredRow takes over what the dialect has read out of the object.
func (b *Backend) declaredRow(app *view.App, declared model.App, report model.Report) {
	app.Auto, app.Prune, app.SelfHeal, app.Suspended = declared.Sync.Auto, declared.Sync.Prune, declared.Sync.SelfHeal, declared.Suspended
	app.Cluster = b.clusterName(declared.Target)
	if app.Namespace == "" {
		app.Namespace = declared.Namespace
	}
	if declared.Invalid != nil {
		app.Message, app.Health, app.Sync = oneLine(declared.Invalid.Error()), model.Unknown, model.SyncUnknown
	}
	for i := range app.Sources {
		if len(report.Tools) == len(app.Sources) {
			app.Sources[i].Tool = report.Tools[i]
		} else if i == 0 && report.Tool != "" {
			app.Sources[i].Tool = report.Tool
		}
	}
}

// commits says what the revisions are.
func (b *Backend) commits(app *view.App, r model.Report) {
	snapshots := r.Sources
	if len(snapshots) == 0 && r.Snapshot != nil {
		snapshots = []*model.Snapshot{r.Snapshot}
	}
	for i, s := range snapshots {
		if i < len(app.Sources) && s != nil {
			app.Sources[i].Revision, app.Sources[i].Commit = s.Revision, Shown(s.Commit)
		}
	}
	if len(snapshots) > 0 && snapshots[0] != nil {
		app.Commit = Shown(snapshots[0].Commit)
	}
}

// Shown is a commit for people: its author without address, and nothing in it that acts.
func Shown(c model.Commit) model.Commit {
	c.Author, c.Subject = model.Visible(c.Author), model.Visible(c.Subject)
	if name, _, ok := strings.Cut(c.Author, " <"); ok && name != "" {
		c.Author = name
	}
	return c
}

// clusterName is how people call a target.
func (b *Backend) clusterName(target string) view.ClusterName {
	if target == "" {
		return view.ClusterName{Name: argo.InClusterName, Server: argo.InClusterServer}
	}
	for _, c := range b.Settings().Clusters() {
		if c.Target() == target {
			return view.ClusterName{Name: cmp.Or(c.Name, c.Server), Server: c.Server}
		}
	}
	return view.ClusterName{Name: target, Server: target}
}

// changedAt is when the status says that something happened last; of an object
// without status its creation.
func changedAt(obj *unstructured.Unstructured) time.Time {
	newest := obj.GetCreationTimestamp().Time
	take := func(text string) {
		if at, err := time.Parse(time.RFC3339, text); err == nil && at.After(newest) {
			newest = at
		}
	}
	take(text(obj.Object, "status", "operationState", "finishedAt"))
	take(text(obj.Object, "status", "operationState", "startedAt"))
	take(text(obj.Object, "status", "health", "lastTransitionTime"))
	for _, c := range list(obj.Object, "status", "conditions") {
		take(text(c, "lastTransitionTime"))
	}
	return newest
}

// oneLine is the first line of a text, of bounded length.
func oneLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(model.Visible(s)), "\n")
	const most = 300
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// linksOf are those of annotations link.argocd.argoproj.io/*.
func linksOf(annotations map[string]string) []view.Link {
	var out []view.Link
	for key, value := range annotations {
		if !strings.HasPrefix(key, "link.argocd.argoproj.io/") {
			continue
		}
		if link, ok := view.SafeLink(value); ok {
			out = append(out, link)
		}
	}
	slices.SortFunc(out, func(a, b view.Link) int { return strings.Compare(a.URL, b.URL) })
	return out
}
