package access

import "fmt"

// The roles that are always there.
const (
	RoleReadonly = "role:readonly"
	RoleAdmin    = "role:admin"
)

// The resources, besides those that only Argo CD has.
const (
	Applications    = "applications"
	ApplicationSets = "applicationsets"
	Kustomizations  = "kustomizations"
	HelmReleases    = "helmreleases"
	Sources         = "sources"
	Logs            = "logs"
	Clusters        = "clusters"
	Repositories    = "repositories"
	Projects        = "projects"
	Accounts        = "accounts"
	Audit           = "audit"
)

// adminAccount is the account that is an admin whatever argocd-rbac-cm says.
const adminAccount = "admin"

// readable are the resources that role:readonly may get: all but the audit trail.
var readable = []string{
	Applications, ApplicationSets, Kustomizations, HelmReleases, Sources, Logs, Clusters,
	Repositories, "write-repositories", Projects, Accounts, "certificates", "gpgkeys",
}

// builtin are the lines that every policy begins with. They are globs in each mode.
func builtin() *lines {
	l := &lines{}
	add := func(format string, args ...any) {
		l.readLine("built in", fmt.Sprintf(format, args...), readGlob)
	}
	for _, resource := range readable {
		add("p, %s, %s, get, *, allow", RoleReadonly, resource)
	}
	add("p, %s, *, *, *, allow", RoleAdmin)
	add("g, %s, %s", RoleAdmin, RoleReadonly)
	add("g, %s, %s", adminAccount, RoleAdmin)
	return l
}
