package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// spaced gives all text the spacing of WCAG's 1.4.12.
const spaced = `(() => {
	const s = new CSSStyleSheet();
	s.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }");
	document.adoptedStyleSheets = [s];
	return true;
})()`

// clipped are those parts with which something is done whose text does not fit, and is not
// meant to be cut.
const clipped = `[...document.querySelectorAll("button, .button, summary, label, .nav a, .tabs a, h1, h2, dt")]
	.filter(e => e.checkVisibility() && e.getClientRects().length > 0 && !e.closest(".hide, svg"))
	.filter(e => /hidden|clip/.test(getComputedStyle(e).overflow) && getComputedStyle(e).textOverflow !== "ellipsis" && (e.scrollWidth > e.clientWidth + 2 || e.scrollHeight > e.clientHeight + 2))
	.map(e => e.outerHTML.slice(0, 120))`

// unseen are those parts that the focus can go to, but not be seen at: it has no outline,
// or something lies over all of it, or it is not in sight.
const unseen = `(() => {
	const bad = [];
	const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
		.filter(e => e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && e.getClientRects().length > 0 && !e.disabled && !e.closest("svg"));
	for (const e of all) {
		e.focus();
		if (document.activeElement !== e || !e.matches(":focus-visible")) continue;
		const outlined = [e, e.parentElement].some(e => { const s = getComputedStyle(e); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1; });
		if (!outlined) bad.push("no outline: " + e.outerHTML.slice(0, 120));
		const places = [...e.getClientRects()].flatMap(r => {
			const left = Math.max(r.left, 0), right = Math.min(r.right, innerWidth), top = Math.max(r.top, 0), bottom = Math.min(r.bottom, innerHeight);
			return [.1, .5, .9].flatMap(x => [.1, .5, .9].map(y => [left + (right - left) * x, top + (bottom - top) * y]));
		});
		const seen = places.some(([x, y]) => { const top = document.elementFromPoint(x, y); return top && (e.contains(top) || top === e.closest("label")); });
		if (!seen) bad.push("covered: " + e.outerHTML.slice(0, 120) + " at " + [...e.getClientRects()].map(r => [r.left, r.top, r.right, r.bottom].map(Math.round)) + " by " + document.elementFromPoint(...places[4])?.outerHTML.slice(0, 60));
	}
	document.activeElement.blur();
	return bad;
})()`

// smallTargets are targets of less than 24 pixels that stand nearer to another one than that,
// but for those within a line of text.
const smallTargets = `(() => {
	const all = [...document.querySelectorAll("a[href], button, summary, select, input:not([type=hidden])")]
		.filter(e => e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && e.getClientRects().length > 0 && !e.closest("svg"))
		.map(e => (e.matches("input") && e.closest("label")) || e);
	const boxes = [...new Set(all)].map(e => ({e, r: e.getBoundingClientRect()}));
	const tiny = ({r}) => r.width < 23.5 || r.height < 23.5;
	const near = (a, b) => {
		const x = a.r.left + a.r.width / 2, y = a.r.top + a.r.height / 2;
		const dx = Math.max(b.r.left - x, 0, x - b.r.right), dy = Math.max(b.r.top - y, 0, y - b.r.bottom);
		return Math.hypot(dx, dy) < 12;
	};
	return boxes.filter(a => tiny(a) && getComputedStyle(a.e).display !== "inline" && boxes.some(b => b.e !== a.e && !a.e.contains(b.e) && !b.e.contains(a.e) && near(a, b)))
		.map(a => Math.round(a.r.width) + "x" + Math.round(a.r.height) + " " + a.e.outerHTML.slice(0, 120));
})()`

// TestAdaptable has pages that can be used in a window of 320 pixels, which is one of
// 1280 at 400 %, with more space between lines, words and letters, with the colours of the
// system only, by the keyboard, and by who can't point well.
func TestAdaptable(t *testing.T) {
	browser := newBrowser(t)
	sample := viewtest.New()
	b := newTab(browser, t, sampleSite(t, sample))
	pages := samplePages(t, sample)
	b.expect("404")
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		t.Run(name, func(t *testing.T) { b.adapts(t, pages[name]) })
	}
}

func (b *tab) adapts(t *testing.T, path string) {
	t.Helper()
	outer := b.t
	b.t = t
	defer func() { b.t = outer }()
	none := func(what, expression string) {
		t.Helper()
		if found := is[[]string](b, expression); len(found) > 0 {
			t.Errorf("%s:\n  %s", what, strings.Join(firsts(found, 5), "\n  "))
		}
	}
	fits := func(what string, width int) {
		t.Helper()
		if wide := is[int](b, "document.documentElement.scrollWidth"); wide > width {
			t.Errorf("%s: the page is %d wide in a window of %d", what, wide, width)
		}
	}
	b.look("light", 1280)
	b.open(path)
	b.until("it is there", "document.querySelector('main') && document.readyState === 'complete'")
	none("by the keyboard", unseen)
	none("too small", smallTargets)
	b.look("light", 320)
	fits("narrow", 320)
	none("on a phone", unseen)
	none("too small on a phone", smallTargets)
	is[bool](b, spaced)
	fits("narrow, with more space", 320)
	none("cut with more space", clipped)
	b.do(chromedp.EmulateViewport(320, 256))
	none("at 400 %, with more space", unseen)
	b.do(chromedp.EmulateViewport(640, 450))
	b.open(path)
	fits("at 200 %", 640)
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}})
	none("in forced colours", unseen)
}
