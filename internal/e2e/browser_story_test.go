package e2e

import (
	"slices"
	"strings"
	"testing"
)

// TestBrowser is a day of somebody who looks at apps: in a real browser, against the
// controller that main starts, with Git, a webhook and a cluster.
func TestBrowser(t *testing.T) {
	browser := newBrowser(t)
	i := newInstallation(t)
	d := &day{installation: i, browser: browser, tab: newTab(browser, t, i.wire.url())}
	if !d.part(t, "sign in", d.signIn) {
		t.FailNow()
	}
	d.part(t, "find an app among many", d.find)
	d.part(t, "pages and order", d.leaf)
	d.part(t, "watch a push arrive", d.push)
	d.part(t, "sync a selection", d.syncSome)
	d.part(t, "read a diff", d.diff)
	d.part(t, "roll back", d.rollBack)
	d.part(t, "look at an object", d.object)
	d.part(t, "follow a log", d.log)
	d.part(t, "suspend and resume", d.suspend)
	d.part(t, "refresh several", d.bulk)
	d.part(t, "read what happened", d.activity)
	d.part(t, "look around", d.lookAround)
	d.part(t, "choose the dark", d.dark)
	d.part(t, "use the keyboard", d.keyboard)
	d.part(t, "lose the connection and regain it", d.offline)
	d.part(t, "be signed out elsewhere", d.signedOut)
	t.Run("ask nobody else", func(t *testing.T) { d.noThirdParty(t) })
}

// all is what a list says of so many apps.
const all = "2 005 apps"

// day is what the parts of the story share.
type day struct {
	*installation
	*tab
	browser browserContext
}

// part is a piece of the story; it ends with no fault in the page.
func (d *day) part(t *testing.T, name string, story func(t *testing.T)) bool {
	t.Helper()
	return t.Run(name, func(t *testing.T) {
		outer := d.env.t
		d.env.t, d.tab.t = t, t
		defer func() { d.env.t, d.tab.t = outer, outer }()
		story(t)
		for _, f := range d.takeFaults() {
			t.Errorf("in the page: %s", f)
		}
	})
}

// signIn fails first: what it says must not tell whether there is such an account.
func (d *day) signIn(t *testing.T) {
	d.open("/apps?q=shop")
	d.at("/auth/login")
	var told []string
	d.expect("401")
	for _, name := range []string{"admin", "nobody-of-that-name"} {
		d.write("input[name=name]", name)
		d.write("input[name=password]", "not the password")
		d.follow("button", "Sign in")
		d.sees("[role=alert]", "The name or the password is wrong.")
		told = append(told, is[string](d.tab, "document.querySelector('[role=alert]').innerText"))
	}
	if told[0] != told[1] {
		t.Errorf("an account that exists is told by %q, one that does not by %q", told[0], told[1])
	}
	d.expect()
	d.enter("/apps?q=shop") // where it was asked for
	d.sees("#apps-list", "shop")
	d.sees("header", "admin")
	if cookie := is[string](d.tab, "document.cookie"); cookie != "" {
		t.Errorf("scripts can read a cookie: %s", cookie)
	}
}

// enter fills in the form of signing in, which leads to the address.
func (d *day) enter(to string) {
	d.tab.t.Helper()
	d.write("input[name=name]", "admin")
	d.write("input[name=password]", d.password)
	d.follow("button", "Sign in")
	d.tab.at(to)
}

// names are those of the apps that the list shows.
func (d *day) names() []string {
	d.tab.t.Helper()
	return is[[]string](d.tab, "[...document.querySelectorAll('#apps-list [data-item] th a')].map(a => a.textContent)")
}

