package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}javascript:alert(1)`

// Whatever users and clusters write, pages have it as text: no element, no attribute
// and no address comes of it.
func TestHostileTextsStayTexts(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("shop-frontend")
	ref := viewtest.Ref("Deployment", "shop", hostile)
	links := []view.Link{{Title: hostile, URL: "javascript:alert(1)"}, {Title: "data", URL: "data:text/html,<script>alert(1)</script>"}}
	b.Edit(app, func(d *view.Detail) {
		d.Project, d.Message, d.Links, d.Images = hostile, hostile, links, []string{hostile}
		d.Revision, d.Commit = hostile, model.Commit{ID: hostile, Author: hostile, Subject: hostile, Time: viewtest.Now}
		d.Sources = []view.Source{{Kind: hostile, URL: hostile, Web: "javascript:alert(1)", Path: hostile, Chart: hostile, Target: hostile, Object: hostile, Tool: hostile}}
		d.Sync, d.Health = hostile, hostile
		d.Conditions = []view.Condition{{Severity: hostile, Type: hostile, Text: hostile, Next: hostile}}
		d.Operation = &view.Operation{Phase: hostile, Message: hostile, By: hostile, Revision: hostile, Results: []view.Result{{Ref: ref, Status: hostile, Message: hostile, Phase: hostile, Hook: true}}}
		d.History = []view.Deployment{{ID: 1, Revision: hostile, By: hostile, Commit: d.Commit, Sources: d.Sources, At: viewtest.Now}, {ID: 2, Current: true}}
		d.Resources = []view.Resource{{Ref: ref, Sync: hostile, Health: hostile, Message: hostile}}
		d.SyncOptions, d.Blocking, d.CanRollback = []string{hostile}, []string{hostile}, true
		d.Cluster, d.Namespace = view.ClusterName{Name: hostile}, hostile
	})
	b.SetTree(app, view.Tree{Incomplete: []string{hostile}, Nodes: []view.Node{{
		Ref: ref, UID: hostile, Managed: true, Health: hostile, Sync: hostile, Message: hostile,
		Info: []string{hostile}, Images: []string{hostile}, Links: links, Created: viewtest.Now.Add(-time.Hour),
	}}})
	b.SetDiff(app, view.Diff{
		Revision: hostile, Blocked: hostile, Warnings: []string{hostile},
		Objects: []view.ObjectDiff{{Ref: ref, Action: hostile, Reason: hostile, Err: hostile, SetBy: []view.FieldOwner{{Manager: hostile, Fields: []string{hostile}}}, Hunks: []view.Hunk{{Lines: []view.Line{{Op: '+', Text: hostile, New: 1}}}}}},
	})
	s := site(b, viewtest.Options{Who: view.Who{Name: hostile, Title: hostile, Groups: []string{hostile}}})
	for _, path := range []string{
		AppPath(app), AppPath(app) + "?view=list", AppPath(app) + "/sync", AppPath(app) + "/history", AppPath(app) + "/rollback?id=1",
		AppPath(app) + "/diff?revision=" + "x", pathOf(app, "diff", ref, "revision", hostile), pathOf(app, "diff", ref, "split", "1"),
		pathOf(app, "resource", ref), pathOf(app, "resource", ref, "show", "live"), pathOf(app, "resource", ref, "show", "fields"),
		pathOf(app, "resource", ref, "show", "events"), pathOf(app, "resource", ref, "show", hostile), pathOf(app, "resource/delete", ref),
		pathOf(app, "resource/action", ref, "action", "scale"), pathOf(app, "logs", ref, "pod", hostile, "container", hostile, "q", hostile),
		AppPath(app) + "?" + "q=" + "%22%3E%3Cscript%3Ealert(1)%3C/script%3E&view=%22%3E&open=%22%3E&kind=%22%3E&health=%3Cb%3E",
	} {
		d := get(t, s, path)
		if d.code != http.StatusOK {
			t.Errorf("%s: status %d", path, d.code)
		}
		d.sound()
		for n := range d.Descendants() {
			if n.Type == html.ElementNode && (n.Data == "img" || n.Data == "script" && !strings.HasPrefix(attr(n, "src"), "/assets/")) {
				t.Errorf("%s has an element <%s> of a text", path, n.Data)
			}
		}
		if !strings.Contains(text(d.Node), "alert(1)") && !strings.Contains(path, "script") {
			t.Errorf("%s does not show the text at all", path)
		}
	}
}
