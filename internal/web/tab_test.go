package web

import (
	"strings"
	"testing"

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
