package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a page in a real browser, as a person has it before them, with a record of
// what it has asked for and of what went wrong in it.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	asked    []*request
	byID     map[network.RequestID]*request
	faults   []string
	expected []expectation
}

// expectation is that faults which contain the text are none, from when it was said until
// it was taken back. Faults that happened before that may be heard of later.
type expectation struct {
	text  string
	until *time.Time
}

// request is one that a page has made.
type request struct {
	Method, URL string
	Kind        network.ResourceType
	Status      int64
	// Wire is how many bytes came, headers included; 0 from the browser's cache.
	Wire   float64
	Cached bool
	// By is the address of what asked for it, where that was the page itself.
	By string
	// Blocking: nothing is shown before it has come.
	Blocking, Done bool
}

// newBrowser starts the machine's Chromium with a new profile. Where there is none, the
// test is skipped, or fails if FIXPOINT_BROWSER says that one is required.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("FIXPOINT_BROWSER") == "required" {
			t.Fatal("there is no chromium, and FIXPOINT_BROWSER requires one")
		}
		t.Skip("NOT TESTED: there is no chromium; install it to see the pages tested in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile(t)), chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en-GB"))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("closing the browser: %v", err)
		}
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	return ctx
}

// profile is a new folder. What the browser still writes into it when it is closed does no
// harm.
func profile(t *testing.T) string {
	t.Helper()
	//nolint:usetesting // a test would fail whose folder can't be removed
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// stay has messages stay for which the page's script sets a time to go: on a slow machine
// nobody would see them otherwise.
const stay = `(set => window.setTimeout = (f, ms, ...rest) => set(f, ms === 6000 ? 2 ** 30 : ms, ...rest))(window.setTimeout)`

// newTab opens a page of the browser for the site at base.
func newTab(browser context.Context, t *testing.T, base string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, base: base, byID: map[network.RequestID]*request{}}
	b.do(chromedp.EmulateViewport(1360, 900))
	command(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: stay})
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	return b
}

// hear notes what the browser tells; it must return at once.
func (b *tab) hear(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		if strings.HasPrefix(ev.Request.URL, "data:") {
			return
		}
		r := &request{Method: ev.Request.Method, URL: ev.Request.URL, Kind: ev.Type}
		if ev.Initiator != nil {
			r.By = ev.Initiator.URL
		}
		r.Blocking = ev.RenderBlockingBehavior == network.RenderBlockingBehaviorBlocking
		b.asked, b.byID[ev.RequestID] = append(b.asked, r), r
	case *network.EventRequestServedFromCache:
		if r := b.byID[ev.RequestID]; r != nil {
			r.Cached = true
		}
	case *network.EventResponseReceived:
		if r := b.byID[ev.RequestID]; r != nil {
			r.Status = ev.Response.Status
			r.Cached = r.Cached || ev.Response.FromDiskCache
		}
	case *network.EventLoadingFinished:
		if r := b.byID[ev.RequestID]; r != nil {
			r.Done = true
			if !r.Cached {
				r.Wire = ev.EncodedDataLength
			}
		}
	case *network.EventLoadingFailed:
		if r := b.byID[ev.RequestID]; r != nil {
			r.Done = true
		}
	case *runtime.EventExceptionThrown:
		b.fault(ev.Timestamp, "exception: "+said(ev.ExceptionDetails))
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError {
			b.fault(ev.Entry.Timestamp, fmt.Sprintf("%s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL))
		}
	}
}

func said(e *runtime.ExceptionDetails) string {
	if e.Exception != nil && e.Exception.Description != "" {
		return e.Exception.Description
	}
	return e.Text
}

func (b *tab) fault(at runtime.Timestamp, text string) {
	for _, e := range b.expected {
		if strings.Contains(text, e.text) && (e.until == nil || at.Float64() <= float64(e.until.UnixMilli()+1)) {
			return
		}
	}
	b.faults = append(b.faults, text)
}

// expect says that faults with these texts are part of the story from now on; none
// are with no text.
func (b *tab) expect(texts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for i := range b.expected {
		b.expected[i].until = cmp.Or(b.expected[i].until, &now)
	}
	for _, text := range texts {
		b.expected = append(b.expected, expectation{text, nil})
	}
}

func (b *tab) takeFaults() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.faults
	b.faults = nil
	return f
}

