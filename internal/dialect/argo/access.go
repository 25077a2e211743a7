package argo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// access is how a repository is reached by an app of that project. A
// repository's own Secret comes first; where it holds no credentials, those of
// the longest matching repo-creds count. A chart's repository may be a registry
// although its URL doesn't say so.
func (s *Settings) access(project, address string, chart bool) access {
	wanted := []string{normalURL(address)}
	switch {
	case isOCI(address) || (chart && !strings.Contains(address, "://")):
		wanted = []string{ociURL(address)}
	case chart:
		wanted = append(wanted, ociURL(address))
	}
	own := best(s.repositories, project, func(r repository) bool { return oneOf(wanted, r.url, equal) })
	template := best(s.templates, project, func(r repository) bool { return oneOf(wanted, r.url, coversURL) })
	a := combine(own, template)
	if a.auth.GitHub.PrivateKey != "" && a.auth.GitHub.InstallationID == "" {
		a.auth.GitHub.Owner = ownerOf(wanted[0])
	}
	if isSSH(wanted[0]) {
		a.auth.KnownHosts = s.knownHosts
	} else {
		a.auth.CA = s.certs[hostOf(wanted[0])]
	}
	return a
}

// combine lays a repository's own Secret over the template; either may be nil.
func combine(own, template *repository) access {
	switch {
	case own == nil && template == nil:
		return access{}
	case own == nil:
		return template.access
	case template == nil || hasCredentials(own.access):
		return own.access
	}
	a := template.access
	a.auth.Insecure = a.auth.Insecure || own.auth.Insecure
	a.oci, a.plainHTTP, a.lfs = a.oci || own.oci, a.plainHTTP || own.plainHTTP, a.lfs || own.lfs
	if own.proxy != (model.Proxy{}) {
		a.proxy = own.proxy
	}
	if own.refused != nil {
		a.refused = own.refused
	}
	a.unsupported = slices.Concat(own.unsupported, a.unsupported)
	return a
}

func hasCredentials(a access) bool {
	auth := a.auth
	return auth.Username != "" || auth.Password != "" || auth.BearerToken != "" || auth.SSHKey != "" ||
		auth.ClientKey != "" || auth.GitHub != (model.GitHubApp{}) || a.refused != nil
}

// best is the one with the longest URL among those that match and that the
// project may use; its own before the ones of every project. nil if none.
func best(all []repository, project string, match func(repository) bool) *repository {
	var found *repository
	for i, r := range all {
		if !match(r) || (r.project != "" && r.project != project) {
			continue
		}
		longer := found == nil || len(r.url) > len(found.url)
		if longer || (len(r.url) == len(found.url) && found.project == "" && r.project != "") {
			found = &all[i]
		}
	}
	return found
}

// owner is the project that alone may use a repository, if that is not the
// given one; "" if there is none.
func (s *Settings) owner(project, address string) string {
	wanted := normalURL(address)
	if isOCI(address) {
		wanted = ociURL(address)
	}
	owner := ""
	for _, r := range s.repositories {
		if r.url != wanted {
			continue
		}
		if r.project == "" || r.project == project {
			return ""
		}
		owner = r.project
	}
	return owner
}

// Remote completes a source that a render asks for, such as a remote base or the
// repository of a chart dependency, for an app of that project: it adds the
// credentials, by the longest matching URL, and the proxy. A URL @name or
// alias:name is that of the repository Secret with that name. model.ErrNotFound
// if there is none; model.ErrDenied if the repository belongs to another
// project, or has credentials of a kind that can't be used.
func (s *Settings) Remote(project string, src model.Source) (model.Source, error) {
	if name, ok := aliasOf(src.URL); ok {
		named := best(s.repositories, project, func(r repository) bool { return r.name == name })
		if named == nil {
			return model.Source{}, model.As(model.ErrNotFound, fmt.Errorf(
				"there is no repository %q: declare it by a Secret labelled %s=repository", name, LabelSecretType))
		}
		src.URL = named.address
	}
	pass := src.Auth.PassCredentials
	a := s.identify(&src, project)
	src.Auth.PassCredentials = pass && src.Kind == model.SourceHelm
	src.Interval = s.interval()
	if owner := s.owner(project, src.URL); owner != "" {
		return model.Source{}, model.As(model.ErrDenied, fmt.Errorf(
			"repository %s belongs to project %q and not to %q", src.URL, owner, project))
	}
	if a.refused != nil {
		return model.Source{}, model.As(model.ErrDenied, a.refused)
	}
	return src, nil
}

// aliasOf reads the name of a repository as charts refer to it.
func aliasOf(address string) (string, bool) {
	for _, prefix := range []string{"@", "alias:"} {
		if name, ok := strings.CutPrefix(address, prefix); ok {
			return name, true
		}
	}
	return "", false
}

// ownerOf is the first part of the path of a repository.
func ownerOf(normalised string) string {
	_, address, _ := strings.Cut(normalised, "://")
	owner, _, _ := strings.Cut(strings.TrimPrefix(afterSlash(address), "/"), "/")
	return owner
}

func equal(a, b string) bool { return a == b }

func oneOf(wanted []string, declared string, match func(declared, wanted string) bool) bool {
	for _, w := range wanted {
		if match(declared, w) {
			return true
		}
	}
	return false
}
