package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func TestSignIn(t *testing.T) {
	w := New(Config{})
	for failed, want := range map[string]int{
		"": http.StatusOK, view.FailedPassword: http.StatusUnauthorized, view.FailedBusy: http.StatusTooManyRequests,
		view.FailedHost: http.StatusUnauthorized, "<script>alert(1)</script>": http.StatusOK,
	} {
		t.Run(failed, func(t *testing.T) {
			rw := httptest.NewRecorder()
			s := view.SignIn{Local: true, SSO: "Dex", Failed: failed, Name: `"><b>`, ReturnTo: "//evil.example"}
			w.SignIn(rw, httptest.NewRequest(http.MethodGet, "/auth/login", nil), s)
			if rw.Code != want {
				t.Errorf("status %d, want %d", rw.Code, want)
			}
			for _, bad := range []string{"evil.example", "alert(1)", "<b>"} {
				if strings.Contains(rw.Body.String(), bad) {
					t.Errorf("the page contains %q", bad)
				}
			}
		})
	}
}

func TestMissing(t *testing.T) {
	mux := http.NewServeMux()
	New(Config{}).Routes(mux)
	rw := httptest.NewRecorder()
	mux.ServeHTTP(rw, httptest.NewRequest(http.MethodGet, "/nothing/here", nil))
	if rw.Code != http.StatusNotFound || !strings.Contains(rw.Body.String(), "Not here") {
		t.Errorf("%d %s", rw.Code, rw.Body)
	}
}
