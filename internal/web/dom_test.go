package web

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// dom is a page that was asked for.
type dom struct {
	*html.Node
	t    *testing.T
	path string
	code int
	body []byte
	head http.Header
}

// get asks a site for a page. Headers are pairs.
func get(t *testing.T, site http.Handler, path string, headers ...string) *dom {
	t.Helper()
	return answer(t, site, httptest.NewRequest(http.MethodGet, path, nil), headers)
}

// post sends a form of pairs.
func post(t *testing.T, site http.Handler, path string, form url.Values, headers ...string) *dom {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return answer(t, site, r, headers)
}

func answer(t *testing.T, site http.Handler, r *http.Request, headers []string) *dom {
	t.Helper()
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	rw := httptest.NewRecorder()
	site.ServeHTTP(rw, r)
	doc, err := html.Parse(bytes.NewReader(rw.Body.Bytes()))
	if err != nil {
		t.Fatalf("%s: %v", r.URL, err)
	}
	return &dom{Node: doc, t: t, path: r.URL.String(), code: rw.Code, body: rw.Body.Bytes(), head: rw.Header()}
}

// all are the elements that a selector names: simple ones such as a.node[href], with
// spaces between an ancestor and what it contains.
func (d *dom) all(selector string) []*html.Node {
	found := []*html.Node{d.Node}
	for part := range strings.FieldsSeq(selector) {
		var next []*html.Node
		for _, n := range found {
			for c := range n.Descendants() {
				if c.Type == html.ElementNode && matches(c, part) && !slices.Contains(next, c) {
					next = append(next, c)
				}
			}
		}
		found = next
	}
	return found
}

// one is the only element that the selector names; it fails if there are none or more.
func (d *dom) one(selector string) *html.Node {
	d.t.Helper()
	found := d.all(selector)
	if len(found) != 1 {
		d.t.Fatalf("%s has %d of %q, want 1 in\n%s", d.path, len(found), selector, text(d.Node))
	}
	return found[0]
}

// matches reads tag, .class, #id, [attribute] and [attribute=value].
func matches(n *html.Node, part string) bool {
	for part != "" {
		end := strings.IndexAny(part[1:], ".#[") + 1
		if part[0] == '[' {
			end = strings.Index(part, "]") + 1
		}
		if end <= 0 {
			end = len(part)
		}
		if !matchesOne(n, part[:end]) {
			return false
		}
		part = part[end:]
	}
	return true
}

func matchesOne(n *html.Node, s string) bool {
	switch s[0] {
	case '.':
		return slices.Contains(strings.Fields(attr(n, "class")), s[1:])
	case '#':
		return attr(n, "id") == s[1:]
	case '[':
		name, value, hasValue := strings.Cut(strings.Trim(s, "[]"), "=")
		i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
		return i >= 0 && (!hasValue || n.Attr[i].Val == value)
	}
	return n.Data == s
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is what an element says, with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode && c.Parent.Data != "title" && c.Parent.Data != "script" {
			b.WriteString(c.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// wantText fails unless the only element of the selector says all of the texts.
func (d *dom) wantText(selector string, texts ...string) {
	d.t.Helper()
	said := text(d.one(selector))
	for _, want := range texts {
		if !strings.Contains(said, want) {
			d.t.Errorf("%s: %q says %q, want %q", d.path, selector, said, want)
		}
	}
}

// wantNoText fails if an element of the selector says the text.
func (d *dom) wantNoText(selector, unwanted string) {
	d.t.Helper()
	for _, n := range d.all(selector) {
		if said := text(n); strings.Contains(said, unwanted) {
			d.t.Errorf("%s: %q says %q", d.path, selector, said)
		}
	}
}

// wantCount fails unless there are so many elements of the selector.
func (d *dom) wantCount(selector string, want int) {
	d.t.Helper()
	if got := len(d.all(selector)); got != want {
		d.t.Errorf("%s has %d of %q, want %d", d.path, got, selector, want)
	}
}

// elements counts those below n.
func elements(n *html.Node) int {
	count := 0
	for c := range n.Descendants() {
		if c.Type == html.ElementNode {
			count++
		}
	}
	return count
}

// sound fails where a page breaks rules that hold for all of them: one main heading,
// unique ids, names for what can be pressed and typed into, references that lead
// somewhere, no script or style in the page and no foreign address.
func (d *dom) sound() {
	d.t.Helper()
	ids := map[string]bool{}
	for n := range d.Descendants() {
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				d.t.Errorf("%s has two elements %q", d.path, id)
			}
			ids[id] = true
		}
	}
	if n := len(d.all("main h1")); n != 1 {
		d.t.Errorf("%s has %d main headings", d.path, n)
	}
	for n := range d.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, problem := range flaws(n, ids) {
			d.t.Errorf("%s: <%s class=%q id=%q>: %s", d.path, n.Data, attr(n, "class"), attr(n, "id"), problem)
		}
	}
}

func flaws(n *html.Node, ids map[string]bool) []string {
	var out []string
	for _, a := range n.Attr {
		switch {
		case a.Key == "style", strings.HasPrefix(a.Key, "on"), strings.HasPrefix(a.Key, "hx-on"):
			out = append(out, "attribute "+a.Key)
		case a.Key == "aria-labelledby", a.Key == "aria-describedby":
			if !ids[a.Val] {
				out = append(out, fmt.Sprintf("%s of %q, which is not there", a.Key, a.Val))
			}
		case a.Key == "href" || a.Key == "src" || a.Key == "action":
			if u, err := url.Parse(a.Val); err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
				out = append(out, "address "+a.Val)
			}
		}
	}
	name := attr(n, "aria-label") + text(n)
	switch {
	case n.Data == "style", n.Data == "script" && attr(n, "src") == "":
		out = append(out, "it is in the page")
	case (n.Data == "button" || n.Data == "a" || n.Data == "summary") && strings.TrimSpace(name) == "":
		out = append(out, "it has no name")
	case n.Data == "input" && attr(n, "type") != "hidden" && !labelled(n):
		out = append(out, "it has no label")
	case n.Data == "table" && !hasHeads(n) && !strings.Contains(attr(n, "class"), "code"):
		out = append(out, "it has no heads")
	}
	return out
}

func labelled(n *html.Node) bool {
	if attr(n, "aria-label") != "" || attr(n, "aria-labelledby") != "" {
		return true
	}
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == "label" && text(p) != "" {
			return true
		}
	}
	return false
}

func hasHeads(n *html.Node) bool {
	for c := range n.Descendants() {
		if c.Data == "th" && attr(c, "scope") != "" {
			return true
		}
	}
	return false
}