// find searches, filters, and shares what was found by its address.
func (d *day) find(t *testing.T) {
	d.follow(".nav a", "Apps")
	d.sees("#apps-list [role=status]", all) // the last of them come while it is looked at
	d.sees("#apps-summary", "183 Out of sync")
	if n := len(d.names()); n != 50 {
		t.Errorf("the first page has %d apps, want 50 of them", n)
	}
	d.mark("#q")
	d.keys("/")
	d.until("/ focuses the search", "document.activeElement.id === 'q'")
	before := d.count()
	d.keys("mail-13")
	d.sees("#apps-list [role=status]", "20 of "+all)
	d.until("the address says what is searched for", "new URLSearchParams(location.search).get('q') === 'mail-13'")
	for _, r := range d.since(before) {
		if !strings.HasPrefix(r.URL, d.base+"/apps?") && !strings.HasPrefix(r.URL, d.base+"/live?") {
			t.Errorf("searching asks for %s", r.URL)
		}
	}
	if lists := d.lists(before); len(lists) == 0 || len(lists) > len("mail-13") {
		t.Errorf("typing 7 letters makes %d requests: %q", len(lists), lists)
	}
	d.click(".facet .option", "Application")
	d.sees("#apps-list [role=status]", "1 of "+all)
	if got := d.names(); !slices.Equal(got, []string{"mail-1353"}) {
		t.Errorf("found %q", got)
	}
	d.sees("#apps-list .health", "Missing")
	d.marked("#q")
	here, found := d.where(), d.names()
	d.reload()
	d.tab.at(here)
	if again := d.names(); !slices.Equal(again, found) {
		t.Errorf("the same address shows %q after %q", again, found)
	}
	d.click("a.clear", "Clear all")
	d.until("nothing is asked for any more", "location.search === '' && document.querySelector('#q').value === '' && !document.querySelector('a.clear')")
	d.sees("#apps-list [role=status]", all)
	d.write("#q", "shop")
	d.sees("#apps-list", "shop")
	d.write("#q", "name:shop")
	d.sees("#apps-list [role=status]", "1 of "+all)
	d.follow("#apps-list th a", "shop")
	d.tab.at("/apps/application/argocd/shop")
}

// lists are the requests for lists of apps after the first n requests.
func (d *day) lists(n int) (urls []string) {
	for _, r := range d.since(n) {
		if strings.HasPrefix(r.URL, d.base+"/apps?") || r.URL == d.base+"/apps" {
			urls = append(urls, strings.TrimPrefix(r.URL, d.base))
		}
	}
	return urls
}

// leaf goes through pages of the list and changes its order; the browser's own way
// back works.
func (d *day) leaf(t *testing.T) {
	d.open("/apps")
	first := d.names()
	if !slices.IsSorted(first) {
		t.Errorf("they are not in the order of their names: %q", first)
	}
	d.mark("#apps-list")
	d.click(".pager a", "Next")
	d.sees(".pager", "51–100 of 2 005")
	second := d.names()
	if first[49] >= second[0] {
		t.Errorf("the first page ends with %s, the second begins with %s", first[49], second[0])
	}
	d.click("thead a", "Name")
	d.sees(".pager", "1–50 of 2 005")
	d.until("sorted the other way round", "document.querySelector('th.col-name').getAttribute('aria-sort') === 'descending'")
	if names := d.names(); names[0] != "shop" {
		t.Errorf("the last by name is %s, want shop", names[0])
	}
	d.marked("#apps-list")
	d.click("a", "Tiles")
	d.until("tiles", "document.querySelectorAll('#apps-list .tile').length === 50")
	is[bool](d.tab, "(history.back(), true)")
	d.until("back to the table", "document.querySelectorAll('#apps-list .tile').length === 0 && document.querySelectorAll('#apps-list tbody tr').length === 50")
	d.until("in that order", "document.querySelector('th.col-name').getAttribute('aria-sort') === 'descending'")
}

// noThirdParty fails if any page has ever asked another host.
func (d *day) noThirdParty(t *testing.T) {
	all := d.since(0)
	for _, r := range all {
		if !strings.HasPrefix(r.URL, d.base+"/") {
			t.Errorf("a page has asked for %s", r.URL)
		}
	}
	t.Logf("%d requests, all to the one address", len(all))
}
