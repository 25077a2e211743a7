package backend

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// activity is one of an app, now.
func (b *Backend) activity(app view.App, kind, message string) view.Activity {
	a := view.Activity{
		At: b.Now(), App: app.Key, Project: app.Project, Kind: kind, Revision: app.Revision, Commit: app.Commit, Message: message,
	}
	if len(app.Sources) > 0 {
		a.Web = view.CommitURL(app.Sources[0].Web, app.Commit.ID)
	}
	return a
}

// asked notes that somebody has asked for something.
func (b *Backend) asked(obj *unstructured.Unstructured, by, what string) {
	key := KeyOf(obj.GetKind(), obj.GetNamespace(), obj.GetName())
	app, _ := b.board.Get(key)
	app.Key = key
	a := b.activity(app, view.ActivityAction, what)
	a.By = by
	b.note(a)
}

// tell notes what has happened to an app between two of its lines.
func (b *Backend) tell(before, now view.App, r model.Report) {
	if b.isNewContent(before, now, r) {
		b.note(b.activity(now, view.ActivityRevision, ""))
	}
	b.tellOperation(now, r.Operation)
	if before.Sync == model.Synced && now.Sync == model.OutOfSync && before.Revision == now.Revision && before.Phase.Done() {
		b.note(b.activity(now, view.ActivityDrift, fmt.Sprintf("%d of %d objects differ from what is declared", now.OutOfSync, now.Objects)))
	}
	if before.Health != now.Health && worthTelling(before.Health, now.Health) {
		a := b.activity(now, view.ActivityHealth, healthText(before.Health, now))
		a.Failed = now.Health == model.Degraded || now.Health == model.Missing || now.Health == model.Unknown
		b.note(a)
	}
	b.tellTrouble(now, r)
	if before.Suspended != now.Suspended && !now.Suspended {
		b.note(b.activity(now, view.ActivityHealth, "resumed"))
	}
}

// isNewContent reports whether an app's new revision changes something of it: most commits
// of a repository that many apps share are of others. What the app had before a start of
// this process is not known; then it counts what it has come to.
func (b *Backend) isNewContent(before, now view.App, r model.Report) bool {
	if r.Content.IsZero() {
		return false
	}
	old, known := b.contents[now.Key]
	b.contents[now.Key] = r.Content
	if before.Revision == now.Revision || before.Revision == "" || now.Revision == "" {
		return false
	}
	if !known {
		return before.Sync == model.Synced && now.Sync == model.OutOfSync
	}
	return old != r.Content
}

// worthTelling leaves out what every sync goes through.
func worthTelling(before, now model.HealthStatus) bool {
	return now != model.Progressing && (before != model.Progressing || now != model.Healthy) || before == model.Degraded
}

func healthText(before model.HealthStatus, now view.App) string {
	out := fmt.Sprintf("%s, was %s", now.Health, before)
	if now.Message != "" {
		out += ": " + now.Message
	}
	return out
}

// tellOperation notes the end of an operation, once.
func (b *Backend) tellOperation(now view.App, op *model.Operation) {
	if op == nil || !op.Phase.Done() || op.Request.DryRun || op.Finished.Before(b.started) {
		return
	}
	mark := op.Mark()
	if b.told[now.Key] == mark {
		return
	}
	b.told[now.Key] = mark
	a := b.activity(now, view.ActivitySynced, op.Message)
	a.At, a.By, a.Revision = op.Finished, op.Request.By, op.Revision
	if op.Revision != now.Revision {
		a.Commit, a.Web = b.seen.of(op.Revision), ""
		if len(now.Sources) > 0 {
			a.Web = view.CommitURL(now.Sources[0].Web, a.Commit.ID)
		}
	}
	switch {
	case op.Phase != model.PhaseSucceeded:
		a.Kind, a.Failed = view.ActivityFailed, true
	case op.Request.Heal:
		a.Kind = view.ActivityHealed
	case op.Request.Rollback:
		a.Kind = view.ActivityRollback
	}
	b.note(a)
}

// toldElsewhere are stages whose errors are told by the end of a sync or by health.
var toldElsewhere = map[model.Stage]bool{
	model.StageApply: true, model.StagePrune: true, model.StageHealth: true, model.StageDependency: true,
}

// tellTrouble notes an error, once as long as it stays the same.
func (b *Backend) tellTrouble(now view.App, r model.Report) {
	trouble := ""
	if r.Err != nil && !toldElsewhere[r.Stage] {
		trouble = oneLine(r.Err.Error())
	}
	if trouble == b.troubles[now.Key] {
		return
	}
	was := b.troubles[now.Key]
	if b.troubles[now.Key] = trouble; trouble == "" {
		delete(b.troubles, now.Key)
		b.note(b.activity(now, view.ActivityHealth, "over: "+was))
		return
	}
	a := b.activity(now, view.ActivityError, trouble)
	a.Failed = true
	b.note(a)
}
