package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// ofPods is a tree of a Deployment with pods.
func ofPods(n int) view.Tree {
	tree := view.Tree{Nodes: []view.Node{{Ref: viewtest.Ref("Deployment", "shop", "web"), UID: "d", Managed: true, Sync: model.Synced, Health: model.Healthy, Created: viewtest.Now}}}
	for i := range n {
		tree.Nodes = append(tree.Nodes, view.Node{
			Ref: viewtest.Ref("Pod", "shop", fmt.Sprintf("web-%02d", i)), UID: fmt.Sprint("p", i), Parents: []string{"d"}, Health: model.Healthy, Created: viewtest.Now,
		})
	}
	return tree
}

// The tree is walked by keys and zoomed; it changes under the reader's hands without
// moving them, and its groups open in place.
func TestTreeInBrowser(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("shop-frontend")
	b.SetTree(app, ofPods(3))
	server := httptest.NewServer(site(b, viewtest.Options{}))
	t.Cleanup(server.Close)
	r := open(t, server, AppPath(app))
	const nodes = `[...document.querySelectorAll('a.node')]`
	const focused = `document.activeElement.querySelector('title').textContent`
	drawn := nodes + `.every(n => n instanceof SVGAElement && n.querySelector('rect') instanceof SVGRectElement)`
	const aged = `[...document.querySelectorAll('a.node .age')].every(t => /^\d+[smhdy]/.test(t.textContent))`
	r.sees(nodes + `.length === 5 && ` + drawn + ` && document.querySelectorAll('a.node .age').length > 0 && ` + aged)

	r.sees(nodes + `.every(n => getComputedStyle(n.querySelector('.name')).clipPath.includes('clip-'))`)
	r.sees(`document.querySelectorAll('clipPath rect').length === 4`)

	r.js(nodes + `[0].focus()`)
	for _, step := range []struct{ key, at string }{
		{"ArrowRight", "Deployment web"}, {"ArrowRight", "Pod web-00"}, {"ArrowDown", "Pod web-01"}, {"ArrowDown", "Pod web-02"},
		{"ArrowUp", "Pod web-01"}, {"ArrowLeft", "Deployment web"}, {"End", "Pod web-02"}, {"ArrowUp", "Pod web-01"},
	} {
		r.js(`document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '` + step.key + `', bubbles: true, cancelable: true }))`)
		r.sees(focused + `.startsWith('` + step.at + `')`)
	}

	r.do(chromedp.Click(chromedp.CSS(`[data-zoom="in"]`)))
	r.sees(`document.querySelector('[data-svg]').getBoundingClientRect().width > document.querySelector('[data-svg]').viewBox.baseVal.width * 1.2`)
	r.js(nodes + `.find(n => n.querySelector('title').textContent.startsWith('Pod web-01')).focus()`)
	tree := ofPods(5)
	tree.Nodes[2].Health, tree.Nodes[2].Message = model.Degraded, "it crashes"
	b.SetTree(app, tree)
	r.sees(nodes + `.length === 7 && ` + drawn + ` && ` + aged)
	r.sees(focused + `.includes('Degraded') && ` + focused + `.includes('it crashes')`)
	r.sees(`document.querySelector('[data-svg]').getBoundingClientRect().width > document.querySelector('[data-svg]').viewBox.baseVal.width * 1.2`)

	b.SetTree(app, ofPods(9))
	r.sees(`document.querySelector('a.node.group')?.querySelector('title').textContent.startsWith('9 Pods')`)
	r.js(`window.mine = true; document.querySelector('a.node.group').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }))`)
	r.sees(nodes + `.length === 12 && location.search.includes('open=') && window.mine && ` + drawn + ` && ` + aged)
	r.do(chromedp.Click(chromedp.CSS(`.tree-bar .choice a[href*="list"]`)))
	r.sees(`document.querySelectorAll('.tree-table tbody tr').length === 10`)
}

// The form for a sync ticks in place, and warns of a selection that does nothing.
func TestSyncSelectionInBrowser(t *testing.T) {
	b := viewtest.New()
	key := sampleKey("payments-api")
	b.Edit(key, func(d *view.Detail) {
		d.Resources = []view.Resource{
			{Ref: viewtest.Ref("Service", "payments", "api"), Sync: model.Synced, Live: true},
			{Ref: viewtest.Ref("ConfigMap", "payments", "old"), Sync: model.OutOfSync, Prune: true, Live: true},
		}
	})
	server := httptest.NewServer(site(b, viewtest.Options{}))
	t.Cleanup(server.Close)
	r := open(t, server, AppPath(key)+"/sync")
	const ticked = `[...document.querySelectorAll('[name="only"]:checked')].length`
	const warned = `getComputedStyle(document.querySelector('.prune-off')).display !== 'none'`
	r.sees(ticked + ` === 0 && !(` + warned + `)`)
	r.js(`window.mine = true`)
	for _, step := range []struct {
		pick   string
		ticked int
		warned bool
	}{{"all", 2, false}, {"differ", 1, true}, {"none", 0, false}, {"differ", 1, true}} {
		r.do(chromedp.Click(chromedp.CSS(`[data-pick="` + step.pick + `"]`)))
		r.sees(fmt.Sprintf(`%s === %d && (%s) === %t && window.mine`, ticked, step.ticked, warned, step.warned))
	}
	r.do(chromedp.Click(chromedp.CSS(`[name="prune"]`)))
	r.sees(`!(` + warned + `)`)
}

// A log goes on after its connection was lost, without gaps and without repetitions,
// and keeps its newest lines only.
func TestLogsInBrowser(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("shop-frontend")
	pod, line := podWithLogs(t, b, app)
	var away atomic.Bool
	pages := site(b, viewtest.Options{})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		pages.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	r := open(t, server, pathOf(app, "logs", pod))
	r.sees(`document.querySelector('[data-state]').textContent === 'Following'`)
	const texts = `[...document.querySelectorAll('ol.lines li .tx')].map(e => e.textContent)`
	at := line.At
	say := func(text string) {
		at = at.Add(time.Millisecond)
		l := line
		l.Text, l.At = text, at
		b.Say(app, l)
	}
	say("<b>first</b>")
	r.sees(texts + `.at(-1) === '<b>first</b>' && document.querySelectorAll('ol.lines b').length === 0`)

	away.Store(true)
	server.CloseClientConnections()
	r.sees(`document.querySelector('[data-state]').textContent.startsWith('Connection lost')`)
	say("while away")
	away.Store(false)
	r.sees(texts + `.at(-1) === 'while away' && document.querySelector('[data-state]').textContent === 'Following'`)
	say("after")
	r.sees(texts + `.slice(-3).join() === '<b>first</b>,while away,after'`)

	for i := range 2100 {
		say(fmt.Sprint("line ", i))
	}
	r.sees(texts + `.at(-1) === 'line 2099'`)
	got, err := chromedp.Run(r.ctx, chromedp.Evaluate[[]string](texts))
	if err != nil || len(got) != 2000 {
		t.Fatalf("%d lines: %v", len(got), err)
	}
	if slices.Sort(got); len(slices.Compact(got)) != 2000 {
		t.Error("lines occur twice")
	}
	r.js(`document.querySelector('[data-look="times"]').click()`)
	r.sees(`document.querySelector('ol.lines.times') && location.search.includes('times=1')`)
}
