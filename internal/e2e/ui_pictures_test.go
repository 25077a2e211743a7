package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// TestPictures takes pictures of all pages of the sample, for people to look at: of
// their window, light, dark, and as wide as a phone. CI keeps them.
func TestPictures(t *testing.T) {
	folder := pictures(t)
	browser := newBrowser(t)
	sample := viewtest.New()
	b := newTab(browser, t, sampleSite(t, sample))
	b.expect("404")
	pages := samplePages(t, sample)
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		b.open(pages[name])
		for _, l := range looks {
			b.look(l.scheme, l.width)
			b.picture(filepath.Join(folder, name+"-"+l.name+".png"))
		}
		b.look("light", 1360)
	}
	for _, f := range b.takeFaults() {
		t.Errorf("in a page: %s", f)
	}
}

// pictures is the folder that pictures go to.
func pictures(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("FIXPOINT_SCREENSHOTS")
	if folder == "" {
		folder = filepath.Join("..", "..", ".cache", "screenshots")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// picture takes one of what the window shows.
func (b *tab) picture(file string) {
	b.t.Helper()
	b.until("it is drawn", "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))")
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatalf("taking a picture: %v", err)
	}
	if len(png) < 4<<10 {
		b.t.Errorf("the picture %s is empty: %d bytes", filepath.Base(file), len(png))
	}
	if err := os.WriteFile(file, png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
