package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// automated is a sample that syncs itself, so that nothing but that keeps it from going back.
func automated(t *testing.T) (b *viewtest.Backend, app model.AppKey, id string) {
	t.Helper()
	b, app = viewtest.New(), sampleKey("shop-frontend")
	b.Edit(app, func(d *view.Detail) { d.Auto, d.CanRollback, d.WhyNot = true, false, "It syncs itself." })
	return b, app, oldest(t, b, app)
}

// An app that syncs itself can be rolled back in one step, which says what else it does.
func TestRollbackOfWhatSyncsItself(t *testing.T) {
	b, app, id := automated(t)
	s := site(b, viewtest.Options{})
	history := get(t, s, AppPath(app)+"/history")
	history.wantText("#history-list .note", "switches its automated sync off")
	history.one("#history-list a[href=" + AppPath(app) + "/rollback?id=" + id + "]")
	get(t, s, AppPath(app)).one("#app-head a[href=" + AppPath(app) + "/history].button")

	ask := get(t, s, AppPath(app)+"/rollback?id="+id)
	ask.sound()
	ask.wantText("form.ask .note", "stays off until somebody switches it on again")
	ask.wantText("form.ask button.first", "Switch automated sync off and roll back")

	for _, c := range []struct{ more, deeds, done string }{
		{"&dry-run=1", "rollback argo/argocd/shop-frontend by admin id=ID dry-run", "rollback"},
		{"", "automate argo/argocd/shop-frontend by admin off, rollback argo/argocd/shop-frontend by admin id=ID", "rollback-off"},
	} {
		b, app, id := automated(t)
		if c.more != "" { // what tries only is not kept from it
			b.Edit(app, func(d *view.Detail) { d.CanRollback = true })
		}
		form, _ := url.ParseQuery("id=" + id + c.more)
		d := post(t, site(b, viewtest.Options{}), AppPath(app)+"/rollback", form)
		if got := d.head.Get("Location"); d.code != http.StatusSeeOther || got != AppPath(app)+"?done="+c.done {
			t.Errorf("%q: status %d to %q: %s", c.more, d.code, got, text(d.Node))
		}
		if got, want := strings.Join(b.Deeds(), ", "), strings.ReplaceAll(c.deeds, "ID", id); got != want {
			t.Errorf("%q: deeds %q, want %q", c.more, got, want)
		}
	}
}

// Where a deployment came from is said where that is not what the app follows now.
func TestHistoryNamesOtherSources(t *testing.T) {
	b, app := viewtest.New(), sampleKey("shop-frontend")
	var now, before string
	b.Edit(app, func(d *view.Detail) {
		now = d.Sources[0].URL
		before = now + "-before"
		d.History[0].Sources = d.Sources
		d.History[1].Sources = []view.Source{{URL: before, Path: "old", Target: "v1"}}
	})
	d := get(t, site(b, viewtest.Options{}), AppPath(app)+"/history")
	d.wantCount("#history-list .what span.break", 1)
	d.wantText("#history-list .what span.break", before+" old @ v1")
}

// Where the second half fails the page says that the first was done, and asks no more for it.
func TestRollbackThatFailsHalfWay(t *testing.T) {
	b, app, id := automated(t)
	b.Fail("Rollback", model.As(model.ErrTransient, errors.New("the cluster does not answer")))
	d := post(t, site(b, viewtest.Options{}), AppPath(app)+"/rollback", url.Values{"id": {id}})
	d.wantText("form.ask [role=alert]", "the automated sync is off now", "the cluster does not answer")
	if got := text(d.one("form.ask button.first")); got != "Roll back" {
		t.Errorf("the button says %q", got)
	}

	b, app, id = automated(t)
	b.Fail("Automate", model.As(model.ErrTransient, errors.New("the cluster does not answer")))
	d = post(t, site(b, viewtest.Options{}), AppPath(app)+"/rollback", url.Values{"id": {id}})
	d.wantText("form.ask [role=alert]", "nothing was done")
	if len(b.Deeds()) > 0 {
		t.Errorf("deeds %q", b.Deeds())
	}
}

// Who may not change how an app syncs is told why it can't be rolled back, and offered nothing.
func TestRollbackIsNotOfferedWithoutTheRight(t *testing.T) {
	b, app, _ := automated(t)
	s := site(b, viewtest.Options{May: func(v view.Verb, _ view.App) bool { return v != view.VerbUpdate }})
	d := get(t, s, AppPath(app)+"/history")
	d.wantText("#history-list .note", "It can’t be rolled back now. It syncs itself.")
	d.wantCount("#history-list a[href*=rollback]", 0)
}
