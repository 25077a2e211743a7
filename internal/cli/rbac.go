package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// RbacPolicy is what says who may what.
type RbacPolicy struct {
	// Rights and Main are the data of argocd-rbac-cm and of argocd-cm.
	Rights, Main map[string]string
	Projects     []RbacProject
}

// RbacProject is an AppProject.
type RbacProject struct {
	Name  string
	Roles []RbacRole
}

// RbacRole is a role of a project.
type RbacRole struct {
	Name             string
	Policies, Groups []string
}

// Rbac is a policy that was read.
type Rbac struct {
	// Problems are lines that can't be read, Doubts those that likely don't do what is
	// meant. Lines and Projects count what there is.
	Problems, Doubts []error
	Lines, Projects  int
	Resources        []string
	// Can answers for a subject that is in groups.
	Can func(subject string, groups []string, resource, action, object string) RbacAnswer
	// CountsAsGroup reports whether a group of that name has any say.
	CountsAsGroup func(name string) bool
}

// RbacAnswer is whether somebody may, and why.
type RbacAnswer struct {
	Allowed bool
	// Place and Text are the line that decided; "" if none is for it. Voice is the name
	// whose it is: the subject, a group, or the default role.
	Place, Text, Voice string
}

func newRbac(deps Deps) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rbac",
		Short: "Say who may do what, and check the policy",
		Long: `Asks the policy of argocd-rbac-cm and of the roles of AppProjects: that of the
cluster, or of a file before it is applied.`,
		Example: `  fixpoint rbac can alice sync applications team/web
  fixpoint rbac validate --policy-file argocd-rbac-cm.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRbacCan(deps), newRbacValidate(deps))
	return cmd
}

func newRbacCan(deps Deps) *cobra.Command {
	var from rbacSource
	var groups []string
	cmd := &cobra.Command{
		Use:   "can SUBJECT ACTION RESOURCE [OBJECT]",
		Short: "Say whether somebody may do something, and which line says so",
		Long: `SUBJECT is an account, a user as the identity provider calls it, a role such as
role:dev, or a project's role such as proj:team:ci. ACTION is get, sync, update,
delete, override, action/GROUP/KIND/NAME, delete/GROUP/KIND/NAMESPACE/NAME, ….
OBJECT is PROJECT/NAME or PROJECT/NAMESPACE/NAME of Applications, NAMESPACE/NAME of
kustomizations, helmreleases and sources; left out it is every object.

Exit codes: 0 yes, 1 no or an error, 2 the command line is wrong.`,
		Example: `  fixpoint rbac can alice sync applications team/web
  fixpoint rbac can alice get logs team/web -g developers
  fixpoint rbac can role:dev 'delete//Pod/shop/web-1' applications team/web --policy-file policy.csv`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 3 && len(args) != 4 {
				return usagef(cmd, "a subject, an action, a resource and maybe an object are expected, not %s", plural(len(args), "argument"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			rbac, err := from.read(cmd, deps)
			if err != nil {
				return err
			}
			resource, err := resourceNamed(args[2], rbac.Resources)
			if err != nil {
				return usage(cmd, err)
			}
			object := append(args, everyObject(resource))[3]
			tellProblems(cmd.ErrOrStderr(), "warning", rbac.Problems)
			for _, g := range groups {
				if !rbac.CountsAsGroup(g) {
					printf(cmd.ErrOrStderr(), "note: the group %q has no say: no g line begins with it, or it is the name of a role or an account\n", g)
				}
			}
			return tellAnswer(cmd.OutOrStdout(), rbac.Can(args[0], groups, resource, args[1], object), args[0], resource, args[1], object)
		},
	}
	from.bind(cmd)
	cmd.Flags().StringArrayVarP(&groups, "group", "g", nil, "a group that SUBJECT is in, as the identity provider calls it (repeatable)")
	cmd.ValidArgsFunction = completeRbac
	return cmd
}

// tellAnswer prints an answer; No is an exit code.
func tellAnswer(w io.Writer, a RbacAnswer, subject, resource, action, object string) error {
	answer := map[bool]string{true: "Yes", false: "No"}[a.Allowed]
	if a.Place == "" {
		printf(w, "%s\nno line is for %s, %s, %s of %s\n", answer, resource, action, object, subject)
	} else {
		as := ""
		if a.Voice != subject {
			as = " (as " + a.Voice + ")"
		}
		printf(w, "%s\n%s: %s%s\n", answer, a.Place, a.Text, as)
	}
	if !a.Allowed {
		return &codedError{code: exitError}
	}
	return nil
}

// shortResources are other names of resources.
var shortResources = map[string]string{
	"app": "applications", "apps": "applications", "appset": "applicationsets", "appsets": "applicationsets",
	"ks": "kustomizations", "hr": "helmreleases", "proj": "projects", "repo": "repositories", "repos": "repositories",
	"repository": "repositories", "log": "logs",
}

// resourceNamed finds a resource by a name of it.
func resourceNamed(name string, all []string) (string, error) {
	for _, one := range []string{name, shortResources[name], name + "s"} {
		if slices.Contains(all, one) {
			return one, nil
		}
	}
	return "", fmt.Errorf("there is no resource %q; it is one of %s", name, strings.Join(all, ", "))
}

// everyObject is what stands for all objects of a resource.
func everyObject(resource string) string {
	switch resource {
	case "applications", "applicationsets", "logs", "exec", "kustomizations", "helmreleases", "sources":
		return "*/*"
	}
	return "*"
}

func completeRbac(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 1:
		return []string{"get", "sync", "update", "delete", "override"}, cobra.ShellCompDirectiveNoFileComp
	case 2:
		return []string{"applications", "applicationsets", "kustomizations", "helmreleases", "sources", "logs", "clusters",
			"repositories", "projects", "accounts", "audit"}, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func newRbacValidate(deps Deps) *cobra.Command {
	var from rbacSource
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the policy: which lines can't be read, and which do nothing",
		Long: `Lists lines that can't be read as errors. They give no right; those that do not
plainly say allow even deny their subject what can be read of them. Lines that are
good and likely don't do what is meant are warnings.

Exit codes: 0 no errors, 1 errors.`,
		Example: `  fixpoint rbac validate
  fixpoint rbac validate --policy-file argocd-rbac-cm.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rbac, err := from.read(cmd, deps)
			if err != nil {
				return err
			}
			tellProblems(cmd.OutOrStdout(), "error", rbac.Problems)
			tellProblems(cmd.OutOrStdout(), "warning", rbac.Doubts)
			if n := len(rbac.Problems); n > 0 {
				return fmt.Errorf("%s found: correct what is listed above", plural(n, "problem"))
			}
			printf(cmd.OutOrStdout(), "ok: %s, %s, %s\n", plural(rbac.Lines, "line"), plural(rbac.Projects, "project"), plural(len(rbac.Doubts), "warning"))
			return nil
		},
	}
	from.bind(cmd)
	return cmd
}

func tellProblems(w io.Writer, what string, problems []error) {
	for _, p := range problems {
		printf(w, "%s: %v\n", what, p)
	}
}
