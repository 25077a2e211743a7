package e2e

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/security"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
	"github.com/fixpoint-cd/fixpoint/internal/web"
)

// manyTabs are more than a browser opens connections to a host that speaks HTTP/1.1.
const manyTabs = 8

// sightScript lets a test say whether a page is seen, and has what it does every few seconds
// or once a minute come sixty times as often.
const sightScript = `(() => {
	let hidden = false;
	Object.defineProperty(document, "hidden", {get: () => hidden});
	Object.defineProperty(document, "visibilityState", {get: () => hidden ? "hidden" : "visible"});
	window.fixpointSeen = (seen) => { hidden = !seen; document.dispatchEvent(new Event("visibilitychange")); if (seen) dispatchEvent(new Event("focus")); return true; };
	const later = window.setTimeout;
	window.setTimeout = (f, ms, ...more) => later(f, ms >= 5000 ? ms / 60 : ms, ...more);
	const Source = window.EventSource;
	window.fixpointOpen = new Set();
	window.EventSource = class extends Source {
		constructor(url) { super(url); this.once = String(url).includes("once=1"); fixpointOpen.add(this); }
		close() { super.close(); fixpointOpen.delete(this); }
	};
	window.fixpointStreaming = () => [...fixpointOpen].some(s => !s.once && s.readyState === 1);
})()`

// tabs are pages of one browser, with apps of a sample to look at.
type tabs struct {
	*testing.T
	sample *viewtest.Backend
	apps   []model.AppKey
	all    []*tab
}

func newTabs(t *testing.T, base string, sample *viewtest.Backend) *tabs {
	t.Helper()
	browser := newBrowser(t)
	s := &tabs{T: t, sample: sample}
	for _, name := range []string{"payments-api", "payments-ledger", "shop-frontend", "shop-cart", "search-index", "reports", "platform-monitoring"} {
		s.apps = append(s.apps, viewtest.Key(view.KindApplication, "argocd", name))
	}
	s.apps = append(s.apps, viewtest.Key(view.KindKustomization, "flux-system", "infrastructure"))
	for _, app := range s.apps[:manyTabs] {
		b := newTab(browser, t, base)
		command(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: sightScript})
		command(b, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
		b.open(web.AppPath(app))
		b.sees("#app-head", app.Name)
		s.all = append(s.all, b)
	}
	return s
}

// says makes the i-th tab's app degraded, with a commit that has the text.
func (s *tabs) says(i int, text string) {
	s.sample.Edit(s.apps[i], func(d *view.Detail) {
		d.Health, d.Deleting, d.Commit = model.Degraded, false, model.Commit{ID: d.Revision, Author: "Team Web", Subject: text, Time: viewtest.Now}
	})
}

// streaming are the indexes of the tabs that hold a stream.
func (s *tabs) streaming() (holding []int) {
	for i, b := range s.all {
		if is[bool](b, "fixpointStreaming()") {
			holding = append(holding, i)
		}
	}
	return holding
}