// since are the requests after the first n.
func (b *tab) since(n int) []request {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []request
	for _, r := range b.asked[n:] {
		out = append(out, *r)
	}
	return out
}

func (b *tab) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.asked)
}

// do runs steps in the page.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if chromedp.FromContext(b.ctx).Target == nil {
		ctx = b.ctx // the page lives as long as the context of its first step
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("in the browser: %v", err)
	}
}

// open goes to a page of the site and waits until it is loaded.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

// reload loads the page again.
func (b *tab) reload() {
	b.t.Helper()
	b.do(chromedp.Reload())
}

// js is the value of an expression in the page. Values that the expression needs are
// its args, as a1, a2 and so on.
func js[T any](b *tab, expression string, args ...any) (T, error) {
	var names, values []string
	for i, a := range args {
		text, err := json.Marshal(a)
		if err != nil {
			var none T
			return none, err
		}
		names, values = append(names, fmt.Sprintf("a%d", i+1)), append(values, string(text))
	}
	code := fmt.Sprintf("((%s) => (%s))(%s)", strings.Join(names, ","), expression, strings.Join(values, ","))
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](code, chromedp.EvalAwaitPromise))
}

// is the value of an expression, which must have one.
func is[T any](b *tab, expression string, args ...any) T {
	b.t.Helper()
	v, err := js[T](b, expression, args...)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true in the page.
func (b *tab) until(what, expression string, args ...any) {
	b.t.Helper()
	err := within(patience, func() error {
		ok, err := js[bool](b, "!!("+expression+")", args...)
		if err == nil && !ok {
			err = errors.New("it is not so")
		}
		return err
	})
	if err != nil {
		b.t.Fatalf("%s: %v\nat %s\n%s", what, err, b.where(), b.text())
	}
}

// where is the page's path and query.
func (b *tab) where() string {
	at, err := js[string](b, "location.pathname + location.search")
	if err != nil {
		return err.Error()
	}
	return at
}

// text is the visible text of the page, for messages.
func (b *tab) text() string {
	text, err := js[string](b, "document.body.innerText.replace(/\\s*\\n\\s*/g, '\\n').slice(0, 3000)")
	if err != nil {
		return err.Error()
	}
	return text
}

// at waits until the page has this path, with the query if there is one.
func (b *tab) at(path string) {
	b.t.Helper()
	b.until("at "+path, "document.readyState === 'complete' && (location.pathname === a1 || location.pathname + location.search === a1)", path)
}

// sees waits until an element that the selector finds is visible and has the text.
func (b *tab) sees(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s with %q is seen", selector, text), found+".some(e => shown(e) && has(e, a2))", selector, text)
}

// misses waits until there is no such element any more.
func (b *tab) misses(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s with %q is gone", selector, text), "!"+found+".some(e => shown(e) && has(e, a2))", selector, text)
}

// The words of the expressions above.
const (
	words = `(shown = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0,
		has = (e, t) => (e.innerText ?? e.textContent).replace(/\s+/g, " ").includes(t) || (e.getAttribute("aria-label") ?? "").includes(t))`
	found = "(" + words + ", [...document.querySelectorAll(a1)])"
)

// click presses the mouse in the middle of the first visible element that the selector
// finds and that has the text, once nothing covers it. A page that changes may have put
// something else there meanwhile: that is not clicked, and click looks anew.
func (b *tab) click(selector, text string) {
	b.t.Helper()
	for range 1000 {
		point := b.aim(selector, text)
		b.do(chromedp.MouseClickXY(point[0], point[1]))
		if missed, err := js[bool](b, "window.fixpointAim?.missed === true"); err != nil || !missed {
			return // an error: the page is left
		}
	}
	b.t.Fatalf("%s with %q does not stay where it is", selector, text)
}

// aim waits until the element can be clicked, and returns where. The next click does
// nothing if it hits anything else.
func (b *tab) aim(selector, text string) []float64 {
	b.t.Helper()
	var point []float64
	err := within(patience, func() (err error) {
		point, err = js[[]float64](b, `(() => {
			const e = `+found+`.find(e => shown(e) && has(e, a2));
			if (!e) return [];
			e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
			const r = e.getClientRects()[0], x = r.x + r.width / 2, y = r.y + r.height / 2;
			const top = document.elementFromPoint(x, y);
			if (!top || !e.contains(top) && !top.contains(e)) return [-1];
			window.fixpointAim?.done();
			const aim = window.fixpointAim = {};
			const guard = ev => {
				if (!e.isConnected || !e.contains(ev.target) && !ev.target.contains(e)) aim.missed = true;
				if (aim.missed) {
					ev.preventDefault();
					ev.stopImmediatePropagation();
				} else if (ev.type === "click") aim.done();
			};
			const kinds = ["pointerdown", "mousedown", "pointerup", "mouseup", "click"];
			aim.done = () => kinds.forEach(k => removeEventListener(k, guard, true));
			kinds.forEach(k => addEventListener(k, guard, true));
			return [x, y];
		})()`, selector, text)
		if err == nil && len(point) != 2 {
			err = fmt.Errorf("%d elements can be clicked", 0)
			if len(point) == 1 {
				err = errors.New("something covers it")
			}
		}
		return err
	})
	if err != nil {
		b.t.Fatalf("clicking %s with %q: %v\nat %s\n%s", selector, text, err, b.where(), b.text())
	}
	return point
}

// follow clicks on what leads to another page, and waits for it.
func (b *tab) follow(selector, text string) {
	b.t.Helper()
	is[bool](b, "window.fixpointBefore = true")
	b.click(selector, text)
	b.until(fmt.Sprintf("%s with %q leads to another page", selector, text), "!window.fixpointBefore && document.readyState === 'complete'")
}

// write types a text where the selector points to, as a person does: after a click, and
// over what is there.
func (b *tab) write(selector, text string) {
	b.t.Helper()
	b.click(selector, "")
	is[bool](b, "(document.activeElement.select?.(), true)")
	b.keys(text)
}

// keys presses keys, each as a keyboard does: a page that takes a key for itself gets no
// letter of it.
func (b *tab) keys(text string) {
	b.t.Helper()
	for _, r := range text {
		events := kb.Encode(r)
		down, up := *events[0], *events[len(events)-1]
		if len(events) == 3 { // what is pressed and what it writes are one event
			down.Type, down.Text, down.UnmodifiedText = input.DispatchKeyEventTypeKeyDown, events[1].Text, events[1].UnmodifiedText
		}
		command(b, input.DispatchKeyEvent, down)
		command(b, input.DispatchKeyEvent, up)
	}
}

// mark leaves a sign on the window, and on what the selector finds; marked reports
// which of both are still there: a page that was loaded anew has neither, and a node that
// was replaced has lost its own.
func (b *tab) mark(selector string) {
	b.t.Helper()
	is[bool](b, "(window.fixpointMark = true, document.querySelector(a1).fixpointMark = true)", selector)
}

func (b *tab) marked(selector string) {
	b.t.Helper()
	if !is[bool](b, "window.fixpointMark === true") {
		b.t.Errorf("the page was loaded anew")
	}
	if !is[bool](b, "document.querySelector(a1)?.fixpointMark === true", selector) {
		b.t.Errorf("%s was replaced instead of changed", selector)
	}
}

// command sends one of the debugging protocol.
func command[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, c, params)
	if err != nil {
		b.t.Fatalf("in the browser: %v", err)
	}
	return r
}
