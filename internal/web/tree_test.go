package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

func zipped(t *testing.T, body []byte) int {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}

// A tree of any size is a page of some hundred elements: at most twelve for each box.
func TestTreeBudgets(t *testing.T) {
	for _, size := range []int{20, 500, 5000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := viewtest.New()
			app := sampleKey("shop-frontend")
			b.SetTree(app, viewtest.Big(size))
			s := site(b, viewtest.Options{})
			d := get(t, s, AppPath(app))
			d.sound()
			boxes := len(d.all("svg.tree-svg a.node"))
			if boxes < 3 || boxes > 160 {
				t.Errorf("%d boxes", boxes)
			}
			if n := elements(d.one("svg.tree-svg")); n > 12*boxes {
				t.Errorf("%d elements for %d boxes", n, boxes)
			}
			if n := elements(d.Node); n > 12*boxes+600 {
				t.Errorf("the page has %d elements", n)
			}
			if n := zipped(t, d.body); n > 40<<10 {
				t.Errorf("the page has %d bytes", n)
			}
			list := get(t, s, AppPath(app)+"?view=list")
			list.sound()
			if n := len(list.all("table.tree-table tbody tr")); n != min(size, firstRows) {
				t.Errorf("the list has %d rows", n)
			}
			if n := zipped(t, list.body); n > 40<<10 {
				t.Errorf("the list has %d bytes", n)
			}
			t.Logf("%d boxes, %d elements, %d bytes; list %d bytes", boxes, elements(d.Node), zipped(t, d.body), zipped(t, list.body))
		})
	}
}

// Each box is a link with a name in words, known by an id, with its owner's.
func TestTreeIsReachable(t *testing.T) {
	b := viewtest.New()
	d := get(t, site(b, viewtest.Options{}), AppPath(sampleKey("payments-api")))
	ids := map[string]bool{}
	for _, n := range d.all("a.node") {
		ids[attr(n, "id")] = true
	}
	roots, degraded := 0, 0
	for _, n := range d.all("a.node") {
		label := nodeName(n)
		if label == "" || attr(n, "href") == "" {
			t.Errorf("%s has no label or link", attr(n, "id"))
		}
		if parent := attr(n, "data-p"); parent == "" {
			roots++
		} else if !ids[parent] {
			t.Errorf("%s: no owner %s", label, parent)
		}
		if strings.Contains(label, "Degraded") {
			degraded++
			if matches(n, ".good") || !matches(n, ".bad") {
				t.Errorf("%s has the class %q", label, attr(n, "class"))
			}
		}
	}
	if roots != 1 || degraded != 4 {
		t.Errorf("%d roots and %d degraded", roots, degraded)
	}
	d.wantCount("svg.tree-svg g.edges path", len(ids)-1)
}

func TestTreeFilters(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	app := AppPath(sampleKey("payments-api"))
	labels := func(query, selector string) []string {
		var out []string
		for _, n := range get(t, s, app+query).all(selector) {
			kind, _, _ := strings.Cut(nodeName(n), " ")
			out = append(out, kind)
		}
		return out
	}
	if got := labels("?health=Degraded", "a.node"); !cmp.Equal(got, []string{"Application", "Deployment", "ReplicaSet", "Pod"}) {
		t.Errorf("degraded: %q", got)
	}
	if got := labels("?kind=Pod&health=Degraded", "a.node.beside"); !cmp.Equal(got, []string{"Deployment", "ReplicaSet"}) {
		t.Errorf("owners beside the degraded pod: %q", got)
	}
	if got := labels("?kind=Service&kind=Secret&q=data", "a.node"); !cmp.Equal(got, []string{"Application", "Secret"}) {
		t.Errorf("services and secrets with data: %q", got)
	}
	list := get(t, s, app+"?view=list&kind=Pod")
	list.wantCount("table.tree-table tbody tr", 2)
	list.wantCount("a.tree-facet[aria-current=true]", 1)
	get(t, s, app+"?q=nothing+like+it").wantText("#app-tree", "Nothing fits", "Show everything")
}

// A phone gets the list, unless it asks for the tree.
func TestPhonesGetTheList(t *testing.T) {
	s := site(viewtest.New(), viewtest.Options{})
	app := AppPath(sampleKey("shop-frontend"))
	for _, c := range []struct {
		path, header, value string
		lists               int
	}{
		{app, "Sec-Ch-Ua-Mobile", "?1", 1},
		{app, "User-Agent", "Mozilla/5.0 (iPhone) Mobile/15E148 Safari/604.1", 1},
		{app + "?view=tree", "Sec-Ch-Ua-Mobile", "?1", 0},
		{app, "Sec-Ch-Ua-Mobile", "?0", 0},
	} {
		get(t, s, c.path, c.header, c.value).wantCount("table.tree-table", c.lists)
	}
}

