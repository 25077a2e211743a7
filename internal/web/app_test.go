package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

func sampleKey(name string) model.AppKey { return viewtest.Key(view.KindApplication, "argocd", name) }

// findNode is the first node of a kind in an app of the sample.
func findNode(t *testing.T, b *viewtest.Backend, app model.AppKey, kind string) view.Node {
	t.Helper()
	tree, err := b.Tree(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range tree.Nodes {
		if n.Ref.Kind == kind {
			return n
		}
	}
	t.Fatalf("%s has no %s", app, kind)
	return view.Node{}
}

func pathOf(app model.AppKey, below string, ref model.ObjectRef, more ...string) string {
	q := objectQuery(ref.ObjectKey)
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return AppPath(app) + "/" + below + "?" + q.Encode()
}

// appAddresses are the pages of apps in all their forms, by name.
func appAddresses(t *testing.T, b *viewtest.Backend) map[string]string {
	t.Helper()
	payments, ledger, cart, front := sampleKey("payments-api"), sampleKey("payments-ledger"), sampleKey("shop-cart"), sampleKey("shop-frontend")
	deployment := findNode(t, b, payments, "Deployment").Ref
	pod, secret := findNode(t, b, payments, "Pod").Ref, findNode(t, b, payments, "Secret").Ref
	return map[string]string{
		"app-degraded": AppPath(payments), "app-running": AppPath(cart), "app-drifted": AppPath(ledger), "app-healthy": AppPath(front),
		"app-list": AppPath(front) + "?view=list", "app-filtered": AppPath(payments) + "?health=Degraded", "app-no-match": AppPath(payments) + "?q=nothing",
		"app-new": AppPath(sampleKey("search-index")), "app-error": AppPath(sampleKey("reports")), "app-deleting": AppPath(sampleKey("legacy-billing")),
		"app-monitoring": AppPath(sampleKey("platform-monitoring")),
		"sync":           AppPath(ledger) + "/sync", "diff": AppPath(ledger) + "/diff", "diff-split": AppPath(ledger) + "/diff?split=1&noise=1",
		"diff-branch": AppPath(front) + "/diff?revision=try-this", "diff-nowhere": AppPath(front) + "/diff?revision=nowhere", "diff-none": AppPath(cart) + "/diff",
		"autosync": AppPath(ledger) + "/autosync", "removal": AppPath(front) + "/delete", "removal-deleting": AppPath(sampleKey("legacy-billing")) + "/delete",
		"removal-flux": AppPath(viewtest.Key(view.KindHelmRelease, "ingress", "ingress-nginx")) + "/delete", "gone": AppPath(sampleKey("gone")) + "?done=delete-app",
		"history": AppPath(front) + "/history", "rollback": AppPath(front) + "/rollback?id=" + oldest(t, b, front),
		"object": pathOf(payments, "resource", deployment), "object-pod": pathOf(payments, "resource", pod),
		"object-live": pathOf(payments, "resource", deployment, "show", "live"), "object-desired": pathOf(payments, "resource", deployment, "show", "desired"),
		"object-fields": pathOf(payments, "resource", deployment, "show", "fields"), "object-events": pathOf(payments, "resource", pod, "show", "events"),
		"object-secret": pathOf(payments, "resource", secret, "show", "live"),
		"action":        pathOf(payments, "resource/action", deployment, "action", "scale"), "delete": pathOf(payments, "resource/delete", deployment),
		"logs": pathOf(payments, "logs", deployment), "logs-all": pathOf(payments, "logs", pod, "container", "*", "times", "1", "wrap", "1"),
		"declaration": AppPath(payments) + "/declaration",
		"logs-none":   pathOf(payments, "logs", secret),
	}
}

func oldest(t *testing.T, b *viewtest.Backend, app model.AppKey) string {
	t.Helper()
	d, err := b.App(t.Context(), app)
	if err != nil || len(d.History) < 2 {
		t.Fatalf("%s has no history: %v", app, err)
	}
	return url.QueryEscape(strconv.FormatInt(d.History[len(d.History)-1].ID, 10))
}

func TestAppPagesAreSound(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	for name, path := range appAddresses(t, b) {
		t.Run(name, func(t *testing.T) {
			d := get(t, s, path)
			if d.code != http.StatusOK {
				t.Fatalf("%s: status %d: %s", path, d.code, text(d.Node))
			}
			d.sound()
		})
	}
}

// Every app of the sample has all its pages, in every view.
func TestEveryAppHasItsPages(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	for _, a := range b.Apps(view.Query{Limit: view.MaxLimit}, nil).Apps {
		for _, below := range []string{"", "?view=list", "/sync", "/diff", "/diff?noise=1&split=1", "/history"} {
			d := get(t, s, AppPath(a.Key)+below)
			if d.code != http.StatusOK {
				t.Errorf("%s: status %d", d.path, d.code)
			}
			d.sound()
		}
		tree, err := b.Tree(t.Context(), a.Key)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range tree.Nodes {
			for _, show := range []string{"", "live", "desired", "fields", "events"} {
				d := get(t, s, pathOf(a.Key, "resource", n.Ref, "show", show))
				if d.code != http.StatusOK {
					t.Errorf("%s: status %d", d.path, d.code)
				}
				d.sound()
			}
		}
	}
}

func TestAppPage(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	d := get(t, s, AppPath(sampleKey("payments-api")))
	d.wantText("#app-head", "payments-api", "Degraded", "Synced")
	d.wantText("#app-facts", "Connect through the proxy", "Team Payments", "in-cluster", "payments")
	d.wantText("#app-state", "pod api is in CrashLoopBackOff", "Read the log of the container's previous run.")
	d.wantCount("#app-head form[action="+AppPath(sampleKey("payments-api"))+"/refresh]", 2)
	d.wantCount("#app-head form[action="+AppPath(sampleKey("payments-api"))+"/suspend]", 0)

	running := get(t, s, AppPath(sampleKey("shop-cart")))
	running.wantText("section.operation", "Sync under way", "1 of 3 pods are updated", "cart-migrate", "PreSync")
	running.wantCount("#app-head form[action="+AppPath(sampleKey("shop-cart"))+"/terminate]", 1)
	running.wantCount("#app-head a[href="+AppPath(sampleKey("shop-cart"))+"/sync]", 0)
}

// A page offers what its reader may do, and no more.
func TestAppOffersWhatIsPermitted(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{May: func(v view.Verb, _ view.App) bool { return v == view.VerbGet }})
	deployment := findNode(t, b, sampleKey("payments-api"), "Deployment").Ref
	for _, path := range []string{
		AppPath(sampleKey("payments-api")), AppPath(sampleKey("shop-cart")), AppPath(sampleKey("shop-frontend")) + "/history",
		pathOf(sampleKey("payments-api"), "resource", deployment),
	} {
		d := get(t, s, path)
		d.sound()
		if n := len(d.all("main form[method=post]")) + len(d.all("main a.button.first")) + len(d.all("main .danger")); n != 0 {
			t.Errorf("%s offers %d deeds", path, n)
		}
	}
	for _, path := range []string{
		AppPath(sampleKey("payments-api")) + "/sync", AppPath(sampleKey("shop-frontend")) + "/rollback?id=1",
		pathOf(sampleKey("payments-api"), "logs", deployment), pathOf(sampleKey("payments-api"), "logs/text", deployment),
		pathOf(sampleKey("payments-api"), "logs/watch", deployment), pathOf(sampleKey("payments-api"), "resource/delete", deployment),
		pathOf(sampleKey("payments-api"), "resource/action", deployment, "action", "scale"),
	} {
		if d := get(t, s, path); d.code != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", path, d.code)
		}
	}
	if len(b.Deeds()) != 0 {
		t.Errorf("deeds %q", b.Deeds())
	}
}

