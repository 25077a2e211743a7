package e2e

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/front"
	"github.com/fixpoint-cd/fixpoint/internal/guard"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
	"github.com/fixpoint-cd/fixpoint/internal/web"
)

// sampleSite serves the pages of a sample as the controller serves its own, to people who
// may do everything.
func sampleSite(t *testing.T, b view.Backend) string {
	t.Helper()
	return siteOf(t, b, "g, platform, role:admin", func(context.Context, view.Audit) error { return nil })
}

// siteOf serves the pages of a backend through the front door and the guard, by a
// policy.csv, to whomever asks.
func siteOf(t *testing.T, b view.Backend, policy string, audit func(context.Context, view.Audit) error) string {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config = serverOf(t, b, policy, audit)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// serverOf is the server of siteOf.
func serverOf(t *testing.T, b view.Backend, policy string, audit func(context.Context, view.Audit) error) *http.Server {
	t.Helper()
	set, problems := access.Read(map[string]string{"policy.csv": policy}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var rights access.Enforcer
	rights.Use(set)
	pages := web.New(web.Config{Now: func() time.Time { return viewtest.Now }, Version: "0.5.0"})
	mux := http.NewServeMux()
	pages.Routes(mux)
	g := guard.New(guard.Config{Namespace: "argocd", Backend: b, May: rights.May, Rights: rights.Rights, Audit: audit, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	handler := front.New(front.Config{
		SignIn: openDoor{}, Page: pages.SignIn, Pages: mux,
		Desk: func(r front.Reader) view.Desk {
			return g.Desk(guard.Reader{Identity: r.Identity, From: r.From, Via: r.Via, Valid: r.Valid})
		},
		Audit: audit, Log: slog.New(slog.DiscardHandler), StreamsEach: 1000,
	})
	return front.Server(handler)
}

// The headers by which a request to an openDoor says who it is from: a name, and groups
// with commas between them.
const (
	readerHeader = "Test-Reader"
	groupsHeader = "Test-Groups"
)

// openDoor lets everybody in by the name and with the groups that they say, or as ana of
// the platform team, and shows the page for signing in.
type openDoor struct{ front.SignIn }

func (openDoor) Authenticate(r *http.Request) (access.Identity, error) {
	if r.URL.Path == "/auth/login" {
		return access.Identity{}, view.ErrUnauthenticated
	}
	name := cmp.Or(r.Header.Get(readerHeader), "ana")
	groups := strings.Split(cmp.Or(r.Header.Get(groupsHeader), "platform,on-call"), ",")
	return access.Identity{Subject: name, Title: name + "@example.com", Groups: groups}, nil
}

func (openDoor) Login(http.ResponseWriter, *http.Request, string, string, string) error {
	return view.ErrUnauthenticated
}
func (openDoor) While(ctx context.Context, _ access.Identity) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}
func (openDoor) Valid(context.Context, access.Identity) error { return nil }
func (openDoor) Ways() (local bool, sso string)               { return true, "Example ID" }

// counting is a backend that counts how often lists of apps and trees are asked for: as
// often as pages with them are made.
type counting struct {
	view.Backend
	lists, trees atomic.Int64
}

func (c *counting) Apps(q view.Query, may func(*view.App) bool) view.Page {
	c.lists.Add(1)
	return c.Backend.Apps(q, may)
}

func (c *counting) Tree(ctx context.Context, app model.AppKey) (view.Tree, error) {
	c.trees.Add(1)
	return c.Backend.Tree(ctx, app)
}

// samplePages are the addresses of all kinds of pages in all their states, by name.
func samplePages(t *testing.T, b *viewtest.Backend) map[string]string {
	t.Helper()
	app := func(name string) model.AppKey { return viewtest.Key(view.KindApplication, "argocd", name) }
	payments, ledger, cart, front := app("payments-api"), app("payments-ledger"), app("shop-cart"), app("shop-frontend")
	deployment := sampleNode(t, b, payments, "Deployment")
	pod, secret := sampleNode(t, b, payments, "Pod"), sampleNode(t, b, payments, "Secret")
	pages := map[string]string{
		"apps": "/apps", "apps-tiles": "/apps?view=tiles", "apps-filtered": "/apps?project=shop&q=shop", "apps-nothing": "/apps?q=nosuch",
		"app": web.AppPath(payments), "app-running": web.AppPath(cart), "app-drifted": web.AppPath(ledger), "app-healthy": web.AppPath(front),
		"app-deleting": web.AppPath(app("legacy-billing")), "app-error": web.AppPath(app("reports")), "app-new": web.AppPath(app("search-index")),
		"app-list": web.AppPath(payments) + "?view=list",
		"sync":     web.AppPath(ledger) + "/sync", "diff": web.AppPath(ledger) + "/diff", "diff-split": web.AppPath(ledger) + "/diff?split=1&noise=1",
		"autosync": web.AppPath(ledger) + "/autosync", "removal": web.AppPath(front) + "/delete", "removal-deleting": web.AppPath(app("legacy-billing")) + "/delete",
		"gone":      web.AppPath(app("no-such-app")) + "?done=delete-app",
		"diff-none": web.AppPath(cart) + "/diff", "history": web.AppPath(front) + "/history",
		"resource": objectPage(payments, "resource", deployment), "resource-pod": objectPage(payments, "resource", pod),
		"resource-live": objectPage(payments, "resource", deployment, "show", "live"), "resource-secret": objectPage(payments, "resource", secret, "show", "live"),
		"resource-fields": objectPage(payments, "resource", deployment, "show", "fields"), "resource-events": objectPage(payments, "resource", pod, "show", "events"),
		"action": objectPage(payments, "resource/action", deployment, "action", "scale"), "delete": objectPage(payments, "resource/delete", deployment),
		"logs": objectPage(payments, "logs", deployment), "logs-wrapped": objectPage(payments, "logs", pod, "container", "*", "times", "1", "wrap", "1"),
		"not-found": "/apps/application/argocd/no-such-app", "sign-in": "/auth/login",
	}
	for _, name := range []string{"account", "activity", "audit", "clusters", "repositories", "projects", "sources"} {
		pages[name] = "/" + name
	}
	detail, err := b.App(t.Context(), front)
	if err != nil || len(detail.History) < 2 {
		t.Fatalf("%s has no history: %v", front, err)
	}
	pages["rollback"] = web.AppPath(front) + "/rollback?id=" + strconv.FormatInt(detail.History[1].ID, 10)
	return pages
}

func sampleNode(t *testing.T, b *viewtest.Backend, app model.AppKey, kind string) model.ObjectRef {
	t.Helper()
	tree, err := b.Tree(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range tree.Nodes {
		if n.Ref.Kind == kind {
			return n.Ref
		}
	}
	t.Fatalf("%s has no %s", app, kind)
	return model.ObjectRef{}
}

// objectPage is the address of a page of an object, with more parameters.
func objectPage(app model.AppKey, what string, ref model.ObjectRef, more ...string) string {
	q := url.Values{"group": {ref.Group}, "kind": {ref.Kind}, "namespace": {ref.Namespace}, "name": {ref.Name}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return web.AppPath(app) + "/" + what + "?" + q.Encode()
}