// A group opens and closes by its link, and says how its members are.
func TestTreeGroupsOpen(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("shop-frontend")
	tree := view.Tree{}
	for i := range 12 {
		n := view.Node{Ref: viewtest.Ref("Pod", "shop", fmt.Sprintf("p-%02d", i)), UID: fmt.Sprint("u", i), Health: model.Healthy, Managed: true}
		if i < 2 {
			n.Health = model.Progressing
		}
		tree.Nodes = append(tree.Nodes, n)
	}
	b.SetTree(app, tree)
	s := site(b, viewtest.Options{})
	d := get(t, s, AppPath(app))
	group := d.one("a.node.group")
	if label := nodeName(group); label != "12 Pods, 2 progressing, 10 healthy" {
		t.Errorf("label %q", label)
	}
	opened := get(t, s, AppPath(app)+attr(group, "href"))
	opened.wantCount("a.node.object", 12)
	closed := get(t, s, AppPath(app)+attr(opened.one("a.node.group.open"), "href"))
	closed.wantCount("a.node.object", 0)
}

// TestSecurityLongTreeAddress: what an address says is in each link of the tree.
func TestSecurityLongTreeAddress(t *testing.T) {
	s := site(viewtest.New(), viewtest.Options{})
	for _, name := range []string{"open", "kind", "x"} {
		if d := get(t, s, AppPath(sampleKey("shop-frontend"))+"?"+name+"="+strings.Repeat("a", maxTreeQuery)); d.code != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", name, d.code)
		}
	}
}

// Where what descends can't be read, what is declared is shown, and why.
func TestTreeThatCannotBeRead(t *testing.T) {
	b := viewtest.New()
	b.Fail("Tree", model.As(model.ErrTransient, errors.New("the cluster staging does not answer")))
	d := get(t, site(b, viewtest.Options{}), AppPath(sampleKey("payments-api")))
	if d.code != http.StatusOK {
		t.Fatalf("status %d", d.code)
	}
	d.wantText("#app-tree .note", "the cluster staging does not answer", "only what is declared is shown")
	d.wantCount("a.node.object", 3)
}

// Ages are not in what is compared: a tree that only gets older is not sent again.
func TestTreeDoesNotAge(t *testing.T) {
	d := get(t, site(viewtest.New(), viewtest.Options{}), AppPath(sampleKey("payments-api")))
	ages := d.all("text.age")
	if len(ages) == 0 {
		t.Error("nothing has an age")
	}
	for _, n := range ages {
		if n.FirstChild != nil || attr(n, "data-t") == "" {
			t.Errorf("age %q of %q", text(n), attr(n, "data-t"))
		}
	}
}

func TestFit(t *testing.T) {
	for text, want := range map[string]string{
		"short": "short", "": "",
		"a-very-long-name-of-a-pod-7f9c6b5d4-x2x4z": "a-very-long-n…-x2x4z",
	} {
		if got := fit(text, 150); got != want {
			t.Errorf("fit(%q) = %q, want %q", text, got, want)
		}
	}
	if got := facts([]string{"Pod", "2/2 ready", "a text that needs more room than there is", "node-1"}, 170); got != "Pod · 2/2 ready · node-1" {
		t.Errorf("facts %q", got)
	}
}

// The second line says why an object is not healthy, in a word where there is one.
func TestAbout(t *testing.T) {
	pod := viewtest.Ref("Pod", "shop", "web")
	for want, n := range map[string]view.Node{
		"CrashLoopBackOff":            {Health: model.Degraded, Message: "container app is in CrashLoopBackOff", Info: []string{"0/1 ready", "7 restarts"}},
		"ImagePullBackOff":            {Health: model.Progressing, Info: []string{"0/1 ready", "ImagePullBackOff"}},
		"2 of 3 replicas are update…": {Health: model.Progressing, Message: "2 of 3 replicas are updated, and one is still being replaced"},
		"Pod · 0/1 ready":             {Health: model.Degraded, Info: []string{"0/1 ready"}},
		"Pod · 1/1 ready":             {Health: model.Healthy, Message: "CrashLoopBackOff", Info: []string{"1/1 ready"}},
		"Pod · Completed · 0/1 ready": {Health: model.Healthy, Info: []string{"0/1 ready", "Completed"}},
	} {
		n.Ref = pod
		if got := about(&n); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTile(t *testing.T) {
	for kind, want := range map[string]string{
		"Deployment": "deploy", "ClusterSecretStore": "css", "Gateway": "gate", "VeryLongKindWithManyWords": "vlkw", "lower": "lowe", "É": "é", "": "",
	} {
		if got := tile(kind); got != want {
			t.Errorf("tile(%q) = %q, want %q", kind, got, want)
		}
	}
}

// nodeName is what a node of the tree is called, by its title.
func nodeName(n *html.Node) string {
	if n.FirstChild == nil || n.FirstChild.Data != "title" || n.FirstChild.FirstChild == nil {
		return ""
	}
	return n.FirstChild.FirstChild.Data
}
