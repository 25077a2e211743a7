package api

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

func parse[T any](t *testing.T, body string) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("%v: %.500s", err, body)
	}
	return out
}

// TestPages: the links to the next page lead through all apps, each once.
func TestPages(t *testing.T) {
	o := open(t, viewtest.Options{})
	o.backend.Add(200)
	seen := map[string]bool{}
	pages := 0
	for at := Root + "/apps?limit=30&sort=-changed&health=Healthy&health=Degraded"; at != ""; pages++ {
		got, body := o.ask(t, "GET "+strings.TrimPrefix(at, Root))
		page := parse[Apps](t, body)
		for _, a := range page.Items {
			if seen[a.URL] {
				t.Fatalf("%s is there twice", a.URL)
			}
			seen[a.URL] = true
		}
		if link := got.Header.Get("Link"); (link == "") != (page.Next == "") || page.Next != "" && link != "<"+page.Next+`>; rel="next"` {
			t.Errorf("Link %q, next %q", link, page.Next)
		}
		if at = page.Next; at == "" && len(seen) != page.Total {
			t.Errorf("%d apps on %d pages, of %d", len(seen), pages+1, page.Total)
		}
		if page.All <= page.Total {
			t.Errorf("the filter finds %d of %d", page.Total, page.All)
		}
	}
	if pages < 6 {
		t.Errorf("%d pages", pages)
	}
}

func TestFilters(t *testing.T) {
	o := open(t, viewtest.Options{})
	_, body := o.ask(t, "GET /apps")
	all := parse[Apps](t, body)
	for _, query := range []string{"health=degraded", "sync=OutOfSync", "kind=helmrelease", "project=shop", "cluster=staging", "ns=shop", "q=cart"} {
		got, body := o.ask(t, "GET /apps?"+query)
		page := parse[Apps](t, body)
		if got.StatusCode != http.StatusOK || page.Total == 0 || page.Total >= all.Total {
			t.Errorf("%s: %d, finds %d of %d", query, got.StatusCode, page.Total, all.Total)
		}
	}
}

func TestFields(t *testing.T) {
	o := open(t, viewtest.Options{})
	_, body := o.ask(t, "GET /apps?q=shop-cart&fields=name,commit.subject,sources.url,cluster.name&facets=1")
	page := parse[struct {
		Items  []map[string]any
		Total  int
		Facets map[string]any
	}](t, body)
	if len(page.Items) != 1 || page.Total != 1 || page.Facets == nil {
		t.Fatal(body)
	}
	raw, _ := json.Marshal(page.Items[0])
	want := `{"cluster":{"name":"in-cluster"},"commit":{"subject":`
	if !strings.HasPrefix(string(raw), want) || len(page.Items[0]) != 4 {
		t.Errorf("%s, want %s…", raw, want)
	}
	_, body = o.ask(t, "GET "+cart+"?fields=version,health")
	if one := parse[map[string]any](t, body); len(one) != 2 {
		t.Errorf("%s", body)
	}
	for _, fields := range []string{"nam", "commit.nothing", "name.first", "Name", "declaration..x"} {
		if got, body := o.ask(t, "GET "+cart+"?fields="+fields); fields != "declaration..x" && (got.StatusCode != http.StatusBadRequest || !strings.Contains(body, fields)) {
			t.Errorf("%s: %d %s", fields, got.StatusCode, body)
		}
	}
}

// TestETags: what is the same is not sent again; another query, reader or state is
// another answer.
func TestETags(t *testing.T) {
	o := open(t, viewtest.Options{})
	first, _ := o.ask(t, "GET /apps?limit=5")
	tag := first.Header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) {
		t.Fatalf("ETag %q", tag)
	}
	for _, header := range []string{tag, strings.TrimPrefix(tag, "W/"), `"x", ` + tag, "*"} {
		if got, body := o.ask(t, "GET /apps?limit=5", "If-None-Match: "+header); got.StatusCode != http.StatusNotModified || body != "" || got.Header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d %.100s", header, got.StatusCode, body)
		}
	}
	if got, _ := o.ask(t, "GET /apps?limit=6", "If-None-Match: "+tag); got.StatusCode != http.StatusOK {
		t.Errorf("another query: %d", got.StatusCode)
	}
	o.ask(t, "POST "+frontendRefresh)
	o.ask(t, "POST "+fleet+"apps/suspend")
	if got, _ := o.ask(t, "GET /apps?limit=5", "If-None-Match: "+tag); got.StatusCode != http.StatusOK {
		t.Errorf("after a change: %d", got.StatusCode)
	}
}

