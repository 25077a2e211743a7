package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestDeepLinks: addresses of Argo CD's pages lead to those of here, and never elsewhere.
func TestDeepLinks(t *testing.T) {
	mux := http.NewServeMux()
	New(Config{Namespace: "gitops"}).Routes(mux)
	for from, want := range map[string]string{
		"/applications": "/apps",
		"/applications?proj=shop,pay&health=Degraded":     "/apps?health=Degraded&project=shop&project=pay",
		"/applications?search=cart&labels=team%3Dshop":    "/apps?label=team%3Dshop&q=cart",
		"/applications/shop?operation=true":               "/apps/application/gitops/shop",
		"/applications/team-web/shop?view=tree&resource=": "/apps/application/team-web/shop",
		"/applications/argocd/shop?rollback=0":            "/apps/application/argocd/shop/history",
		"/applications/argocd/%2F%2Fevil.example":         "/apps/application/argocd/%2F%2Fevil.example",
		"/settings/projects/shop":                         "/projects",
		"/settings/repos":                                 "/repositories",
		"/login":                                          "/auth/login",
	} {
		rw := httptest.NewRecorder()
		mux.ServeHTTP(rw, httptest.NewRequest(http.MethodGet, from, nil))
		if got := rw.Header().Get("Location"); rw.Code != http.StatusFound || got != want {
			t.Errorf("%s: %d %q, want %q", from, rw.Code, got, want)
		}
	}
}
