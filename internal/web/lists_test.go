package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// TestAppsRow: a line says what the issue of a list is: what, how, since when, from
// where, to where.
func TestAppsRow(t *testing.T) {
	d := get(t, site(viewtest.New(), viewtest.Options{}), "/apps?q=payments-api")
	for _, want := range []string{"payments-api", "Application", "Degraded", "Deployment api: 1 of 2 pods are ready", "Synced",
		"payments", "Connect through the proxy", "Team Payments", "payments/deploy", "@ main", "in-cluster", "2h50m"} {
		d.wantText("table.apps tbody tr", want)
	}
	if got := attr(d.one("table.apps tbody tr a"), "href"); got != "/apps/application/argocd/payments-api" {
		t.Errorf("the app is at %q", got)
	}
	d.wantCount("table.apps tbody tr th[scope=row]", 1)
	d.wantCount("th[aria-sort=ascending]", 1)
}

// What is followed is not taken for what runs.
func TestDeployedIsShown(t *testing.T) {
	b := viewtest.New()
	key := sampleKey("shop-frontend")
	b.Edit(key, func(d *view.Detail) { d.Revision, d.Deployed = strings.Repeat("a", 40), strings.Repeat("b", 40) })
	h := site(b, viewtest.Options{})
	for _, at := range []struct{ path, where string }{
		{"/apps?q=shop-frontend", "td.rev"}, {"/apps?q=shop-frontend&view=tiles", "p.tile-rev"},
		{AppPath(key), "#app-head"}, {AppPath(key), "#app-facts"},
	} {
		d := get(t, h, at.path)
		d.sound()
		d.wantText(at.where, "deployed bbbbbbb · follows aaaaaaa")
	}
	get(t, h, AppPath(key)+"/rollback?id="+oldest(t, b, key)).wantText("form.ask", "From bbbbbbb")
	get(t, h, AppPath(sampleKey("payments-api"))).wantCount(".deployed", 0)
}

// TestUnknownLooksAlike: what can't be told has one look, in the summary, the list, the
// tiles, the app's page and its tree.
func TestUnknownLooksAlike(t *testing.T) {
	b := viewtest.New()
	h := site(b, viewtest.Options{})
	key := sampleKey("shop-frontend")
	for _, message := range []string{"", "a value is missing"} {
		b.Edit(key, func(d *view.Detail) { d.Health, d.Sync, d.Message = model.Unknown, model.SyncUnknown, message })
		list := get(t, h, "/apps?q=shop-frontend")
		list.wantCount(".bar a.warn", 2)
		list.wantText("td.health .status.warn", "Unknown")
		list.wantText("td.sync .status.warn", "Unknown")
		get(t, h, "/apps?q=shop-frontend&view=tiles").wantCount("li.tile.warn .status.warn", 2)
		page := get(t, h, AppPath(key))
		page.wantCount("#app-head .stated .status.warn", 2)
		page.wantCount("#app-tree .node.root.warn", 1)
	}
}

// TestSearchHelp: what the list tells of its search is what the search understands.
func TestSearchHelp(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	d := get(t, h, "/apps")
	d.wantCount("#search-help dt a", len(searchWords))
	if attr(d.one("#search-help summary"), "aria-label") == "" {
		t.Error("what opens it has no name")
	}
	for _, w := range searchWords {
		d.wantText("#search-help dl", w.Example, w.Meaning)
		get(t, h, w.URL()).wantText(".chosen", w.Example)
		field, _, _ := strings.Cut(w.Example, ":")
		// A field that is none would be a text that no app has.
		get(t, h, "/apps?q="+field+":*").wantCount("#apps-list .empty", 0)
	}
}

// TestAppsWithoutScript: a form and links do the same as the script.
func TestAppsWithoutScript(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	d := get(t, h, "/apps?health=Degraded&sort=-changed&view=tiles&q=pay&project=payments")
	form := url.Values{}
	for _, n := range append(d.all("#filters input"), d.all("input[form=filters]")...) {
		if attr(n, "type") != "checkbox" || slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
			form.Add(attr(n, "name"), attr(n, "value"))
		}
	}
	want := url.Values{"health": {"Degraded"}, "sort": {"-changed"}, "view": {"tiles"}, "q": {"pay"}, "project": {"payments"}}
	if form.Encode() != want.Encode() {
		t.Errorf("the form sends %v, want %v", form, want)
	}
	d.wantCount(".tile", 1)
}

func TestAppsAddress(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	for name, c := range map[string]struct{ path, source, header, want string }{
		"typed":  {"/apps?q=shop&sort=&limit=50", "input#q", "HX-Replace-Url", "/apps?q=shop"},
		"chosen": {"/apps?kind=application&q=", "form#filters", "HX-Push-Url", "/apps?kind=Application"},
	} {
		d := get(t, h, c.path, "HX-Request", "true", "HX-Source", c.source)
		if got := d.head.Get(c.header); got != c.want {
			t.Errorf("%s: %s is %q, want %q", name, c.header, got, c.want)
		}
	}
}