const frontendRefresh = frontend + "/refresh"

func TestHead(t *testing.T) {
	o := open(t, viewtest.Options{})
	for _, path := range []string{"/apps", cart, "/apps/watch", cart + "/watch", cart + "/logs?group=apps&kind=Deployment&namespace=shop&name=cart&follow=true", "/openapi.json"} {
		if got, body := o.ask(t, "HEAD "+path); got.StatusCode != http.StatusOK || body != "" || got.Header.Get("Content-Type") == "" {
			t.Errorf("HEAD %s: %d %q", path, got.StatusCode, body)
		}
	}
}

func TestTrailPages(t *testing.T) {
	o := open(t, viewtest.Options{})
	for _, path := range []string{"/activity", "/audit"} {
		seen := map[any]bool{}
		for at := path + "?limit=2"; at != ""; {
			_, body := o.ask(t, "GET "+at)
			page := parse[struct {
				Items []map[string]any
				Next  string
			}](t, body)
			for _, e := range page.Items {
				if seen[e["id"]] {
					t.Fatalf("%s: %v is there twice", path, e["id"])
				}
				seen[e["id"]] = true
			}
			at = strings.TrimPrefix(page.Next, Root)
		}
		_, body := o.ask(t, "GET "+path+"?limit=500")
		if all := parse[struct{ Items []any }](t, body); len(seen) != len(all.Items) || len(seen) < 3 {
			t.Errorf("%s: %d of %d", path, len(seen), len(all.Items))
		}
	}
}

func TestExportAsCSV(t *testing.T) {
	o := open(t, viewtest.Options{})
	got, body := o.ask(t, "GET /audit/export?format=csv", "Accept: text/csv")
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(rows) < 3 || rows[0][0] != "id" || !strings.Contains(got.Header.Get("Content-Disposition"), "audit.csv") {
		t.Errorf("%d rows, %v: %s", len(rows), err, body)
	}
	_, lines := o.ask(t, "GET /audit/export")
	if n := strings.Count(lines, "\n"); n != len(rows)-1 {
		t.Errorf("%d records as JSON, %d as CSV", n, len(rows)-1)
	}
}

// TestSecurityFormulas: a name that somebody tried to sign in with does nothing in a
// spreadsheet.
func TestSecurityFormulas(t *testing.T) {
	for in, want := range map[string]string{
		`=HYPERLINK("https://evil.example")`: `'=HYPERLINK("https://evil.example")`, "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx",
		"admin": "admin", "": "", "a=b": "a=b",
	} {
		if got := inert(in); got != want {
			t.Errorf("inert(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestDeeds: they are accepted, carried out as asked, and say where to look.
func TestDeeds(t *testing.T) {
	tests := map[string]struct {
		ask  []string
		want string
	}{
		"sync":      {[]string{"POST " + frontend + "/sync"}, "sync argo/argocd/shop-frontend by admin"},
		"sync this": {[]string{"POST " + frontend + "/sync", `{"prune":true,"dryRun":true,"revision":"v2","options":["Replace=true"],"only":[{"group":"apps","kind":"Deployment","namespace":"shop","name":"x"}]}`}, "sync argo/argocd/shop-frontend by admin prune dry-run revision=v2 only=Deployment.apps/shop/x option=Replace=true"},
		"terminate": {[]string{"POST " + cart + "/terminate"}, "terminate argo/argocd/shop-cart by admin"},
		"suspend":   {[]string{"POST " + fleet + "apps/suspend"}, "suspend flux/flux-system/apps by admin true"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := open(t, viewtest.Options{})
			got, body := o.ask(t, tt.ask...)
			if got.StatusCode != http.StatusAccepted || got.Header.Get("Location") == "" || parse[Accepted](t, body).App != got.Header.Get("Location") {
				t.Errorf("%d %s", got.StatusCode, body)
			}
			if deeds := o.backend.Deeds(); len(deeds) != 1 || deeds[0] != tt.want {
				t.Errorf("asked for %q, want %q", deeds, tt.want)
			}
		})
	}
}
