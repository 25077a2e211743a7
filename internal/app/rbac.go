package app

import (
	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/cli"
)

// rbac reads a policy for the command line as the controller does.
func rbac(policy cli.RbacPolicy) cli.Rbac {
	projects := make([]access.Project, len(policy.Projects))
	for i, p := range policy.Projects {
		projects[i].Name = p.Name
		for _, r := range p.Roles {
			projects[i].Roles = append(projects[i].Roles, access.ProjectRole(r))
		}
	}
	set, problems := access.Read(policy.Rights, projects)
	set = set.With(policy.Main)
	enforcer := &access.Enforcer{}
	problems = append(problems, enforcer.Use(set)...)
	return cli.Rbac{
		Problems: problems, Doubts: set.Doubts(), Resources: access.Resources(),
		Lines: len(set.Rules) + len(set.Bindings), Projects: len(projects),
		CountsAsGroup: enforcer.CountsAsGroup,
		Can: func(subject string, groups []string, resource, action, object string) cli.RbacAnswer {
			d := enforcer.Explain(subject, groups, resource, action, object)
			a := cli.RbacAnswer{Allowed: d.Allowed, Voice: d.Voice}
			if d.Rule != nil {
				a.Place, a.Text = d.Rule.Place, d.Rule.Text
			}
			return a
		},
	}
}
