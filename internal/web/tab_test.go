package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// A tab of the browser says what is wrong with what it shows, in words and by its icon;
// its live region says the same, so that it stays true.
func TestTabsSayTheState(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	degraded, running := sampleKey("payments-api"), sampleKey("shop-cart")
	for path, want := range map[string]struct{ title, icon string }{
		AppPath(degraded):                     {"Degraded: payments-api", "favicon-bad"},
		AppPath(degraded) + "/history":        {"Degraded: payments-api: history", "favicon-bad"},
		AppPath(running):                      {"Syncing: shop-cart", "favicon-busy"},
		AppPath(sampleKey("payments-ledger")): {"Out of sync: payments-ledger", "favicon-warn"},
		AppPath(sampleKey("shop-frontend")):   {"shop-frontend", "favicon."},
		"/apps?q=shop-frontend":               {"Apps", "favicon."},
		"/apps?q=payments-api":                {"1 degraded: Apps", "favicon."},
		"/clusters":                           {"1 unreachable: Clusters", "favicon-bad"},
		"/repositories":                       {"1 failing: Repositories", "favicon-bad"},
		pathOf(degraded, "resource", findNode(t, b, degraded, "Deployment").Ref): {"Degraded: Deployment api", "favicon-bad"},
	} {
		d := get(t, s, path)
		title := d.one("head title").FirstChild.Data
		if title != want.title+" · Fixpoint" {
			t.Errorf("%s: the title is %q, want %q", path, title, want.title)
		}
		icon, region := attr(d.one("link[rel=icon]"), "href"), d.one("[data-tab]")
		if !strings.Contains(icon, want.icon) {
			t.Errorf("%s: the icon is %s, want %s", path, icon, want.icon)
		}
		if attr(region, "data-tab") != title || attr(region, "data-icon") != icon {
			t.Errorf("%s: the region says %q and %s", path, attr(region, "data-tab"), attr(region, "data-icon"))
		}
	}
}

// TestGlance: tabs in the background are told their title and icon, briefly where it is
// still the same; nothing that the title does not need is read for it.
func TestGlance(t *testing.T) {
	b := viewtest.New()
	h := site(b, viewtest.Options{May: func(_ view.Verb, a view.App) bool { return a.Key.Name != "shop-cart" }})
	for _, method := range []string{"Tree", "Diff", "Events", "Activity"} {
		b.Fail(method, errors.New("nobody looks at it"))
	}
	ask := func(page, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/tab?"+url.Values{"page": {page}}.Encode(), nil)
		r.Header.Set("If-None-Match", tag)
		got := httptest.NewRecorder()
		h.ServeHTTP(got, r)
		return got
	}
	object := AppPath(frontend) + "/resource?kind=Deployment&group=apps&namespace=shop&name=frontend"
	pages := []string{"/apps", "/apps?q=shop", AppPath(frontend), AppPath(frontend) + "/diff", AppPath(frontend) + "/history", AppPath(frontend) + "/declaration", object, "/activity", "/clusters", "/repositories"}
	for _, page := range pages {
		first := ask(page, "")
		if first.Code != http.StatusOK || !strings.Contains(first.Body.String(), "Fixpoint") || !strings.Contains(first.Body.String(), "/assets/favicon") {
			t.Errorf("%s: %d, %s", page, first.Code, first.Body)
		}
		if again := ask(page, first.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s: the same is answered by %d, %s", page, again.Code, again.Body)
		}
	}
	before := ask(AppPath(frontend), "").Header().Get("ETag")
	b.Edit(frontend, func(d *view.Detail) { d.Health = model.Degraded })
	if now := ask(AppPath(frontend), before); now.Code != http.StatusOK || !strings.Contains(now.Body.String(), `"title":"Degraded: shop-frontend · Fixpoint"`) || !strings.Contains(now.Body.String(), "favicon-bad.") {
		t.Errorf("a degraded app is told by %d, %s", now.Code, now.Body)
	}
	for _, page := range []string{"", "//evil.example/apps", "/nowhere", "/audit", AppPath(sampleKey("none")), AppPath(sampleKey("shop-cart"))} {
		if got := ask(page, ""); got.Code != http.StatusNotFound {
			t.Errorf("of %q it tells %d, %s", page, got.Code, got.Body)
		}
	}
}
