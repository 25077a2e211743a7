package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
	"github.com/fixpoint-cd/fixpoint/internal/web"
)

// What pages may cost. A first visit has styles and scripts, too; a second finds them in
// the browser.
const (
	mostApps     = 150 << 10 // bytes of the list of 10,000 apps with all that it needs
	mostFirst    = 10        // requests of a first visit
	mostSecond   = 2         // of a second: the page, and the stream of what changes
	mostPage     = 24 << 10  // bytes of the page itself
	mostNodes    = 6000      // DOM nodes of a tree of 500 objects, all opened
	mostTreePage = 40 << 10
)

// visit is what looking at a page has cost.
type visit struct {
	page, rest         int // bytes on the wire, of the document and of what it needs
	requests, blocking int
	nodes              int
	urls               []string
}

// cost opens a page and counts what that takes.
func (b *tab) cost(path string) visit {
	b.t.Helper()
	b.do(chromedp.Navigate("about:blank")) // nothing of the page before is left
	before := b.count()
	b.open(path)
	var asked []request
	b.until("all is there", "document.readyState === 'complete'")
	err := within(patience, func() error {
		asked = b.since(before)
		for _, r := range asked {
			if !r.Done && r.Kind != network.ResourceTypeEventSource {
				return fmt.Errorf("%s has not come", r.URL)
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	v := visit{nodes: is[int](b, "document.querySelectorAll('*').length")}
	for _, r := range asked {
		switch {
		case r.Cached:
			continue
		case r.Kind == network.ResourceTypeDocument:
			v.page += int(r.Wire)
		default:
			v.rest += int(r.Wire)
		}
		if r.Blocking {
			v.blocking++
		}
		v.requests++
		v.urls = append(v.urls, strings.TrimPrefix(r.URL, b.base))
	}
	return v
}

// TestBudgetPages counts bytes, requests and DOM nodes of pages, in a browser that has
// never been there and when it comes again.
func TestBudgetPages(t *testing.T) {
	browser := newBrowser(t)
	sample := viewtest.New()
	sample.Add(10_000)
	base := sampleSite(t, sample)
	b := newTab(browser, t, base)
	first := b.cost("/apps")
	second := b.cost("/apps")
	t.Logf("10,000 apps: first visit %s; second visit %s", first, second)
	if total := first.page + first.rest; total > mostApps {
		t.Errorf("a first look at 10,000 apps takes %d bytes, more than %d", total, mostApps)
	}
	if first.requests > mostFirst {
		t.Errorf("a first visit makes %d requests, more than %d: %q", first.requests, mostFirst, first.urls)
	}
	if second.requests > mostSecond {
		t.Errorf("a second visit makes %d requests, more than %d: %q", second.requests, mostSecond, second.urls)
	}
	if second.page > mostPage {
		t.Errorf("the page itself has %d bytes, more than %d", second.page, mostPage)
	}
	most := b.cost("/apps?limit=500")
	t.Logf("500 of 10,000 apps at once: %s", most)
	if most.page > mostApps {
		t.Errorf("500 rows have %d bytes, more than %d", most.page, mostApps)
	}
	b.expect("404")
	for name, path := range samplePages(t, sample) {
		v := b.cost(path)
		t.Logf("%-16s %s", name, v)
		if v.page > mostPage {
			t.Errorf("%s has %d bytes, more than %d", name, v.page, mostPage)
		}
	}
	for _, r := range b.since(0) {
		if !strings.HasPrefix(r.URL, base+"/") {
			t.Errorf("a page asks for %s", r.URL)
		}
	}
}

func (v visit) String() string {
	return fmt.Sprintf("page %d + %d B, %d requests (%d blocking), %d elements", v.page, v.rest, v.requests, v.blocking, v.nodes)
}

// TestBudgetTree counts the DOM nodes of a tree of 500 objects, grouped and opened.
func TestBudgetTree(t *testing.T) {
	browser := newBrowser(t)
	sample := viewtest.New()
	app := viewtest.Key(view.KindApplication, "argocd", "shop-frontend")
	sample.SetTree(app, viewtest.Big(500))
	b := newTab(browser, t, sampleSite(t, sample))
	grouped := b.cost(web.AppPath(app))
	t.Logf("500 objects as they are shown at first: %s, %d of them drawn", grouped, is[int](b, "document.querySelectorAll('a.node').length"))
	const closed = "document.querySelector('a.node.group:not(.open)')"
	for is[bool](b, "!!"+closed) {
		b.open(is[string](b, "(u => u.pathname + u.search)(new URL("+closed+".getAttribute('href'), location))"))
	}
	opened := visit{nodes: is[int](b, "document.querySelectorAll('*').length")}
	drawn := is[int](b, "document.querySelectorAll('a.node').length")
	t.Logf("with groups opened: %d elements, %d nodes drawn", opened.nodes, drawn)
	listed := b.cost(web.AppPath(app) + "?view=list")
	t.Logf("as a list: %s", listed)
	for name, v := range map[string]visit{"grouped": grouped, "opened": opened, "as a list": listed} {
		if v.nodes > mostNodes {
			t.Errorf("%s: %d elements, more than %d", name, v.nodes, mostNodes)
		}
		if v.page > mostTreePage {
			t.Errorf("%s: %d bytes, more than %d", name, v.page, mostTreePage)
		}
	}
}

// TestBudgetSearch makes one request for each step of a search, and never asks for the
// whole list.
func TestBudgetSearch(t *testing.T) {
	browser := newBrowser(t)
	sample := viewtest.New()
	sample.Add(10_000)
	counted := &counting{Backend: sample}
	b := newTab(browser, t, sampleSite(t, counted))
	b.open("/apps")
	b.until("the stream is open", "document.querySelector('#live').dataset.page")
	b.write("#q", "s")
	b.until("the address follows", "new URLSearchParams(location.search).get('q') === 's'")
	typed, bytes, lists := "s", 0, counted.lists.Load()
	for _, letter := range "ervice-0123" {
		before := b.count()
		b.keys(string(letter))
		typed += string(letter)
		b.until("found "+typed, "new URLSearchParams(location.search).get('q') === a1", typed)
		// The page's stream begins anew at the new address, and compares once.
		b.until("the stream follows", "document.querySelector('#live').dataset.page.endsWith(encodeURIComponent(a1))", typed)
		var asked []request
		for _, r := range b.since(before) {
			if r.Kind != network.ResourceTypeEventSource {
				asked = append(asked, r)
				bytes += int(r.Wire)
			}
		}
		if len(asked) != 1 {
			t.Errorf("typing %q makes %d requests: %v", typed, len(asked), asked)
		}
	}
	// Over all steps, since a stream may end its last look within the next one.
	if made := counted.lists.Load() - lists; made > 5*int64(len(typed)) {
		t.Errorf("typing %q asks for %d lists, want the page's and its stream's for each letter", typed, made)
	}
	b.sees("#apps-list", "service-01230")
	t.Logf("%d steps: %d bytes each", len(typed)-1, bytes/(len(typed)-1))
}

// TestLatency uses the pages over a wire that takes 100 ms each way: what is shown first
// needs the page and its styles, which nothing but the page leads to.
func TestLatency(t *testing.T) {
	browser := newBrowser(t)
	sample := viewtest.New()
	sample.Add(2000)
	base := sampleSite(t, sample)
	w := newWire(t, strings.TrimPrefix(base, "http://"))
	w.delay.Store(int64(100 * time.Millisecond))
	b := newTab(browser, t, w.url())
	for _, path := range slices.Sorted(maps.Values(map[string]string{
		"apps": "/apps", "app": web.AppPath(viewtest.Key(view.KindApplication, "argocd", "payments-api")), "activity": "/activity",
	})) {
		before, turns, opened := b.count(), w.turns.Load(), w.opened.Load()
		b.open(path)
		b.sees("main", cmp.Or(map[string]string{"/apps": "2 014 apps", "/activity": "Activity"}[path], "payments-api"))
		paint := is[float64](b, "new Promise(r => { const p = performance.getEntriesByName('first-contentful-paint'); p.length ? r(p[0].startTime) : new PerformanceObserver(l => r(l.getEntries()[0].startTime)).observe({type: 'paint', buffered: true}) })")
		blocking := 0
		for _, r := range b.since(before) {
			if r.Kind == network.ResourceTypeDocument {
				continue
			}
			if r.Blocking {
				blocking++
			}
			if r.Blocking && r.By != w.url()+path {
				t.Errorf("%s: nothing is shown before %s has come, which %s leads to", path, r.URL, r.By)
			}
		}
		t.Logf("%s: first content after %.0f ms, %d round trips on %d new connections, %d requests hold it up", path, paint, w.turns.Load()-turns, w.opened.Load()-opened, blocking)
		if blocking > 3 {
			t.Errorf("%s: %d requests hold up what is shown first", path, blocking)
		}
	}
	b.open("/apps")
	before := b.count()
	b.write("#q", "payments")
	b.sees("#apps-list", "payments-api")
	b.until("only what is found", "[...document.querySelectorAll('#apps-list [data-item] th a')].every(a => a.closest('tr').innerText.includes('payments'))")
	lists := 0
	for _, r := range b.since(before) {
		if strings.HasPrefix(r.URL, w.url()+"/apps?") {
			lists++
		}
	}
	if lists == 0 || lists > len("payments") {
		t.Errorf("a search of a word makes %d requests", lists)
	}
	b.follow("#apps-list th a", "payments-api")
	b.sees("a.node", "Deployment api")
}
