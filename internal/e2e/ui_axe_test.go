package e2e

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

//go:embed testdata/axe/axe.min.js
var axe string

// looks are the ways in which pages are looked at.
var looks = []struct {
	name, scheme string
	width        int64
}{{"light", "light", 1360}, {"dark", "dark", 1360}, {"phone", "light", 390}}

// look sets how the page is looked at, with nothing that moves.
func (b *tab) look(scheme string, width int64) {
	b.t.Helper()
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	b.do(chromedp.EmulateViewport(width, 900))
}

// violation is a rule of axe that a page breaks, and where.
type violation struct {
	Rule, Help string
	Places     []string
}

// violations are what axe finds wrong by the rules of WCAG 2.2 AA.
func (b *tab) violations() []violation {
	b.t.Helper()
	if !is[bool](b, "typeof window.axe === 'object'") {
		if r := command(b, runtime.Evaluate, runtime.EvaluateParams{Expression: axe}); r.ExceptionDetails != nil {
			b.t.Fatalf("starting axe: %s", said(r.ExceptionDetails))
		}
	}
	return is[[]violation](b, `axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"],
	}).then(r => r.violations.map(v => ({
		Rule: v.id, Help: v.help, Places: v.nodes.map(n => n.target.join(" ") + ": " + n.failureSummary.replace(/\s+/g, " ")),
	})))`)
}

// TestAxe has no page of which axe finds anything, light, dark, and as wide as a phone.
// No page is wider than its window either.
func TestAxe(t *testing.T) {
	browser := newBrowser(t)
	sample := viewtest.New()
	b := newTab(browser, t, sampleSite(t, sample))
	empty := newTab(browser, t, sampleSite(t, viewtest.Empty()))
	pages := samplePages(t, sample)
	b.expect("404")
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		t.Run(name, func(t *testing.T) { b.accessible(t, pages[name]) })
	}
	for _, name := range []string{"apps", "activity", "audit", "clusters", "repositories", "projects", "sources"} {
		t.Run("empty "+name, func(t *testing.T) { empty.accessible(t, "/"+name) })
	}
}

// accessible looks at a page in all ways.
func (b *tab) accessible(t *testing.T, path string) {
	t.Helper()
	outer := b.t
	b.t = t
	defer func() { b.t = outer }()
	b.look("light", 1360)
	b.open(path)
	b.until("it is there", "document.querySelector('main') && document.fonts.status === 'loaded'")
	for _, l := range looks {
		b.look(l.scheme, l.width)
		for _, v := range b.violations() {
			t.Errorf("%s: %s: %s\n  %s", l.name, v.Rule, v.Help, strings.Join(firsts(v.Places, 3), "\n  "))
		}
		if wide := is[int](b, "document.documentElement.scrollWidth"); int64(wide) > l.width {
			t.Errorf("%s: the page is %d wide in a window of %d", l.name, wide, l.width)
		}
	}
	for _, f := range b.takeFaults() {
		t.Errorf("in the page: %s", f)
	}
}

// firsts are the first n, and how many more there are.
func firsts(all []string, n int) []string {
	if len(all) <= n {
		return all
	}
	return append(slices.Clone(all[:n]), fmt.Sprintf("and %d more", len(all)-n))
}
