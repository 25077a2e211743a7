package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

func TestCulprits(t *testing.T) {
	node := func(kind, name string, h model.HealthStatus, parents ...string) view.Node {
		return view.Node{Ref: viewtest.Ref(kind, "shop", name), UID: name, Health: h, Parents: parents, Message: "CrashLoopBackOff"}
	}
	got := culprits([]view.Node{
		node("Deployment", "api", model.Degraded),
		node("ReplicaSet", "api-1", model.Progressing, "api"),
		node("Pod", "api-1-x", model.Degraded, "api-1"),
		node("Pod", "api-1-y", model.Healthy, "api-1"),
		node("Deployment", "web", model.Degraded),
		node("Service", "api-svc", model.Missing),
	})
	var names []string
	for _, c := range got {
		names = append(names, c.Ref.Kind+" "+c.Ref.Name)
	}
	if diff := cmp.Diff([]string{"Pod api-1-x", "Deployment web"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What has never run has no log: its events are where to go on.
func TestCulpritsThatNeverRan(t *testing.T) {
	for word, want := range map[string]bool{"CrashLoopBackOff": true, "ImagePullBackOff": false} {
		n := view.Node{Ref: viewtest.Ref("Pod", "shop", "api"), Health: model.Degraded, Message: word}
		if c := culpritOf(&n); c.HasLog != want || c.Next == "" {
			t.Errorf("%s: %+v, want HasLog %v", word, c, want)
		}
	}
}

// A degraded app says which object fails, why, and leads to its log.
func TestAppNamesCulprits(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	d := get(t, s, AppPath(sampleKey("payments-api")))
	d.wantCount(".culprits li", 1)
	d.wantText(".culprits", "Pod", "CrashLoopBackOff", "a container ends again and again")
	d.wantCount(".culprits a.button", 1)
	if log := get(t, s, attr(d.one(".culprits a.button"), "href")); log.code != 200 {
		t.Errorf("its log: status %d", log.code)
	}
	get(t, s, AppPath(sampleKey("shop-frontend"))).wantCount(".culprits", 0)

	b.Edit(sampleKey("payments-api"), func(d *view.Detail) { d.Health = model.Progressing })
	get(t, s, AppPath(sampleKey("payments-api"))).wantCount(".culprits li", 1)
}

// Nothing is said twice on a page: the last sync does not repeat a condition.
func TestOperationDoesNotRepeat(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("payments-api")
	b.Edit(app, func(d *view.Detail) {
		d.Operation.Message = "it went wrong"
		d.Operation.Results = []view.Result{
			{Ref: viewtest.Ref("Deployment", "payments", "api"), Status: "failed", Message: "it went wrong", Failed: true},
			{Ref: viewtest.Ref("Job", "payments", "other"), Status: "failed", Message: "another reason", Failed: true},
		}
		d.Conditions = []view.Condition{{Severity: view.SeverityError, Type: "Sync", Text: "Deployment/api: it went wrong"}}
	})
	d := get(t, site(b, viewtest.Options{}), AppPath(app))
	d.wantText("#app-state .note", "The sync failed", "it went wrong")
	d.wantText("#app-state .operation", "failed Deployment api", "failed Job other another reason")
	d.wantNoText("#app-state .operation", "it went wrong")
}

// What has no effect in a declaration takes one line, below all that is the matter.
func TestUnheeded(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("payments-api")
	condition := func(severity view.Severity, of, text string) view.Condition {
		return view.Condition{Severity: severity, Type: of, Text: text, Next: "look it up"}
	}
	b.Edit(app, func(d *view.Detail) {
		d.Conditions = []view.Condition{
			condition(view.SeverityWarning, "Field", "spec.project: not enforced"), condition(view.SeverityWarning, "Field", "spec.other: not known"),
			condition(view.SeverityWarning, "Shared", "somebody else has it"), condition(view.SeverityError, "Sync", "it went wrong"),
		}
	})
	d := get(t, site(b, viewtest.Options{}), AppPath(app))
	d.wantCount("#app-state section.note", 2)
	d.wantCount("#app-state .unheeded", 1)
	d.wantCount("#app-state .unheeded li", 2)
	d.wantText("#app-state .unheeded", "Not honoured", "spec.project: not enforced", "spec.other: not known", "look it up")
	if page := string(d.body); strings.Index(page, "panel operation") > strings.Index(page, "note warn unheeded") {
		t.Error("it stands above the last sync")
	}
}

// An object's page names what fails below it, not beside it.
func TestBelow(t *testing.T) {
	node := func(kind, name string, parents ...string) view.Node {
		return view.Node{Ref: viewtest.Ref(kind, "shop", name), UID: name, Health: model.Degraded, Parents: parents}
	}
	nodes := []view.Node{ // children before their parents, too
		node("Pod", "api-1-x", "api-1"), node("Pod", "web-1-x", "web-1"),
		node("ReplicaSet", "api-1", "api"), node("ReplicaSet", "web-1", "web"),
		node("Deployment", "api"), node("Deployment", "web"),
	}
	var names []string
	for _, n := range below(nodes, nodes[4].Ref.ObjectKey) {
		names = append(names, n.Ref.Name)
	}
	if diff := cmp.Diff([]string{"api-1", "api-1-x"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := below(nodes, model.ObjectKey{Kind: "Service", Namespace: "shop", Name: "api"}); got != nil {
		t.Errorf("below what is not there: %v", got)
	}
}

// A degraded Deployment says which of its pods fails and why, and leads to it and its log.
func TestObjectNamesCulprits(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	app := sampleKey("payments-api")
	deployment, pod := findNode(t, b, app, "Deployment").Ref, findNode(t, b, app, "Pod").Ref
	d := get(t, s, pathOf(app, "resource", deployment))
	d.wantText(".culprits", "Pod", "CrashLoopBackOff", "a container ends again and again")
	d.one(".culprits a.button")
	d.wantCount(".pods b.bad", 4)
	if to := get(t, s, attr(d.all(".pods b a")[0], "href")); to.code != 200 {
		t.Errorf("its pod: status %d", to.code)
	}
	own := get(t, s, pathOf(app, "resource", pod))
	own.wantCount(".culprits", 0)
	own.wantCount(".pods b a", 0)

	b.Fail("Tree", model.As(model.ErrTransient, errNoPage))
	without := get(t, s, pathOf(app, "resource", deployment))
	without.wantCount(".culprits", 0)
	if without.code != 200 {
		t.Errorf("without its tree: status %d", without.code)
	}
}
