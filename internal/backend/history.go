package backend

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// history fills in what was deployed: of an Application what its status says, of
// others the syncs that were noted.
func (b *Backend) history(ctx context.Context, d *view.Detail, obj *unstructured.Unstructured) error {
	d.WhyNot = cantRollback(obj)
	d.CanRollback = d.WhyNot == ""
	noted, err := b.History.Activities(ctx, view.ActivityQuery{
		App: &d.Key, Kinds: []string{view.ActivitySynced, view.ActivityRevision, view.ActivityRollback}, Limit: 200,
	})
	if err != nil {
		return err
	}
	if d.Key.Dialect == argo.Dialect {
		d.History = recordedHistory(obj, b.commitOf(noted, d.App))
		if d.CanRollback && len(d.History) < 2 {
			d.CanRollback, d.WhyNot = false, "Nothing else has been deployed yet."
		}
		return nil
	}
	for _, a := range noted {
		if a.Kind != view.ActivitySynced || (len(d.History) > 0 && d.History[len(d.History)-1].Revision == a.Revision) {
			continue
		}
		d.History = append(d.History, view.Deployment{
			ID: a.ID, Revision: a.Revision, Commit: a.Commit, Sources: d.Sources, At: a.At, By: a.By, Current: len(d.History) == 0,
		})
	}
	return nil
}

// commitOf says what a commit is that activities tell of, or that was seen.
func (b *Backend) commitOf(noted []view.Activity, app view.App) func(id string) model.Commit {
	known := map[string]model.Commit{app.Commit.ID: app.Commit}
	for _, a := range noted {
		if a.Commit.ID != "" {
			known[a.Commit.ID] = a.Commit
		}
	}
	return func(id string) model.Commit {
		if c, ok := known[id]; ok && id != "" {
			return c
		}
		return b.seen.of(id)
	}
}

// recordedHistory is status.history, newest first.
func recordedHistory(obj *unstructured.Unstructured, commit func(id string) model.Commit) []view.Deployment {
	entries := list(obj.Object, "status", "history")
	slices.Reverse(entries)
	out := make([]view.Deployment, 0, len(entries))
	for i, e := range entries {
		id, _, _ := unstructured.NestedInt64(e, "id")
		d := view.Deployment{ID: id, Revision: revisionsIn(e), By: text(e, "initiatedBy", "username"), Current: i == 0}
		d.At, _ = time.Parse(time.RFC3339, text(e, "deployedAt"))
		d.Started, _ = time.Parse(time.RFC3339, text(e, "deployStartedAt"))
		d.Sources = sourcesOf(map[string]any{"spec": e})
		revisions := texts(e, "revisions")
		if len(revisions) == 0 {
			revisions = []string{text(e, "revision")}
		}
		for n, revision := range revisions {
			if n < len(d.Sources) {
				d.Sources[n].Revision, d.Sources[n].Commit = revision, commit(revision)
			}
			if n == 0 {
				d.Commit = commit(revision)
			}
		}
		out = append(out, d)
	}
	return out
}
