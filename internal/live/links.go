package live

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// linkPrefix begins the names of annotations that are links, as Argo CD reads them.
const linkPrefix = "link.argocd.argoproj.io/"

// maxLinks is how many links an object shows.
const maxLinks = 10

// declaredLinks are those of an object's annotations: "URL" or "title|URL".
func declaredLinks(meta object) []view.Link {
	annotations := meta.child("annotations")
	var out []view.Link
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		if !strings.HasPrefix(name, linkPrefix) || len(out) == maxLinks {
			continue
		}
		if l, ok := view.SafeLink(annotations.text(name)); ok {
			out = append(out, l)
		}
	}
	return out
}

// ingressLinks are the hosts that an Ingress answers for; https where it has a
// certificate for them.
func ingressLinks(o object) []view.Link {
	secure := map[string]bool{}
	for _, tls := range o.list("spec", "tls") {
		for _, host := range tls.texts("hosts") {
			secure[host] = true
		}
	}
	var out []view.Link
	for _, rule := range o.list("spec", "rules") {
		host := rule.text("host")
		if host == "" || strings.ContainsAny(host, "*/@?#\\ ") || len(out) == maxLinks {
			continue
		}
		u := url.URL{Scheme: "http", Host: host, Path: "/"}
		if secure[host] {
			u.Scheme = "https"
		}
		if paths := rule.list("http", "paths"); len(paths) > 0 && strings.HasPrefix(paths[0].text("path"), "/") &&
			!strings.ContainsAny(paths[0].text("path"), "(*[$\\") {
			u.Path = paths[0].text("path")
		}
		if l, ok := view.SafeLink(host + "|" + u.String()); ok && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
