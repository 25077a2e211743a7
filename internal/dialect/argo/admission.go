package argo

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Admits refuses what an AppProject does not admit of an Application that is applied to
// the cluster of that name and server: a repository that none of its sourceRepos is for,
// or one with "!" is against, and so with its destinations. The error is model.ErrDenied.
// Which kinds of objects come of it is not known here.
func Admits(project, app *unstructured.Unstructured, name, server string) error {
	for _, repo := range reposOf(app) {
		if !admitsRepo(project, repo) {
			return model.As(model.ErrDenied, fmt.Errorf("application repo %s is not permitted in project '%s': its spec.sourceRepos does not admit it",
				model.WithoutUser(repo), project.GetName()))
		}
	}
	namespace, _, _ := unstructured.NestedString(app.Object, "spec", "destination", "namespace")
	if !admitsPlace(project, name, server, namespace) {
		return model.As(model.ErrDenied, fmt.Errorf("application destination server '%s' and namespace '%s' do not match any of the allowed destinations in project '%s'",
			model.WithoutUser(server), namespace, project.GetName()))
	}
	return nil
}

// reposOf are the repositories of all sources of an Application.
func reposOf(app *unstructured.Unstructured) []string {
	all, _, _ := unstructured.NestedSlice(app.Object, "spec", "sources")
	if one, is, _ := unstructured.NestedMap(app.Object, "spec", "source"); is {
		all = append(all, one)
	}
	var out []string
	for _, s := range all {
		source, _ := s.(map[string]any)
		repo, _ := source["repoURL"].(string)
		out = append(out, repo)
	}
	return out
}

// admitsRepo reports whether a project admits a repository. A pattern that is against one is
// so however its address is written; one whose path leads back, to where it does not seem to
// be, is admitted by "*" alone.
func admitsRepo(project *unstructured.Unstructured, repo string) bool {
	patterns, _, _ := unstructured.NestedStringSlice(project.Object, "spec", "sourceRepos")
	spellings := spellingsOf(repo)
	admitted := false
	for _, p := range patterns {
		not, pattern := denies(p)
		pattern = normalURL(model.WithoutUser(pattern))
		fits := func(address string) bool { return covers(pattern, address, readPathGlob) }
		if not && slices.ContainsFunc(spellings, fits) {
			return false
		}
		admitted = admitted || !not && fits(spellings[0]) && (pattern == "*" || !leadsBack(repo))
	}
	return admitted
}

// defaultPorts are those that addresses need not name.
var defaultPorts = map[string]string{"http": "80", "https": "443", "ssh": "22"}

// spellingsOf are a repository's address as it is written, and, of one that is a URL, plainly:
// without the scheme's own port, escapes, and what does nothing in its path. What has no scheme
// may be a registry.
func spellingsOf(repo string) []string {
	repo = model.WithoutUser(strings.TrimSpace(repo))
	out := []string{normalURL(repo)}
	u, err := url.Parse(repo)
	switch {
	case !strings.Contains(repo, "://"):
		return append(out, normalURL(ociScheme+repo))
	case err != nil || u.Host == "":
		return out
	}
	host := u.Host
	if port := u.Port(); port != "" && port == defaultPorts[strings.ToLower(u.Scheme)] {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return append(out, normalURL(u.Scheme+"://"+host+path.Clean("/"+u.Path)))
}

// leadsBack reports whether there is "." or ".." in the path of an address, escaped or not.
func leadsBack(address string) bool {
	if plain, err := url.PathUnescape(address); err == nil {
		address = plain
	}
	return slices.ContainsFunc(strings.Split(address, "/"), func(part string) bool { return part == "." || part == ".." })
}

// admitsPlace reports whether a project admits a namespace of a cluster. A destination
// with a "!" in it admits nothing.
func admitsPlace(project *unstructured.Unstructured, name, server, namespace string) bool {
	all, _, _ := unstructured.NestedSlice(project.Object, "spec", "destinations")
	admitted := false
	for _, d := range all {
		place, _ := d.(map[string]any)
		word := func(field, is string) (not, fits bool) {
			text, _ := place[field].(string)
			not, pattern := denies(text)
			return not, (pattern != "" || field == "namespace") && covers(pattern, is, readGlob)
		}
		notName, byName := word("name", name)
		notServer, byServer := word("server", server)
		notHere, here := word("namespace", namespace)
		switch {
		case !here || !byName && !byServer:
		case notHere, notName && byName, notServer && byServer:
			return false
		case !notName && !notServer:
			admitted = true
		}
	}
	return admitted
}

// denies reports whether a pattern says what is not admitted, with the pattern itself.
func denies(pattern string) (bool, string) {
	pattern, not := strings.CutPrefix(pattern, "!")
	return not, pattern
}

// covers reports whether a pattern is for a word. One that can't be read is for none.
func covers(pattern, word string, read func(string) (glob, error)) bool {
	if pattern == "*" {
		return true
	}
	g, err := read(pattern)
	return err == nil && g.MatchString(word)
}
