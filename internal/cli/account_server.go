package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/client"
)

// errRoleTokens: a server has accounts only.
var errRoleTokens = errors.New("tokens of projects' roles are made and revoked in a cluster: name it with --kubeconfig or --context")

// accounts are those that the server shows and changes for whoever is signed in.
func (s server) accounts() Accounts {
	return Accounts{
		List: s.listAccounts,
		Issue: func(ctx context.Context, account, id string, lasts time.Duration) (string, error) {
			if strings.HasPrefix(account, "proj:") {
				return "", errRoleTokens
			}
			return s.IssueToken(ctx, account, id, lasts)
		},
		Delete: func(ctx context.Context, account, id string) error {
			if strings.HasPrefix(account, "proj:") {
				return errRoleTokens
			}
			return s.DeleteToken(ctx, account, id)
		},
		UpdatePassword: s.changePassword,
		Whoami: func(ctx context.Context) (string, error) {
			me, err := s.Me(ctx)
			return me.Name, err
		},
	}
}

func (s server) listAccounts(ctx context.Context) ([]Account, error) {
	all, err := s.LocalAccounts(ctx)
	var out []Account
	for _, a := range all {
		one := Account{Name: a.Name, Enabled: a.Enabled, Capabilities: a.Capabilities, Tokens: []AccountToken{}}
		for _, t := range a.Tokens {
			one.Tokens = append(one.Tokens, AccountToken{ID: t.ID, IssuedAt: t.Issued, ExpiresAt: t.Expires, Ended: t.Ended})
		}
		out = append(out, one)
	}
	return out, err
}

// changePassword keeps the session that one's own account gets in place of the one that
// ends.
func (s server) changePassword(ctx context.Context, account, current, next string) error {
	session, err := s.Client.UpdatePassword(ctx, account, current, next)
	if err != nil || session.Token == "" {
		return err
	}
	if err := renewLogin(s.URL, session); err != nil {
		return fmt.Errorf("the password is changed, but the new session can't be kept: %w: sign in again", err)
	}
	return nil
}

// renewLogin keeps the token of a new session, where one of before is kept.
func renewLogin(address string, session client.Session) error {
	file, known, err := storedLogins()
	if err != nil {
		return err
	}
	at := known.of(address)
	if at == nil || os.Getenv("FIXPOINT_TOKEN") != "" {
		return nil
	}
	at.Token, at.Expires = session.Token, session.Expires
	return known.write(file)
}
