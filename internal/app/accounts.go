package app

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// accounts works with local accounts without a controller.
func accounts(files cli.AccountFiles) cli.Accounts {
	set, _ := signin.Read(files.ConfigMap, files.Secret, "", nil, nil) // the controller tells of problems
	service := signin.New(signin.Config{Store: signin.StoreFunc(files.Update)})
	service.Use(set)
	var list []cli.Account
	for _, name := range slices.Sorted(maps.Keys(set.Accounts)) {
		list = append(list, accountOf(name, set.Accounts[name]))
	}
	return cli.Accounts{
		List:   list,
		Delete: service.DeleteToken,
		Issue: func(ctx context.Context, account, id string, lasts time.Duration) (string, error) {
			return service.IssueToken(ctx, account, lasts, id)
		},
	}
}

func accountOf(name string, a signin.Account) cli.Account {
	out := cli.Account{Name: name, Enabled: a.Enabled, Capabilities: a.Capabilities(), Password: len(a.Hash) > 0, Tokens: []cli.AccountToken{}}
	for _, t := range a.Tokens {
		token := cli.AccountToken{ID: t.ID, IssuedAt: time.Unix(t.IssuedAt, 0).UTC()}
		if t.ExpiresAt != 0 {
			token.ExpiresAt = time.Unix(t.ExpiresAt, 0).UTC()
		}
		out.Tokens = append(out.Tokens, token)
	}
	return out
}