func TestPager(t *testing.T) {
	b := viewtest.Empty()
	b.Add(120)
	h := site(b, viewtest.Options{})
	for path, want := range map[string]string{"/apps": "1–50 of 120", "/apps?offset=50": "51–100 of 120", "/apps?offset=100": "101–120 of 120"} {
		get(t, h, path).wantText(".pager p", want)
	}
	links := get(t, h, "/apps?offset=50").all(".pager a")
	var got []string
	for _, l := range links {
		got = append(got, text(l)+" "+attr(l, "href"))
	}
	want := []string{"First /apps", "Previous /apps", "Next /apps?offset=100", "Last /apps?offset=100"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	get(t, h, "/apps?limit=200").wantCount(".pager", 0)
}

func TestManyAtOnce(t *testing.T) {
	form := url.Values{"app": {"argo/argocd/shop-frontend", "argo/argocd/payments-api", "argo/argocd/none"}, "prune": {"true"}}
	may := func(v view.Verb, a view.App) bool { return v != view.VerbSync || a.Project == "shop" }
	for _, headers := range [][]string{nil, {"HX-Request", "true"}} {
		b := viewtest.New()
		d := post(t, site(b, viewtest.Options{May: may}), "/apps/sync", form, headers...)
		if d.code != http.StatusOK {
			t.Fatalf("%d %s", d.code, d.body)
		}
		for _, want := range []string{"Sync requested", "shop-frontend", "payments-api", "you may not sync", "It does not exist, or you may not see it."} {
			if !strings.Contains(string(d.body), want) {
				t.Errorf("%v: no %q in %s", headers, want, d.body)
			}
		}
		if deeds := b.Deeds(); len(deeds) != 1 || !strings.Contains(deeds[0], "shop-frontend") {
			t.Errorf("done was %q", deeds)
		}
	}
	h := site(viewtest.New(), viewtest.Options{})
	for _, bad := range []url.Values{{}, {"app": {"nonsense"}}, {"app": slices.Repeat([]string{"argo/a/b"}, most+1)}} {
		if d := post(t, h, "/apps/sync", bad); d.code != http.StatusUnprocessableEntity {
			t.Errorf("%d of a form that can't be meant", d.code)
		}
	}
	if d := post(t, h, "/apps/refresh", form); !strings.Contains(string(d.body), "Refresh requested") {
		t.Errorf("%d %s", d.code, d.body)
	}
}

// TestReadOnly: what may not be done is not offered.
func TestReadOnly(t *testing.T) {
	d := get(t, everyReader()["read only"], "/apps")
	d.wantCount("#bulk", 0)
	d.wantCount("input[name=app]", 0)
}

func TestTrail(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	d := get(t, h, "/activity?project=shop&q=")
	d.wantCount(".event", view.DefaultLimit)
	more := attr(d.one(".trail a"), "href")
	if more != "/activity?limit=100&project=shop" {
		t.Fatalf("more is at %q", more)
	}
	if n := len(get(t, h, more).all(".event")); n <= view.DefaultLimit {
		t.Errorf("more shows %d", n)
	}
	long := trail{path: "/activity", values: url.Values{}, limit: longest, step: 50}
	long.end(longest, 17)
	if long.More != "" || long.Older != "/activity?before=17" {
		t.Errorf("after the longest page: %+v", long)
	}
}

func TestActivityLinks(t *testing.T) {
	d := get(t, site(viewtest.New(), viewtest.Options{}), "/activity?kind=revision")
	link := d.all(".event-more a")
	if len(link) != 1 || !strings.HasPrefix(attr(link[0], "href"), "https://github.com/example/shop/commit/") {
		t.Errorf("the commit's link: %v", link)
	}
	d.wantText(".event", "shop-cart", "new content", "Keep carts for thirty days", "Team Web")
}

func TestWorldPages(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	for path, texts := range map[string][]string{
		"/clusters":     {"edge", "Unreachable", "dial tcp: connection refused", "v1.34.1", "get 1\u2009204", "Not honoured: shard"},
		"/repositories": {"Failing", "the password is no longer accepted", "main", "Show prices with tax", "SSH key", "40s ago"},
		"/projects":     {"All that moves money", "in-cluster / reports", "no syncs on Fridays", "payments-leads", "*.* but not ResourceQuota", "2\u00a0tokens", "there is no AppProject of that name"},
		"/sources":      {"ApplicationSet", "previews", "preview-42", "Not ready", "401 Unauthorized", "nightly-jobs", "Suspended", "called at"},
		"/audit":        {"proj:shop:ci", "denied", "no policy allows it", "192.0.2.17", "argocd-api"},
	} {
		t.Run(path, func(t *testing.T) { get(t, h, path).wantText("main", normal(texts)...) })
	}
}

// normal has spaces of one kind, as text has.
func normal(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = strings.Join(strings.Fields(s), " ")
	}
	return out
}

