package argoapi_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/argoapi"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// badges answers as an installation that has one app, of a name that needs care.
func badges(enabled bool) http.Handler {
	c := config()
	c.Badges = func() bool { return enabled }
	c.Badge = func(namespace, name string) (view.Badge, bool, bool) {
		if namespace != "" || name != "web" {
			return view.Badge{}, false, enabled
		}
		return view.Badge{Name: `a"<b>`, Health: model.Degraded, Sync: model.OutOfSync, Revision: "0123456789abcdef"}, enabled, enabled
	}
	c.ProjectBadge = func(projects []string) (view.Badge, bool, bool) {
		if !slices.Equal(projects, []string{"shop", "pay"}) {
			return view.Badge{}, false, enabled
		}
		return view.Badge{Name: "shop, pay", Health: model.Healthy, Sync: model.Synced}, enabled, enabled
	}
	return argoapi.New(c)
}

func badge(t *testing.T, h http.Handler, query, tag string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/api/badge"+query, nil)
	r.Header.Set("If-None-Match", tag)
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	for d := xml.NewDecoder(strings.NewReader(out.Body.String())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatalf("%s is no XML: %v\n%s", query, err, out.Body)
		}
	}
}

// TestBadge: nobody has to be known to get one, and it says what it is asked for.
func TestBadge(t *testing.T) {
	on := badges(true)
	for query, title := range map[string]string{
		"?name=web":                                  "Degraded, OutOfSync",
		"?name=web&revision=true":                    "Degraded, OutOfSync, (0123456)",
		"?name=web&showAppName=1":                    "a&#34;&lt;b&gt;, Degraded, OutOfSync",
		"?name=other":                                "Not Found",
		"?name=web&namespace=x":                      "Not Found",
		"?project=shop&project=pay&showAppName=true": "shop, pay, Healthy, Synced",
		"?project=other":                             "Unknown, Unknown",
		"?project=shop&name=web":                     "Degraded, OutOfSync",
		"":                                           "Unknown, Unknown",
	} {
		out := badge(t, on, query, "")
		if out.Code != http.StatusOK || !strings.Contains(out.Body.String(), "<title>"+title+"</title>") {
			t.Errorf("%s: %d without the title %q:\n%s", query, out.Code, title, out.Body)
		}
		h := out.Header()
		if h.Get("Content-Type") != "image/svg+xml" || h.Get("Cache-Control") != "no-cache, private" || h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: the header is %v", query, h)
		}
		if again := badge(t, on, query, h.Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s: what has not changed is answered by %d", query, again.Code)
		}
	}
	if out := badge(t, on, "?"+strings.Repeat("project=shop&", 21), ""); out.Code != http.StatusBadRequest {
		t.Errorf("many projects are answered by %d", out.Code)
	}
	if out := badge(t, on, "?name=web&revision=perhaps", ""); out.Code != http.StatusBadRequest {
		t.Errorf("a flag that is none is answered by %d", out.Code)
	}
}

// TestBadgeTellsNothing: while badges are off, apps that are there and others look alike.
func TestBadgeTellsNothing(t *testing.T) {
	off := badges(false)
	not := badge(t, off, "?name=other", "")
	for _, query := range []string{"?name=web&revision=true&showAppName=true", "?project=shop&project=pay&showAppName=true"} {
		there := badge(t, off, query, "")
		if there.Body.String() != not.Body.String() || there.Header().Get("ETag") != not.Header().Get("ETag") {
			t.Errorf("an app is told from none:\n%s\n%s", there.Body, not.Body)
		}
	}
	if not.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("pages of other sites may read what is off")
	}
}
