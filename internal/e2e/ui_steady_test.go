package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"

	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
	"github.com/fixpoint-cd/fixpoint/internal/web"
)

// shiftScript counts how far what a page shows has jumped since it was opened, as CLS has
// it.
const shiftScript = `window.fixpointShift = 0;
new PerformanceObserver(l => { for (const e of l.getEntries()) if (!e.hadRecentInput) fixpointShift += e.value; }).observe({type: "layout-shift", buffered: true})`

// shift is how far what is shown had jumped when all that was asked for was drawn.
const shift = `(async () => {
	for (let i = 0; i < 3; i++) await new Promise(r => requestAnimationFrame(() => setTimeout(r)));
	return fixpointShift;
})()`

// mostShift is half of what counts as good.
const mostShift = 0.05

// TestPagesSteady: on a slow wire nothing jumps while a page comes, and in a burst of
// changes nothing that stays is replaced.
func TestPagesSteady(t *testing.T) {
	browser := newBrowser(t)
	sample := viewtest.New()
	base := sampleSite(t, sample)
	w := newWire(t, strings.TrimPrefix(base, "http://"))
	w.delay.Store(int64(200 * time.Millisecond))
	b := newTab(browser, t, w.url())
	command(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: shiftScript})
	ledger := viewtest.Key(view.KindApplication, "argocd", "payments-ledger")
	deployment := sampleNode(t, sample, viewtest.Key(view.KindApplication, "argocd", "payments-api"), "Deployment")
	pages := map[string]string{
		"apps": "/apps", "tiles": "/apps?view=tiles", "app": web.AppPath(ledger), "list": web.AppPath(ledger) + "?view=list", "diff": web.AppPath(ledger) + "/diff",
		"activity": "/activity", "clusters": "/clusters", "logs": objectPage(viewtest.Key(view.KindApplication, "argocd", "payments-api"), "logs", deployment),
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		for _, width := range []int64{1360, 390} {
			b.look("light", width)
			b.open(pages[name])
			b.until("all is there", "document.readyState === 'complete' && document.querySelector('main h1')")
			if moved := is[float64](b, shift); moved > mostShift {
				t.Errorf("%s, %d wide: what is shown jumps by %.3f", name, width, moved)
			}
		}
	}
	b.look("light", 1360)
	b.open("/apps")
	b.sees("#apps-list", "payments-ledger")
	is[bool](b, `(window.fixpointRows = [...document.querySelectorAll("#apps-list [data-item]")], fixpointRows[0].querySelector("a").focus(), true)`)
	keys := sample.Apps(view.Query{}, nil).Apps
	for i := range 300 {
		sample.Edit(keys[i%len(keys)].Key, func(d *view.Detail) { d.OutOfSync = i % 5 })
	}
	sample.Edit(ledger, func(d *view.Detail) { d.Message = "the last of many" })
	b.sees("#apps-list", "the last of many")
	if kept := is[bool](b, `(now => now.length === fixpointRows.length && now.every((r, i) => r === fixpointRows[i]))([...document.querySelectorAll("#apps-list [data-item]")])`); !kept {
		t.Error("rows were replaced instead of changed")
	}
	if !is[bool](b, `fixpointRows[0].contains(document.activeElement)`) {
		t.Error("the focus is lost")
	}
	if moved := is[float64](b, shift); moved > mostShift {
		t.Errorf("in a burst of changes what is shown jumps by %.3f", moved)
	}
}

// TestWithoutScripts: where scripts are off there is no button that only a script answers,
// and one to send what is asked for.
func TestWithoutScripts(t *testing.T) {
	b := newTab(newBrowser(t), t, sampleSite(t, viewtest.New()))
	const shown = `[...document.querySelectorAll(a1)].filter(e => e.checkVisibility()).length`
	b.open("/activity")
	if n := is[int](b, shown, "main .no-js"); n != 0 {
		t.Errorf("with scripts, %d buttons are shown that are for none", n)
	}
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	for path, want := range map[string]int{"/activity": 1, "/apps": 1} {
		b.open(path)
		if n := is[int](b, shown, "main .no-js"); n != want {
			t.Errorf("%s: without scripts, %d buttons send what is asked for, want %d", path, n, want)
		}
		if n := is[int](b, shown, "[data-copy], [data-keys], .js-only"); n != 0 {
			t.Errorf("%s: without scripts, %d buttons are shown that do nothing", path, n)
		}
	}
}