func TestCause(t *testing.T) {
	for message, want := range map[string]string{
		"Deployment.apps/shop/web: Degraded, 1 of 2 pods are ready":     "1 of 2 pods are ready",
		"Service/shop/web: no address yet":                              "no address yet",
		"ClusterRole.rbac.authorization.k8s.io/system:x: not permitted": "not permitted",
		"health check failed: Job/shop/load: Degraded, it failed":       "it failed",
		"Pod/web: ":             "Pod/web: ",
		"it is suspended":       "it is suspended",
		"Deployment web: waits": "Deployment web: waits",
		"":                      "",
	} {
		if got := cause(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

func TestAppPath(t *testing.T) {
	key := model.AppKey{Dialect: "flux", Namespace: "a/b", Name: "c?d"}
	if got := AppPath(key); got != "/apps/kustomization/a%2Fb/c%3Fd" {
		t.Errorf("got %q", got)
	}
}

func TestRepoName(t *testing.T) {
	for address, want := range map[string]string{
		"https://github.com/example/shop.git": "example/shop", "git@github.com:example/shop.git": "example/shop",
		"https://charts.example/stable": "charts.example/stable", "oci://registry.example/fleet/infra": "fleet/infra",
		"s3.example": "s3.example", "/srv/git/shop": "/srv/git/shop",
	} {
		if got := repoName(address); got != want {
			t.Errorf("repoName(%q) = %q, want %q", address, got, want)
		}
	}
}

// The tab of an app leads to what happened in that app alone, and from there to all.
func TestActivityOfAnApp(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	app := sampleKey("shop-cart")
	tab := get(t, h, AppPath(app))
	d := get(t, h, attr(tab.one("#app-head a[href=/activity?app="+strings.ReplaceAll(app.String(), "/", "%2f")+"]"), "href"))
	d.sound()
	if d.code != 200 {
		t.Fatalf("status %d", d.code)
	}
	events := d.all(".event-what a")
	if len(events) == 0 {
		t.Fatal("nothing happened in the app")
	}
	for _, a := range events {
		if attr(a, "href") != AppPath(app) {
			t.Errorf("it tells of %s", attr(a, "href"))
		}
	}
	d.wantText("h1", "Activity of shop-cart")
	if v := attr(d.one("#ask input[name=app]"), "value"); v != app.String() {
		t.Errorf("a filter goes on with app=%q", v)
	}
	all := get(t, h, attr(d.one("#main a.button.small"), "href"))
	if len(all.all(".event")) <= len(events) {
		t.Errorf("all apps have %d events, the one %d", len(all.all(".event")), len(events))
	}
	for _, wrong := range []string{"x", "argo/argocd", "nonsense/argocd/shop-cart"} {
		if d := get(t, h, "/activity?app="+wrong); d.code != 422 {
			t.Errorf("%s: status %d", wrong, d.code)
		}
	}
}

func TestSpan(t *testing.T) {
	now := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	day := func(d, h int) time.Time { return time.Date(2026, 3, d, h, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		asked    span
		from, to time.Time
	}{
		"any time":                  {span{}, time.Time{}, time.Time{}},
		"an hour":                   {span{Since: "1h"}, day(5, 11), time.Time{}},
		"days, the last whole":      {span{From: "2026-03-01", To: "2026-03-02"}, day(1, 0), day(3, 0)},
		"the later beginning":       {span{Since: "24h", From: "2026-03-01"}, day(4, 12), time.Time{}},
		"the later beginning again": {span{Since: "7d", From: "2026-03-04"}, day(4, 0), time.Time{}},
	} {
		from, to, err := c.asked.times(now)
		if err != nil || !from.Equal(c.from) || !to.Equal(c.to) {
			t.Errorf("%s: %v to %v, %v", name, from, to, err)
		}
	}
	for _, wrong := range []span{{Since: "2h"}, {From: "yesterday"}, {To: "2026-02-30"}} {
		if _, _, err := wrong.times(now); !errors.Is(err, model.ErrInvalid) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

// What is asked for stays chosen, for whoever gets the address.
func TestSpanIsInTheAddress(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	for _, page := range []string{"/activity", "/audit"} {
		whole, hour := get(t, h, page), get(t, h, page+"?since=1h")
		hour.sound()
		if got := attr(hour.one("select[name=since] option[selected]"), "value"); got != "1h" {
			t.Errorf("%s has chosen %q", page, got)
		}
		if page == "/activity" && len(hour.all(".event")) >= len(whole.all(".event")) {
			t.Errorf("%d of %d happened in the last hour", len(hour.all(".event")), len(whole.all(".event")))
		}
	}
}