// What does not exist, what may not be seen and what no kind has are one and the same.
func TestMissingAndHiddenAppsLookAlike(t *testing.T) {
	b := viewtest.New()
	hidden := site(b, viewtest.Options{May: func(view.Verb, view.App) bool { return false }})
	for _, below := range []string{"", "/diff", "/history", "/sync", "/logs?kind=Pod&name=x", "/logs/watch?kind=Pod&name=x", "/logs/text?kind=Pod&name=x", "/resource?kind=Pod&name=x", "/autosync", "/delete"} {
		there := get(t, hidden, AppPath(sampleKey("payments-api"))+below)
		gone := get(t, hidden, AppPath(sampleKey("payments-apj"))+below)
		if there.code != http.StatusNotFound || gone.code != http.StatusNotFound {
			t.Errorf("%s: status %d and %d", below, there.code, gone.code)
		}
		if a, b := text(there.one("main")), text(gone.one("main")); a != b {
			t.Errorf("%s: %q and %q", below, a, b)
		}
	}
	if d := get(t, site(b, viewtest.Options{}), "/apps/gadget/argocd/payments-api"); d.code != http.StatusNotFound {
		t.Errorf("a kind that does not exist: status %d", d.code)
	}
}

func TestDeeds(t *testing.T) {
	frontend := sampleKey("shop-frontend")
	for name, c := range map[string]struct {
		app         model.AppKey
		below, form string
		want        string
		done        string
	}{
		"refresh":      {frontend, "/refresh", "", "refresh argo/argocd/shop-frontend by admin", "refresh"},
		"hard refresh": {frontend, "/refresh", "hard=1", "refresh argo/argocd/shop-frontend by admin hard", "hard"},
		"terminate":    {sampleKey("shop-cart"), "/terminate", "", "terminate argo/argocd/shop-cart by admin", "terminate"},
		"sync":         {frontend, "/sync", "", "sync argo/argocd/shop-frontend by admin", "sync"},
		"sync some": {
			frontend, "/sync", "prune=1&dry-run=1&only=" + url.QueryEscape("group=apps&kind=Deployment&name=frontend&namespace=shop"),
			"sync argo/argocd/shop-frontend by admin prune dry-run only=Deployment.apps/shop/frontend", "sync",
		},
		"sync a branch":      {frontend, "/sync", "revision=+try+", "sync argo/argocd/shop-frontend by admin revision=try", "sync"},
		"automated sync off": {frontend, "/autosync", "prune=1", "automate argo/argocd/shop-frontend by admin off prune=true self-heal=false", "autosync-off"},
		"automated sync on":  {sampleKey("search-index"), "/autosync", "on=1&self-heal=1", "automate argo/argocd/search-index by admin on prune=false self-heal=true", "autosync-on"},
		"delete":             {frontend, "/delete", "confirm=shop-frontend&cascade=background", "deleteapp argo/argocd/shop-frontend by admin background", "delete-app"},
		"delete of Flux's":   {viewtest.Key(view.KindHelmRelease, "ingress", "ingress-nginx"), "/delete", "confirm=ingress-nginx&cascade=none", "deleteapp helm/ingress/ingress-nginx by admin", "delete-app"},
		"leave the rest":     {sampleKey("legacy-billing"), "/delete", "confirm=legacy-billing&cascade=foreground", "deleteapp argo/argocd/legacy-billing by admin none", "delete-app"},
		"rollback":           {frontend, "/rollback", "prune=1&id=ID", "rollback argo/argocd/shop-frontend by admin id=ID prune", "rollback"},
	} {
		t.Run(name, func(t *testing.T) {
			b := viewtest.New()
			id := oldest(t, b, frontend)
			form, err := url.ParseQuery(strings.ReplaceAll(c.form, "ID", id))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(c.below, "/sync") { // its own options, as the form sends them
				form["option"] = []string{"CreateNamespace=true"}
			}
			d := post(t, site(b, viewtest.Options{}), AppPath(c.app)+c.below, form)
			if d.code != http.StatusSeeOther || d.head.Get("Location") != AppPath(c.app)+"?done="+c.done {
				t.Errorf("status %d to %q: %s", d.code, d.head.Get("Location"), text(d.Node))
			}
			want := strings.ReplaceAll(c.want, "ID", id)
			if got := b.Deeds(); len(got) != 1 || got[0] != want {
				t.Errorf("deeds %q, want %q", got, want)
			}
		})
	}
}

