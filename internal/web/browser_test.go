package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// reader is a person with a browser.
type reader struct {
	t   *testing.T
	ctx context.Context
}

func (r reader) do(steps ...chromedp.Action[chromedp.Void]) {
	r.t.Helper()
	if err := chromedp.Do(r.ctx, steps...); err != nil {
		r.t.Fatal(err)
	}
}

// sees waits until an expression of JavaScript is true.
func (r reader) sees(expression string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, 5*time.Minute)
	defer cancel()
	for {
		yes, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && yes {
			return
		}
		if ctx.Err() != nil {
			text, _ := chromedp.Run(r.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 1500)`))
			r.t.Fatalf("never true: %s (%v)\n%s", expression, err, text)
		}
	}
}

func (r reader) js(expression string) {
	r.t.Helper()
	if _, err := chromedp.Run(r.ctx, chromedp.Evaluate[any](expression+"; null")); err != nil {
		r.t.Fatalf("%s: %v", expression, err)
	}
}

// open is a reader at a page; what the browser complains about fails the test.
func open(t *testing.T, server *httptest.Server, path string) reader {
	t.Helper()
	ctx := browser(t)
	if err := chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*log.EventEntryAdded); ok && strings.Contains(e.Entry.Text, "Content Security Policy") {
			t.Errorf("the browser says: %s", e.Entry.Text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	r := reader{t, ctx}
	r.do(chromedp.EmulateViewport(1360, 900), chromedp.Navigate(server.URL+path))
	return r
}

const rows = `document.querySelectorAll('#apps-list [data-item]').length`

func TestSearchInBrowser(t *testing.T) {
	b := viewtest.New()
	b.Add(300)
	server := httptest.NewServer(site(b, viewtest.Options{}))
	t.Cleanup(server.Close)
	r := open(t, server, "/apps")
	r.sees(rows + ` === 50`)
	// A real key would be typed into the field by the protocol, though it is taken.
	r.js(`document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }))`)
	r.sees(`document.activeElement.name === 'q'`)
	r.do(chromedp.KeyEvent("service-0012"))
	r.sees(rows + ` === 10 && location.search === '?q=service-0012'`)
	r.sees(`document.activeElement.name === 'q' && document.activeElement.value === 'service-0012'`)
	r.do(chromedp.Click(chromedp.CSS(`.bar a[href*="Degraded"], .bar a[href*="Healthy"]`)))
	r.sees(`location.search.includes('health=') && ` + rows + ` < 10 && document.querySelector('.bar a[aria-current]')`)
	r.do(chromedp.Click(chromedp.CSS(".clear")))
	r.sees(rows + ` === 50 && location.search === '' && document.querySelector('#apps-tools input').value === ''`)
	r.do(chromedp.Click(chromedp.CSS(`.pick-filter[name="kind"][value="HelmRelease"]`)))
	r.sees(`location.search === '?kind=HelmRelease' && document.querySelector('.pick-filter[value="HelmRelease"]').checked`)
	r.do(chromedp.Click(chromedp.CSS(`.col-changed a`)))
	r.sees(`document.querySelector('.col-changed').ariaSort === 'descending' && location.search.includes('sort=-changed')`)
	r.do(chromedp.NavigateBack())
	r.sees(`location.search === '?kind=HelmRelease' && document.querySelector('.col-name').ariaSort === 'ascending'`)
	r.do(chromedp.Click(chromedp.CSS(".clear")))
	r.sees(`location.search === '' && !document.querySelector('.pick-filter[value="HelmRelease"]').checked`)
	r.do(chromedp.Click(chromedp.CSS(`.pager a[rel="next"]`)))
	r.sees(`location.search === '?offset=50' && document.querySelector('.pager p').innerText.startsWith('51')`)
	// A row opens its app wherever it is clicked on, but where it is ticked.
	r.js(`document.querySelector('#apps-list tbody .tick input').click()`)
	r.sees(`location.search === '?offset=50' && document.querySelector('#apps-list tbody tr:has(:checked)')`)
	r.js(`document.querySelector('#apps-list tbody .changed').click()`)
	r.sees(`location.pathname.startsWith('/apps/') && document.querySelector('#app-head')`)
}

// What looks ticked is what is asked for, whatever comes and goes among the filters.
func TestFiltersInBrowser(t *testing.T) {
	b := viewtest.New()
	b.Add(60)
	server := httptest.NewServer(site(b, viewtest.Options{}))
	t.Cleanup(server.Close)
	r := open(t, server, "/apps")
	const ticked = `[...document.querySelectorAll('.pick-filter')].filter(b => b.checked).map(b => b.name + '=' + b.value).sort().join('&')`
	const asked = `[...new URLSearchParams(location.search)].map(p => p.join('=')).sort().join('&')`
	for _, step := range []struct {
		name, value string
		asked       int
	}{
		{"kind", "Kustomization", 1}, {"kind", "Application", 2}, {"kind", "Kustomization", 1},
		{"project", "shop", 2}, {"kind", "Application", 1}, {"project", "shop", 0}, {"kind", "HelmRelease", 1},
	} {
		box := fmt.Sprintf(`document.querySelector('.pick-filter[name="%s"][value="%s"]')`, step.name, step.value)
		r.sees(box)
		r.js(box + `.click()`)
		r.sees(fmt.Sprintf(`new URLSearchParams(location.search).size === %d && %s === %s`, step.asked, ticked, asked))
	}
	r.do(chromedp.NavigateBack())
	r.sees(`location.search === '' && ` + ticked + ` === ''`)
}

func TestLiveInBrowser(t *testing.T) {
	b := viewtest.New()
	away := atomic.Bool{}
	signedOut := atomic.Bool{}
	pages := site(b, viewtest.Options{})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case signedOut.Load():
			rw.WriteHeader(http.StatusUnauthorized)
		case away.Load():
			panic(http.ErrAbortHandler)
		default:
			pages.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(server.Close)
	r := open(t, server, "/apps")
	key := viewtest.Key(view.KindApplication, "argocd", "shop-frontend")
	row := `document.getElementById('app:argo/argocd/shop-frontend')`

	// What is chosen, focused and opened stays so when the page changes.
	r.js(`window.mine = ` + row + `; mine.querySelector('input').click(); mine.querySelector('a').focus(); document.querySelector('#more-ns')?.setAttribute('open', '')`)
	r.sees(`document.querySelector('[data-count]').innerText === '1'`)
	b.Edit(key, func(d *view.Detail) {
		d.Health, d.Message = model.Degraded, "Deployment frontend: 0 of 3 pods are ready"
	})
	r.sees(row + `.innerText.includes('0 of 3 pods') && document.querySelector('#apps-summary').textContent.includes('2 Degraded')`)
	r.sees(row + ` === mine && mine.querySelector('input').checked && mine.contains(document.activeElement)`)

	// The connection goes, and comes back with what was missed.
	r.sees(`document.querySelector('#connection').hidden`)
	away.Store(true)
	server.CloseClientConnections()
	r.sees(`document.querySelector('#connection').innerText.includes('Trying again')`)
	r.js(`document.querySelector('.bulk button[formaction]').click()`)
	r.sees(`document.querySelector('#toasts').innerText.includes('Not sent: the connection is lost')`)
	if done := b.Deeds(); len(done) != 0 {
		t.Errorf("done was %q", done)
	}
	b.Edit(key, func(d *view.Detail) { d.Health, d.Message = model.Healthy, "back in time" })
	away.Store(false)
	r.sees(row + `.innerText.includes('back in time') && document.querySelector('#connection').hidden`)

	// The session ends.
	signedOut.Store(true)
	server.CloseClientConnections()
	r.sees(`document.querySelector('#connection a').getAttribute('href') === '/auth/login?return=%2Fapps'`)
}

func TestDeedsInBrowser(t *testing.T) {
	b := viewtest.New()
	server := httptest.NewServer(site(b, viewtest.Options{}))
	t.Cleanup(server.Close)
	r := open(t, server, "/apps?q=shop")
	r.js(`document.querySelector('[data-all]').click()`)
	r.sees(`Number(document.querySelector('[data-count]').innerText) > 1`)
	r.do(chromedp.Click(chromedp.CSS(`.bulk button[formaction]`)))
	// At once: it goes by itself after a while.
	r.sees(`(toast => toast?.innerText.includes('Refresh requested') && (toast.querySelector('[data-dismiss]').click(), !toast.isConnected))(document.querySelector('.toast'))`)
	if len(b.Deeds()) == 0 {
		t.Error("nothing was done")
	}
	r.sees(`!document.querySelector('.toast')`)
	r.js(`document.querySelector('[data-none]').click()`)
	r.sees(`getComputedStyle(document.querySelector('.bulk')).display === 'none'`)
}

func TestKeysAndThemeInBrowser(t *testing.T) {
	server := httptest.NewServer(site(viewtest.New(), viewtest.Options{}))
	t.Cleanup(server.Close)
	r := open(t, server, "/apps")
	r.do(chromedp.KeyEvent("j"), chromedp.KeyEvent("j"))
	r.sees(`document.activeElement.closest('[data-row]') === document.querySelectorAll('[data-row]')[1]`)
	r.do(chromedp.KeyEvent("x"))
	r.sees(`document.querySelectorAll('[data-row]')[1].querySelector('input').checked`)
	r.do(chromedp.KeyEvent("?"))
	r.sees(`document.querySelector('#keys').open`)
	r.do(chromedp.KeyEvent("\x1b"))
	r.sees(`!document.querySelector('#keys').open`)
	r.do(chromedp.Click(chromedp.CSS(".menu > summary")), chromedp.Click(chromedp.CSS(`.theme [value="dark"]`)))
	r.sees(`document.documentElement.dataset.theme === 'dark'`)
	r.do(chromedp.KeyEvent("\x1b"))
	r.sees(`!document.querySelector('.menu').open`)
	r.sees(`fetch('/clusters').then(a => a.text()).then(t => { window.themed = t.includes('data-theme="dark"') }) && window.themed`)
	// At once: the first is forgotten after a moment.
	r.js(`for (const key of 'gc') document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))`)
	r.sees(`location.pathname === '/clusters' && document.documentElement.dataset.theme === 'dark'`)
}
