package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// everyPage are addresses of all pages of no single app, in all their states.
func everyPage() []string {
	pages := []string{
		"/apps", "/apps?view=tiles", "/apps?q=nosuch", "/apps?project=shop&health=Healthy&sort=-changed&limit=2&offset=2",
		"/apps?limit=2", "/apps?label=team%3Dshop&ns=nosuch", "/activity?q=nosuch", "/activity?limit=100&kind=drift&kind=synced&from=2020-01-01",
		"/account", "/audit?outcome=denied", "/audit?who=nobody", "/nowhere", "/apps?limit=x", "/activity?from=never", "/audit?before=x",
	}
	for _, p := range worldPages {
		pages = append(pages, "/"+p)
	}
	return pages
}

// everyReader are sites for readers of all kinds.
func everyReader() map[string]http.Handler {
	anonymous := view.Who{Anonymous: true, Title: "Guest"}
	hostile := viewtest.New()
	spoil(hostile)
	return map[string]http.Handler{
		"admin":     site(viewtest.New(), viewtest.Options{Who: view.Who{Name: "ana", Title: "ana@example.com", Groups: []string{"ops", "web"}}}),
		"read only": site(viewtest.New(), viewtest.Options{Who: anonymous, May: func(v view.Verb, _ view.App) bool { return v == view.VerbGet }}),
		"nothing":   site(viewtest.New(), viewtest.Options{Hidden: true, May: func(view.Verb, view.App) bool { return false }}),
		"empty":     site(viewtest.Empty(), viewtest.Options{}),
		"hostile":   site(hostile, viewtest.Options{Who: view.Who{Name: evil, Title: evil}}),
	}
}

func TestPages(t *testing.T) {
	for name, h := range everyReader() {
		for _, path := range everyPage() {
			t.Run(name+path, func(t *testing.T) {
				d := get(t, h, path)
				if d.code >= http.StatusInternalServerError {
					t.Fatalf("%d %s", d.code, d.body)
				}
				checkPage(t, d)
				partial := get(t, h, path, "HX-Request", "true")
				if partial.code != d.code {
					t.Errorf("the script is answered with %d", partial.code)
				}
				checkPolicy(t, partial)
			})
		}
	}
}

// checkPage checks what holds for every page, besides what sound does.
func checkPage(t *testing.T, d *dom) {
	t.Helper()
	d.sound()
	checkPolicy(t, d)
	for _, one := range []string{"main", "h1", "head title", "header.top", "footer.foot", "a.skip", "nav[aria-label=Main]"} {
		d.wantCount(one, 1)
	}
	for _, n := range d.all("use") {
		if len(d.all(attr(n, "href"))) != 1 {
			t.Errorf("%s: there is no icon %s", d.path, attr(n, "href"))
		}
	}
}

// checkPolicy finds what a strict Content-Security-Policy forbids, and links that lead
// to where no link should.
func checkPolicy(t *testing.T, d *dom) {
	t.Helper()
	for n := range d.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "style" || n.Data == "script" && (attr(n, "src") == "" || n.FirstChild != nil) {
			t.Errorf("inline %s", n.Data)
		}
		for _, a := range n.Attr {
			name, value := strings.ToLower(a.Key), strings.ToLower(a.Val)
			switch {
			case strings.HasPrefix(name, "on"), strings.HasPrefix(name, "hx-on"), name == "style":
				t.Errorf("attribute %s of %s", a.Key, n.Data)
			case strings.HasPrefix(name, "hx-") && (strings.Contains(value, "js:") || name == "hx-trigger" && strings.Contains(value, "[")):
				t.Errorf("%s=%q is evaluated", a.Key, a.Val)
			case name == "src" && !strings.HasPrefix(value, "/assets/"):
				t.Errorf("%s loads %q", n.Data, a.Val)
			case (name == "href" || name == "action" || name == "formaction") && !isLocal(value) && (!strings.HasPrefix(value, "http") || !strings.Contains(attr(n, "rel"), "noopener")):
				t.Errorf("%s leads to %q", n.Data, a.Val)
			}
		}
	}
}

func isLocal(address string) bool {
	return strings.HasPrefix(address, "#") || strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//")
}

