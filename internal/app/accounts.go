package app

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// accounts works with local accounts, and with the tokens of projects' roles, without a
// controller.
func accounts(files cli.AccountFiles) cli.Accounts {
	set, _ := signin.Read(files.ConfigMap, files.Secret, "", nil, nil) // the controller tells of problems
	service := signin.New(signin.Config{Store: signin.StoreFunc(files.Update)})
	service.Use(set)
	var list []cli.Account
	for _, name := range slices.Sorted(maps.Keys(set.Accounts)) {
		list = append(list, accountOf(name, set.Accounts[name]))
	}
	roles := projectRoles{files, service}
	return cli.Accounts{
		List: func(context.Context) ([]cli.Account, error) { return append(list, roles.list()...), nil },
		Delete: func(ctx context.Context, account, id string) error {
			if project, role, is := projectRole(account); is {
				return roles.drop(ctx, project, role, id)
			}
			return service.DeleteToken(ctx, account, id)
		},
		Issue: func(ctx context.Context, account, id string, lasts time.Duration) (string, error) {
			if project, role, is := projectRole(account); is {
				return roles.issue(ctx, project, role, id, lasts)
			}
			return service.IssueToken(ctx, account, lasts, id)
		},
		SetPassword: func(ctx context.Context, account, next string) error {
			_, err := service.SetPassword(ctx, account, next, signin.Proof{})
			return err
		},
		UpdatePassword: func(ctx context.Context, account, current, next string) error {
			return service.UpdatePassword(ctx, signin.PasswordChange{Account: account, By: account, Current: current, New: next})
		},
	}
}

func accountOf(name string, a signin.Account) cli.Account {
	out := cli.Account{Name: name, Enabled: a.Enabled, Capabilities: a.Capabilities(), Password: new(len(a.Hash) > 0), Tokens: []cli.AccountToken{}}
	for _, t := range a.Tokens {
		out.Tokens = append(out.Tokens, listedToken(t))
	}
	return out
}

func listedToken(t signin.Token) cli.AccountToken {
	token := cli.AccountToken{ID: t.ID, IssuedAt: time.Unix(t.IssuedAt, 0).UTC()}
	if t.ExpiresAt != 0 {
		token.ExpiresAt = time.Unix(t.ExpiresAt, 0).UTC()
	}
	return token
}

// projectRole reads the name of a project's role, as policies have it.
func projectRole(name string) (project, role string, is bool) {
	rest, is := strings.CutPrefix(name, "proj:")
	if !is {
		return "", "", false
	}
	project, role, is = strings.Cut(rest, ":")
	return project, role, is
}

// projectRoles are those that AppProjects have, with their tokens.
type projectRoles struct {
	cli.AccountFiles
	service *signin.Service
}

// list are the roles that have tokens.
func (p projectRoles) list() []cli.Account {
	var out []cli.Account
	for _, project := range p.Projects {
		roles, _, _ := unstructured.NestedSlice(project.Object, "spec", "roles")
		for _, raw := range roles {
			role, _ := raw.(map[string]any)
			name, _, _ := unstructured.NestedString(role, "name")
			a := cli.Account{Name: access.RoleSubject(project.GetName(), name), Enabled: true, Capabilities: []string{"apiKey"}}
			for _, t := range argo.ProjectTokens(project.Object, role) {
				a.Tokens = append(a.Tokens, listedToken(signin.Token(t)))
			}
			if len(a.Tokens) > 0 {
				out = append(out, a)
			}
		}
	}
	slices.SortFunc(out, func(a, b cli.Account) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (p projectRoles) issue(ctx context.Context, project, role, id string, lasts time.Duration) (string, error) {
	token, entry, err := p.service.IssueProjectToken(project, role, lasts, id)
	if err != nil {
		return "", err
	}
	return token, p.UpdateProject(ctx, project, func(o map[string]any) error {
		return argo.AddProjectToken(o, role, argo.ProjectToken(entry))
	})
}

func (p projectRoles) drop(ctx context.Context, project, role, id string) error {
	return p.UpdateProject(ctx, project, func(o map[string]any) error { return argo.RemoveProjectToken(o, role, id) })
}
