package e2e

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp/kb"
)

// dark is chosen once and stays.
func (d *day) dark(t *testing.T) {
	d.open("/clusters")
	const background = "getComputedStyle(document.body).backgroundColor"
	light := is[string](d.tab, background)
	d.click("details.menu summary", "admin")
	d.click("button[name=theme]", "Dark")
	d.until("it is dark", background+" !== a1", light)
	d.eventually("it is dark after it was loaded anew", func() error { // once the server knows
		if d.reload(); is[string](d.tab, "document.documentElement.dataset.theme ?? ''") != "dark" {
			return errors.New("the choice is forgotten")
		}
		return nil
	})
	d.sees("main", "in-cluster")
	if now := is[string](d.tab, background); now == light {
		t.Errorf("the background is %s, as it was before", now)
	}
	d.click("details.menu summary", "admin")
	d.click("button[name=theme]", "System")
	d.until("it is as before", background+" === a1", light)
}

// lookAround takes pictures of pages with what the controller knows, and has axe judge
// them. What is true of an installation stands there.
func (d *day) lookAround(t *testing.T) {
	folder := pictures(t)
	d.look("light", 1360)
	for name, page := range map[string]struct{ path, text string }{
		"apps": {"/apps", all}, "app": {"/apps/application/argocd/shop", "Deployment web"}, "app-degraded": {"/apps/application/argocd/broken", "Degraded"},
		"activity": {"/activity", "shop"}, "clusters": {"/clusters", "staging"}, "repositories": {"/repositories", "myorg/fleet"},
		"projects": {"/projects", "default"}, "sources": {"/sources", "GitRepository"}, "audit": {"/audit", "login"},
	} {
		d.open(page.path)
		d.until("it has "+page.text, "document.querySelector('main').textContent.replace(/\\s+/g, ' ').includes(a1)", page.text)
		for _, v := range d.violations() {
			t.Errorf("%s: %s: %s\n  %s", name, v.Rule, v.Help, strings.Join(firsts(v.Places, 3), "\n  "))
		}
		d.picture(filepath.Join(folder, "real-"+name+".png"))
	}
}

// keyboard goes to an app's tree and through it without a mouse.
func (d *day) keyboard(t *testing.T) {
	d.open("/apps?q=name:shop")
	d.keys(kb.Tab)
	d.until("the first stop leads past the navigation", "document.activeElement.matches('a.skip')")
	d.until("which can be seen then", "document.activeElement.getBoundingClientRect().top >= 0")
	d.keys("j")
	d.until("j goes to the first row", "document.activeElement.textContent === 'shop'")
	d.enterLeads()
	d.tab.at("/apps/application/argocd/shop")
	d.sees("a.node", "Deployment web")
	// Whoever tabs reaches every node, in the order in which they are drawn.
	nodes := is[int](d.tab, "document.querySelectorAll('a.node').length")
	reached := map[string]bool{}
	d.pressUntil(kb.Tab, "a.node")
	if name := d.name("a.node"); !strings.HasPrefix(name, "Application argocd/shop, ") {
		t.Errorf("the first node is called %q", name)
	}
	for range nodes {
		if id := is[string](d.tab, "document.activeElement.matches('a.node') ? document.activeElement.id : ''"); id != "" {
			reached[id] = true
		}
		outline := is[bool](d.tab, "document.activeElement.matches(':focus-visible')")
		if !outline {
			t.Errorf("the focus can't be seen")
		}
		d.keys(kb.Tab)
	}
	if len(reached) != nodes {
		t.Errorf("%d of %d nodes can be reached by Tab", len(reached), nodes)
	}
	d.keys("?")
	d.sees("dialog", "Keyboard shortcuts")
	d.keys(kb.Escape)
	d.misses("dialog", "Keyboard shortcuts")
	d.keys("gc")
	d.tab.at("/clusters")
}

// name is what readers of screens are told that an element is called.
func (d *day) name(selector string) string {
	d.tab.t.Helper()
	o := command(d.tab, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.querySelector(" + strconv.Quote(selector) + ")"})
	r := command(d.tab, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: o.Result.ObjectID})
	var name string
	if len(r.Nodes) == 0 || r.Nodes[0].Name == nil {
		d.tab.t.Fatalf("%s has no name", selector)
	}
	if err := json.Unmarshal(r.Nodes[0].Name.Value, &name); err != nil {
		d.tab.t.Fatal(err)
	}
	return name
}

// pressUntil presses a key until what has the focus fits the selector.
func (d *day) pressUntil(key, selector string) {
	d.tab.t.Helper()
	for range 80 {
		if is[bool](d.tab, "document.activeElement.matches(a1)", selector) {
			return
		}
		d.keys(key)
	}
	d.tab.t.Fatalf("the key does not lead to %s; it is at %s", selector, is[string](d.tab, "document.activeElement.outerHTML.slice(0, 200)"))
}

// offline cuts the connection under a page: it says so, and catches up by itself.
func (d *day) offline(t *testing.T) {
	d.open("/apps/application/argocd/shop")
	d.sees("#app-head", "Synced")
	d.mark("#app-facts")
	d.expect("net::ERR_")
	d.wire.cut()
	d.sees("#connection", "Connection lost")
	commit := d.env.push(d.repo, "Nobody saw it come", map[string]string{"shop/settings.yaml": configMap("settings", "unseen")})
	d.holds("shop", "settings", "key", "unseen")
	if is[bool](d.tab, "document.body.innerText.includes(a1)", commit[:7]) {
		t.Fatal("the wire is not cut")
	}
	d.wire.mend()
	d.sees("#app-facts .revision", commit[:7])
	d.until("the message is gone", "document.querySelector('#connection').hidden")
	d.marked("#app-facts")
	d.expect()
}

// signedOut looks at an app while the session is ended in another window.
func (d *day) signedOut(t *testing.T) {
	const here = "/apps/application/argocd/shop"
	d.open(here)
	d.mark("#app-head")
	other := newTab(d.browser, t, d.base)
	other.open("/apps")
	other.click("details.menu summary", "admin")
	other.follow("button", "Sign out")
	other.at("/auth/login")
	d.expect("401")
	d.env.push(d.repo, "Not for everybody", map[string]string{"shop/settings.yaml": configMap("settings", "hidden")})
	d.sees("#connection", "You are signed out.")
	d.marked("#app-head")
	d.follow("#connection a", "Sign in again")
	d.tab.at("/auth/login")
	d.enter(here)
	d.expect()
	d.sees("#app-facts .revision", "Not for everybody")

	// A token that is no good any more leads to where one signs in, with the reason.
	other.open("/activity")
	is[bool](other, "document.title.startsWith('Activity')")
	other.click("details.menu summary", "admin")
	other.follow("button", "Sign out")
	d.open(here)
	d.tab.at("/auth/login")
	if strings.Contains(is[string](d.tab, "document.body.innerText"), "shop") {
		t.Error("the page for signing in tells of the app")
	}
}
