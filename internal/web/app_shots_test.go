package web

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// TestAppScreenshots takes pictures of the pages of apps, as TestScreenshots does.
func TestAppScreenshots(t *testing.T) {
	folder := os.Getenv("FIXPOINT_SCREENSHOTS")
	if folder == "" {
		t.Skip("only with FIXPOINT_SCREENSHOTS")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	b := viewtest.New()
	server := httptest.NewServer(site(b, viewtest.Options{}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(browser(t), 5*time.Minute)
	defer cancel()
	for name, path := range appAddresses(t, b) {
		for _, kind := range []struct {
			name, scheme string
			width        int64
		}{{"light", "light", 1360}, {"dark", "dark", 1360}, {"phone", "light", 390}} {
			shoot(ctx, t, filepath.Join(folder, name+"-"+kind.name+".png"), server.URL+path, kind.scheme, kind.width)
		}
	}
}