func TestSuspendAndResume(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	for _, a := range b.Apps(view.Query{Kinds: []string{view.KindKustomization, view.KindHelmRelease}, Limit: 50}, nil).Apps {
		d := get(t, s, AppPath(a.Key))
		value := attr(d.one("#app-head input[name=suspend]"), "value")
		if want := map[bool]string{true: "false", false: "true"}[a.Suspended]; value != want {
			t.Errorf("%s suspended %t: the button sends %s", a.Key, a.Suspended, value)
		}
		post(t, s, AppPath(a.Key)+"/suspend", url.Values{"suspend": {value}})
		if after, _ := b.Brief(a.Key); after.Suspended == a.Suspended {
			t.Errorf("%s is as before", a.Key)
		}
	}
}

// Every app has the page of what declares it, with events that lead nowhere.
func TestDeclaration(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	for _, a := range b.Apps(view.Query{Limit: 50}, nil).Apps {
		d := get(t, s, AppPath(a.Key)+"/declaration")
		d.sound()
		d.wantText("pre.yaml", "kind : "+a.Kind)
		if len(d.all("table.events tbody tr")) == 0 || len(d.all("table.events a")) > 0 {
			t.Errorf("%s: no events, or links to nowhere", d.path)
		}
	}
	key := sampleKey("payments-api")
	b.Fail("Events", model.As(model.ErrTransient, errors.New("the cluster does not answer")))
	get(t, s, AppPath(key)+"/declaration").wantText("#declaration-body", "the cluster does not answer", "kind : Application")
}

