package argo

import (
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Repository is what a repository Secret declares, as far as people may see it.
type Repository struct {
	Name, URL, Project string
	Kind               model.SourceKind
	// Credentials says which kind there are: "none", "password", "token", "SSH key",
	// "GitHub App", "client certificate".
	Credentials string
	// Template: it stands for every repository whose URL begins with URL.
	Template bool
}

// Repositories are those that Secrets declare, credential templates among them.
func (s *Settings) Repositories() []Repository {
	var out []Repository
	for _, r := range s.repositories {
		out = append(out, r.shown(false))
	}
	for _, r := range s.templates {
		out = append(out, r.shown(true))
	}
	return out
}

func (r repository) shown(template bool) Repository {
	kind := model.SourceGit
	if r.oci {
		kind = model.SourceOCI
	}
	return Repository{Name: r.name, URL: r.address, Project: r.project, Kind: kind, Credentials: credentials(r.auth), Template: template}
}

// credentials names what there is to sign in with.
func credentials(a model.Auth) string {
	for _, c := range []struct {
		there bool
		name  string
	}{
		{a.SSHKey != "", "SSH key"},
		{a.GitHub != model.GitHubApp{}, "GitHub App"},
		{a.BearerToken != "", "token"},
		{a.Username != "" || a.Password != "", "password"},
		{a.ClientCert != "", "client certificate"},
	} {
		if c.there {
			return c.name
		}
	}
	return "none"
}