const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`

// spoil writes hostile text wherever users can.
func spoil(b *viewtest.Backend) {
	for _, app := range b.Apps(view.Query{Limit: view.MaxLimit}, nil).Apps {
		b.Edit(app.Key, func(d *view.Detail) {
			d.Message, d.Project, d.Namespace, d.Revision = evil, evil, evil, evil
			d.Cluster.Name, d.Commit = evil, model.Commit{ID: evil, Author: evil, Subject: evil, Time: viewtest.Now}
			d.Labels = map[string]string{evil: evil}
			d.Links = []view.Link{{Title: evil, URL: "javascript:alert(3)"}}
			d.Sources = slices.Clone(d.Sources)
			for i := range d.Sources {
				d.Sources[i].URL, d.Sources[i].Web, d.Sources[i].Path, d.Sources[i].Target = "javascript:alert(4)", "javascript:alert(5)", evil, evil
			}
		})
	}
}

// TestHostileText looks at what a page makes of the text in spoil, besides what TestPages
// checks of it: nothing of it has become an element.
func TestHostileText(t *testing.T) {
	h := everyReader()["hostile"]
	for _, path := range []string{"/apps", "/apps?view=tiles"} {
		d := get(t, h, path)
		if !strings.Contains(text(d.Node), "alert(1)") {
			t.Errorf("%s does not show the text at all", path)
		}
		d.wantCount("img", 0)
		for _, a := range d.all("a") {
			if strings.Contains(attr(a, "href"), "javascript:") {
				t.Errorf("%s: a link leads to %q", path, attr(a, "href"))
			}
		}
	}
}

// TestBudget: a list of ten thousand apps is small on the wire.
func TestBudget(t *testing.T) {
	b := viewtest.New()
	b.Add(10000)
	h := site(b, viewtest.Options{})
	for path, most := range map[string]int{"/apps": 20 << 10, "/apps?view=tiles": 20 << 10, "/apps?q=service&limit=500": 60 << 10, "/activity": 10 << 10} {
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		d := get(t, h, path)
		_, _ = z.Write(d.body)
		_ = z.Close()
		t.Logf("%s: %d bytes, %d compressed", path, len(d.body), zipped.Len())
		if zipped.Len() > most {
			t.Errorf("%s: %d bytes compressed, more than %d", path, zipped.Len(), most)
		}
	}
}

func TestAssets(t *testing.T) {
	w := New(Config{})
	h := site(viewtest.New(), viewtest.Options{})
	total := 0
	for name, url := range w.assets.urls {
		plain := get(t, h, url)
		zipped := get(t, h, url, "Accept-Encoding", "gzip, br")
		if plain.code != http.StatusOK || !strings.Contains(plain.head.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name, plain.code, plain.head)
		}
		z, err := gzip.NewReader(bytes.NewReader(zipped.body))
		total += len(zipped.body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(z); err != nil || !bytes.Equal(b.Bytes(), plain.body) {
			t.Errorf("%s is another thing compressed: %v", name, err)
		}
	}
	if total > 64<<10 {
		t.Errorf("all assets are %d bytes compressed", total)
	}
	if d := get(t, h, "/assets/base.000000000000.css"); d.code != http.StatusNotFound || d.head.Get("Cache-Control") != "no-store" {
		t.Errorf("an asset that does not exist: %d %v", d.code, d.head)
	}
}

func TestTheme(t *testing.T) {
	h := site(viewtest.New(), viewtest.Options{})
	for value, want := range map[string]string{"dark": "dark", "light": "light", "auto": "", `"><b>`: ""} {
		d := post(t, h, "/theme", url.Values{"theme": {value}, "back": {"/clusters"}})
		if d.code != http.StatusSeeOther || d.head.Get("Location") != "/clusters" {
			t.Errorf("%d %v", d.code, d.head)
		}
		d = get(t, h, "/apps", "Cookie", themeCookie+"="+value)
		if got := attr(d.one("html"), "data-theme"); got != want {
			t.Errorf("theme %q: the page has %q", value, got)
		}
	}
}

func TestLocal(t *testing.T) {
	for to, want := range map[string]string{
		"/apps?q=a": "/apps?q=a", "": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/",
		"/\t/evil.example": "/", "javascript:alert(1)": "/",
	} {
		if got := local(to); got != want {
			t.Errorf("local(%q) = %q", to, got)
		}
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		shown  string
	}{
		"not found":  {model.As(model.ErrNotFound, fmt.Errorf("secret thing")), 404, "Not here"},
		"denied":     {model.As(model.ErrDenied, fmt.Errorf("only its owner may")), 403, "only its owner may"},
		"invalid":    {model.Invalidf("name a revision"), 422, "name a revision"},
		"busy":       {model.As(view.ErrConflict, fmt.Errorf("a sync is under way")), 409, "a sync is under way"},
		"away":       {model.As(model.ErrTransient, fmt.Errorf("cluster staging does not answer")), 503, "cluster staging does not answer"},
		"signed out": {view.ErrUnauthenticated, 401, "You are signed out"},
		"other":      {fmt.Errorf("password=hunter2"), 500, "Something went wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			b := viewtest.New()
			b.Fail("Clusters", c.err)
			h := site(b, viewtest.Options{})
			d := get(t, h, "/clusters")
			if d.code != c.status {
				t.Errorf("%d, want %d", d.code, c.status)
			}
			checkPage(t, d)
			d.wantText("main", c.shown)
			for _, secret := range []string{"hunter2", "secret thing"} {
				if bytes.Contains(d.body, []byte(secret)) {
					t.Errorf("the page contains %q", secret)
				}
			}
		})
	}
}