// What is suspended says so once, and each status says of what it is.
func TestHeadSaysWhatIsWhat(t *testing.T) {
	b := viewtest.New()
	apps := b.Apps(view.Query{Kinds: []string{view.KindKustomization}, Limit: 1}, nil).Apps
	b.Edit(apps[0].Key, func(d *view.Detail) { d.Suspended, d.Health, d.Sync = true, model.Suspended, model.SyncUnknown })
	d := get(t, site(b, viewtest.Options{}), AppPath(apps[0].Key))
	head := text(d.one("#app-head"))
	if strings.Count(head, "Suspended") != 1 || !strings.Contains(head, "Health Suspended Sync Unknown") {
		t.Errorf("the head says %q", head)
	}
}

// What is refused leads back to the form, with what was typed and what to do.
func TestRefusedSyncStaysInPlace(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	cart := sampleKey("shop-cart")
	d := post(t, s, AppPath(cart)+"/sync", url.Values{"revision": {`"><b>x`}, "prune": {"1"}, "only": {"kind=Service&name=cart&namespace=shop"}})
	if d.code < 400 || d.code >= 500 {
		t.Errorf("status %d", d.code)
	}
	d.sound()
	d.wantText("form.ask [role=alert]", "wait for its end, or terminate it")
	if v := attr(d.one("input[name=revision]"), "value"); v != `"><b>x` {
		t.Errorf("revision %q", v)
	}
	d.wantCount("input[name=prune][checked]", 1)
	d.wantCount("input[name=only][checked]", 1)

	b.Fail("Rollback", model.As(model.ErrTransient, errors.New("the cluster does not answer")))
	r := post(t, s, AppPath(sampleKey("shop-frontend"))+"/rollback", url.Values{"id": {oldest(t, b, sampleKey("shop-frontend"))}, "dry-run": {"1"}})
	r.wantText("form.ask [role=alert]", "the cluster does not answer")
	r.wantCount("input[name=dry-run][checked]", 1)
}

// Objects are ticked by links, too, and what has to be pruned says so to the script.
func TestSyncSelection(t *testing.T) {
	b := viewtest.New()
	key := sampleKey("payments-api")
	b.Edit(key, func(d *view.Detail) {
		d.Resources = []view.Resource{
			{Ref: viewtest.Ref("Service", "payments", "api"), Sync: model.Synced, Live: true},
			{Ref: viewtest.Ref("ConfigMap", "payments", "new"), Sync: model.OutOfSync},
			{Ref: viewtest.Ref("ConfigMap", "payments", "old"), Sync: model.OutOfSync, Prune: true, Live: true},
		}
	})
	s := site(b, viewtest.Options{})
	for name, want := range map[string]int{"all": 3, "differ": 2, "none": 0, "": 0, "nonsense": 0} {
		d := get(t, s, AppPath(key)+"/sync?select="+name)
		d.sound()
		d.wantCount("input[name=only][checked]", want)
		d.wantCount("input[data-prune]", 1)
	}
	get(t, s, AppPath(key)+"/sync?only="+url.QueryEscape("kind=ConfigMap&name=old&namespace=payments")).wantCount("input[name=only][checked]", 1)
}

// Options go with the request only where they are not the app's own.
func TestSyncOptions(t *testing.T) {
	app := view.Detail{App: view.App{Kind: view.KindApplication}, SyncOptions: []string{"ServerSideApply=true", "CreateNamespace=true"}}
	for name, c := range map[string]struct {
		sent []string
		want string
	}{
		"its own":  {[]string{"CreateNamespace=true"}, "none"},
		"one less": {nil, "ServerSideApply=true"},
		"one more": {[]string{"CreateNamespace=true", "Replace=true"}, "CreateNamespace=true Replace=true ServerSideApply=true"},
		"unknown":  {[]string{"CreateNamespace=true", "Evil=true"}, "none"},
	} {
		r, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(url.Values{"option": c.sent}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got := "none"
		if asked := syncAsked(r, app); asked.Options != nil {
			got = strings.Join(asked.Options, " ")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