// settles waits until just these tabs hold a stream.
func (s *tabs) settles(want ...int) {
	s.Helper()
	err := within(patience, func() error {
		if got := s.streaming(); !slices.Equal(got, want) {
			return fmt.Errorf("tabs %v hold streams, want %v", got, want)
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// TestBrowserTabs has eight windows side by side, all of them seen, on a server that
// speaks HTTP/1.1: the four that were looked at last hold a stream, all are current, and
// each loads pages at once.
func TestBrowserTabs(t *testing.T) {
	sample := viewtest.New()
	s := newTabs(t, sampleSite(t, sample), sample)
	s.settles(4, 5, 6, 7)
	for i, b := range s.all {
		s.says(i, fmt.Sprint("word for ", i))
		b.sees("main", fmt.Sprint("word for ", i))
	}
	// Who is looked at has a stream; who was so the longest ago has none any more.
	is[bool](s.all[0], "fixpointSeen(true)")
	s.settles(0, 5, 6, 7)
	// Each goes to another page, whatever the others hold.
	for _, b := range s.all {
		b.open("/activity")
		b.sees("h1", "Activity")
		b.until("it came by HTTP/1.1", "performance.getEntriesByType('navigation')[0].nextHopProtocol === 'http/1.1'")
		for _, f := range b.takeFaults() {
			t.Errorf("in the page: %s", f)
		}
	}
	s.settles(4, 5, 6, 7)
	// One that is closed makes room for the next.
	is[bool](s.all[7], "fixpointSeen(false)")
	s.settles(3, 4, 5, 6)
}

// TestBrowserTabsInTheBackground: tabs that nobody looks at hold no stream; their titles
// and icons stay true by small requests that are mostly answered by nothing, and each is
// current once it is looked at.
func TestBrowserTabsInTheBackground(t *testing.T) {
	sample := viewtest.New()
	counted := &counting{Backend: sample}
	s := newTabs(t, sampleSite(t, counted), sample)
	for _, b := range s.all {
		is[bool](b, "fixpointSeen(false)")
	}
	s.settles()
	trees := counted.trees.Load()
	for i, b := range s.all {
		s.says(i, "a change that came unseen")
		b.until("the title tells", "document.title.startsWith('Degraded: ') && document.querySelector('#tab-icon').href.includes('favicon-bad')")
		if is[bool](b, "document.body.innerText.includes('a change that came unseen')") {
			t.Errorf("tab %d is kept current though nobody looks", i)
		}
	}
	s.costNothing()
	// Those of streams that were ending when they were counted are all that may be.
	if made := counted.trees.Load() - trees; made > manyTabs {
		t.Errorf("%d trees were made for tabs that nobody sees", made)
	}
	for i, b := range s.all {
		is[bool](b, "fixpointSeen(true)")
		b.sees("main", "a change that came unseen")
		is[bool](b, "fixpointSeen(false)")
		s.sample.Edit(s.apps[i], func(d *view.Detail) { d.Health, d.Sync, d.Operation = model.Healthy, model.Synced, nil })
		b.until("the title is without a mark", "!document.title.includes(': ') && !document.querySelector('#tab-icon').href.includes('favicon-')")
		for _, f := range b.takeFaults() {
			t.Errorf("in the page of tab %d: %s", i, f)
		}
	}
}

// costNothing waits until each tab has been told several times, by an answer without a
// body, that its title is the same; none may ask for anything else.
func (s *tabs) costNothing() {
	s.Helper()
	for i, b := range s.all {
		before := b.count()
		err := within(patience, func() error {
			same := 0
			for _, r := range b.since(before) {
				if !strings.Contains(r.URL, "/tab?") {
					s.Errorf("tab %d has asked for %s", i, r.URL)
				}
				if r.Status == 304 {
					same++
				}
			}
			if same < 3 {
				return fmt.Errorf("tab %d was told %d times that it is the same", i, same)
			}
			return nil
		})
		if err != nil {
			s.Error(err)
		}
	}
}

// TestBrowserTabsByHTTP2: with TLS all windows share a connection, and each has a stream.
func TestBrowserTabsByHTTP2(t *testing.T) {
	sample := viewtest.New()
	server := httptest.NewUnstartedServer(nil)
	server.Config = serverOf(t, sample, "g, platform, role:admin", func(context.Context, view.Audit) error { return nil })
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	s := newTabs(t, server.URL, sample)
	s.settles(0, 1, 2, 3, 4, 5, 6, 7)
	for i, b := range s.all {
		s.says(i, fmt.Sprint("word for ", i))
		b.sees("main", fmt.Sprint("word for ", i))
		b.until("it came by HTTP/2", "performance.getEntriesByType('navigation')[0].nextHopProtocol === 'h2'")
		for _, r := range b.since(0) {
			if r.Kind == network.ResourceTypeEventSource && strings.Contains(r.URL, "once=1") {
				t.Errorf("tab %d has asked for %s", i, r.URL)
			}
		}
	}
}
