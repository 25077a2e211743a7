package web

import (
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Config is what the pages need of their surroundings. All of it may be zero.
type Config struct {
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log is told of pages that could not be made; nil discards.
	Log *slog.Logger
	// Renew gives the browser another session, of an account whose password was changed;
	// nil leaves it without one.
	Renew func(http.ResponseWriter, *http.Request, view.Session) error
	// Version is that of the program, as the foot of a page shows it.
	Version string
	// Namespace is that of the control plane, where links mean Applications that name
	// none; "" is argocd.
	Namespace string
}

// Web serves the pages. Its handlers expect a view.Desk in the request's context.
type Web struct {
	now       func() time.Time
	log       *slog.Logger
	version   string
	namespace string
	renew     func(http.ResponseWriter, *http.Request, view.Session) error
	assets    *assets
	templates *template.Template
	pages     *http.ServeMux
	pace      pace
}

// New reads the templates and assets of the binary.
func New(c Config) *Web {
	w := &Web{now: c.Now, log: c.Log, version: c.Version, namespace: c.Namespace, renew: c.Renew, pages: http.NewServeMux(), pace: usualPace}
	if w.now == nil {
		w.now = time.Now
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	w.assets = readAssets(files)
	w.templates = template.Must(template.New("").Funcs(w.funcs()).ParseFS(files, "templates/*.html"))
	return w
}

// Routes registers all pages, the assets (below /assets/, which need no desk) and the
// live streams (/live), and what tabs in the background ask for (/tab).
func (w *Web) Routes(mux *http.ServeMux) {
	w.worldRoutes()
	w.appRoutes()
	w.deepLinks()
	w.accountRoutes()
	w.pages.Handle("/", http.HandlerFunc(w.missing))
	mux.Handle("GET /assets/", w.assets)
	mux.HandleFunc("GET /live", w.live)
	mux.HandleFunc("GET /tab", w.glance)
	mux.HandleFunc("POST /theme", w.theme)
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "/apps", http.StatusFound)
	})
	mux.Handle("/", w.pages)
}
