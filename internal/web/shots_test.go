package web

import (
	"context"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// worldPages are those of no single app, beside the apps.
var worldPages = []string{"activity", "audit", "clusters", "repositories", "projects", "sources"}

var serve = flag.String("serve", "", "serve the pages of the sample at this address of 127.0.0.1 until the test is ended")

// policy is the strictest that the pages have to live with.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// site serves the pages of a backend to a reader who may do everything.
func site(b view.Backend, o viewtest.Options) http.Handler {
	w := New(Config{Now: func() time.Time { return viewtest.Now }, Version: "0.5.0", Log: slog.Default()})
	return siteOf(w, b, o)
}

func siteOf(w *Web, b view.Backend, o viewtest.Options) http.Handler {
	mux := http.NewServeMux()
	w.Routes(mux)
	mux.HandleFunc("GET /auth/login", func(rw http.ResponseWriter, r *http.Request) {
		w.SignIn(rw, r, view.SignIn{Local: true, SSO: "Example ID", ReturnTo: "/apps"})
	})
	mux.HandleFunc("POST /auth/login", func(rw http.ResponseWriter, r *http.Request) {
		w.SignIn(rw, r, view.SignIn{Local: true, SSO: "Example ID", Name: "ana", ReturnTo: "/apps", Failed: view.FailedPassword})
	})
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Security-Policy", policy)
		mux.ServeHTTP(rw, r.WithContext(view.WithDesk(r.Context(), viewtest.Desk(b, o))))
	})
}

// TestServe lets a person look at the sample: -serve=127.0.0.1:8080.
func TestServe(t *testing.T) {
	if *serve == "" {
		t.Skip("only with -serve")
	}
	b := viewtest.New()
	b.Add(2000)
	server := &http.Server{Addr: *serve, Handler: site(b, viewtest.Options{}), ReadHeaderTimeout: time.Second}
	t.Log(server.ListenAndServe())
}

// TestScreenshots takes pictures of the pages for people to look at, into the folder
// FIXPOINT_SCREENSHOTS. It fails where a page breaks the policy or has an error.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("FIXPOINT_SCREENSHOTS")
	if folder == "" {
		t.Skip("only with FIXPOINT_SCREENSHOTS")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	b := viewtest.New()
	full := httptest.NewServer(site(b, viewtest.Options{}))
	t.Cleanup(full.Close)
	empty := httptest.NewServer(site(viewtest.Empty(), viewtest.Options{}))
	t.Cleanup(empty.Close)
	ctx := browser(t)
	shots := map[string]string{
		"apps": full.URL + "/apps", "apps-tiles": full.URL + "/apps?view=tiles",
		"apps-filtered": full.URL + "/apps?project=shop&health=Healthy&q=shop", "apps-nothing": full.URL + "/apps?q=nosuch",
		"apps-empty": empty.URL + "/apps", "not-found": full.URL + "/apps/application/argocd/none",
		"sign-in": full.URL + "/auth/login",
	}
	for _, name := range worldPages {
		shots[name] = full.URL + "/" + name
		shots[name+"-empty"] = empty.URL + "/" + name
	}
	for name, url := range shots {
		for _, kind := range []struct {
			name, scheme string
			width        int64
		}{{"light", "light", 1360}, {"dark", "dark", 1360}, {"phone", "light", 390}} {
			shoot(ctx, t, filepath.Join(folder, name+"-"+kind.name+".png"), url, kind.scheme, kind.width)
		}
	}
}

func shoot(ctx context.Context, t *testing.T, file, url, scheme string, width int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("main")))
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

// profile is a new folder. What the browser still writes into it when it is ended does no
// harm.
func profile(t *testing.T) string {
	t.Helper()
	//nolint:usetesting // a test would fail whose folder can't be removed
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// browser is a Chromium of the machine; without one the test is skipped.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile(t)), chromedp.WSURLReadTimeout(5*time.Minute),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	// The first step starts the browser, which lives as long as that step's context.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return ctx
}
