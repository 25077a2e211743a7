package e2e

import (
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/app"
)

// twice are those elements that stand there more than once. Lines of a log may have the same
// text, as lines that a slow machine is late with, but not of the same moment.
const twice = `(all => all.filter((t, i) => all.indexOf(t) !== i))([...document.querySelectorAll(a1)].map(e => (e.querySelector("time")?.dateTime ?? "") + " " + e.innerText))`

// TestBrowserRestart: the controller ends while pages are looked at, and another begins
// in its place. Each page is current again by itself; none says that its app is gone, and
// no line of a log or of the list stands there twice.
func TestBrowserRestart(t *testing.T) {
	browser := newBrowser(t)
	i := newHouse(t)
	i.declare()
	d := &day{installation: i, browser: browser, tab: newTab(browser, t, i.wire.url())}
	d.open("/apps")
	d.at("/auth/login")
	d.enter("/apps")
	const shop = "/apps/application/argocd/shop"
	marks := map[string]string{"/apps": "#apps-list", shop: "#app-facts", shop + "/diff": "#app-head", "/activity": "main", "log": "[data-lines]"}
	tabs := map[string]*tab{"/apps": d.tab}
	for path := range marks {
		if path == "/apps" {
			continue
		}
		tabs[path] = newTab(browser, t, i.wire.url())
		if path != "log" {
			tabs[path].open(path)
		}
	}
	tabs["/apps"].sees("#apps-list", "shop")
	tabs[shop].sees("#app-head", "Healthy")
	tabs["/activity"].sees("main", "shop")
	log := tabs["log"]
	log.open(shop)
	log.follow("a.node", "Deployment web")
	log.follow(".buttons a", "Logs")
	log.sees("[data-state]", "Following")
	log.sees("[data-lines]", "running for")
	for path, selector := range marks {
		tabs[path].mark(selector)
		tabs[path].expect("net::ERR_", "503")
	}

	i.wire.cut()
	i.stopController()
	for _, path := range []string{"/apps", shop, "log"} {
		tabs[path].sees("body", "Connection lost")
	}
	lines := is[int](log, "document.querySelectorAll('[data-lines] li').length")
	commit := i.env.push(i.repo, "Nobody was there", map[string]string{"shop/settings.yaml": configMap("settings", "after")})
	asked := map[string]int{}
	for path, b := range tabs {
		asked[path] = b.count()
	}
	i.startController(func(o *app.Options) { o.UIListen, o.UIStarted = "127.0.0.1:0", i.wire.lead })
	i.wire.mend()

	tabs["/apps"].sees("#apps-list", commit[:7])
	tabs[shop].sees("#app-facts .revision", commit[:7])
	tabs["/activity"].sees("main", "Nobody was there")
	tabs[shop+"/diff"].sees("#diff-body", commit[:7])
	log.until("lines arrive", "document.querySelectorAll('[data-lines] li').length > a1", lines)
	for path, selector := range marks {
		b := tabs[path]
		b.until("the message is gone", "!document.querySelector('#connection') || document.querySelector('#connection').hidden")
		b.marked(selector)
		if strings.Contains(b.text(), "is gone") {
			t.Errorf("%s says that something is gone:\n%s", path, b.text())
		}
		// A try is at most two requests, and each waits longer than the one before.
		t.Logf("%s has made %d requests since", path, b.count()-asked[path])
		for _, f := range b.takeFaults() {
			t.Errorf("%s: in the page: %s", path, f)
		}
	}
	for what, rows := range map[*tab]string{log: "[data-lines] li", tabs["/apps"]: "#apps-list [data-item]"} {
		if again := is[[]string](what, twice, rows); len(again) > 0 {
			t.Errorf("these stand there twice: %q", again)
		}
	}
}
