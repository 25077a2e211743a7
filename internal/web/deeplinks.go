package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// deepLinks registers the addresses of Argo CD's pages, which notifications, portals and
// bookmarks have: they lead to the pages here. Whether there is such an app is not said.
func (w *Web) deepLinks() {
	w.moved("/applications", func(r *http.Request) string { return listMoved(r.URL.Query()) })
	w.moved("/applications/{name}", func(r *http.Request) string {
		return appMoved(w.namespace, r.PathValue("name"), r.URL.Query())
	})
	w.moved("/applications/{namespace}/{name}", func(r *http.Request) string {
		return appMoved(r.PathValue("namespace"), r.PathValue("name"), r.URL.Query())
	})
	for from, to := range map[string]string{
		"/settings/clusters": "/clusters", "/settings/repos": "/repositories", "/settings/projects": "/projects", "/settings/projects/{name}": "/projects",
		"/login": "/auth/login",
	} {
		w.moved(from, func(*http.Request) string { return to })
	}
}

// moved sends readers of an address to another one of here.
func (w *Web) moved(path string, to func(*http.Request) string) {
	w.pages.HandleFunc("GET "+path, func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, to(r), http.StatusFound)
	})
}

// movedFilters are the filters of Argo CD's list, each with several values between
// commas, by the names that they have here.
var movedFilters = map[string]string{"proj": "project", "sync": "sync", "health": "health", "namespace": "ns", "labels": "label"}

func listMoved(from url.Values) string {
	to := url.Values{}
	for theirs, ours := range movedFilters {
		for value := range strings.SplitSeq(from.Get(theirs), ",") {
			if value != "" {
				to.Add(ours, value)
			}
		}
	}
	if text := from.Get("search"); text != "" {
		to.Set("q", text)
	}
	if len(to) == 0 {
		return "/apps"
	}
	return "/apps?" + to.Encode()
}

// appMoved is an app's page, or the view of it that a parameter names.
func appMoved(namespace, name string, from url.Values) string {
	to := "/apps/" + strings.ToLower(view.KindApplication) + "/" + url.PathEscape(cmp.Or(namespace, "argocd")) + "/" + url.PathEscape(name)
	switch {
	case from.Has("rollback"):
		return to + "/history"
	case from.Get("tab") == "diff":
		return to + "/diff"
	}
	return to
}
