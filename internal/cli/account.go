package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Account is a local one.
type Account struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	// Capabilities are login and apiKey.
	Capabilities []string `json:"capabilities"`
	// Password: it has one.
	Password bool           `json:"password"`
	Tokens   []AccountToken `json:"tokens"`
}

// AccountToken is an API token of an account, as it is listed.
type AccountToken struct {
	ID       string    `json:"id"`
	IssuedAt time.Time `json:"issuedAt"`
	// ExpiresAt is zero of a token that never ends.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// Accounts are those of an installation. Issue and Delete write to its Secret.
type Accounts struct {
	List   []Account
	Issue  func(ctx context.Context, account, id string, lasts time.Duration) (token string, err error)
	Delete func(ctx context.Context, account, id string) error
	// UpdatePassword asks for the account's current password, SetPassword does not.
	UpdatePassword func(ctx context.Context, account, current, next string) error
	SetPassword    func(ctx context.Context, account, next string) error
}

// AccountFiles are what says of accounts: the data of argocd-cm and of argocd-secret.
type AccountFiles struct {
	ConfigMap map[string]string
	Secret    map[string][]byte
	// Update lets change the Secret's data and writes it; where somebody else wrote
	// meanwhile it does both again.
	Update func(ctx context.Context, change func(map[string][]byte) error) error
	// Projects are the AppProjects, and UpdateProject does with one what Update does with
	// the Secret.
	Projects      []unstructured.Unstructured
	UpdateProject func(ctx context.Context, name string, change func(map[string]any) error) error
}

func newAccount(deps Deps) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "List accounts, and manage their passwords and API tokens",
		Long: `Works with the local accounts that argocd-cm declares. Passwords and API tokens are
in argocd-secret: who may write it may do this, and nobody has to be signed in. Roles of
AppProjects can have tokens as well: name one as policies do, proj:PROJECT:ROLE.`,
		Example: `  fixpoint account list
  fixpoint account generate-token ci --expires-in 2160h
  fixpoint account generate-token proj:shop:deployer
  fixpoint account delete-token ci 4f1c…
  fixpoint account update-password --account bob
  fixpoint account bcrypt < password.txt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAccountList(deps), newAccountGenerate(deps), newAccountDelete(deps), newAccountPassword(deps), newAccountBcrypt(deps))
	return cmd
}

// accountPlace says where accounts are kept.
type accountPlace struct {
	conn      Connection
	namespace string
}

func (p *accountPlace) bind(cmd *cobra.Command) {
	p.conn.bind(cmd)
	cmd.Flags().StringVar(&p.namespace, "argocd-namespace", "argocd", "namespace of argocd-cm and argocd-secret")
}

func (p *accountPlace) open(ctx context.Context, deps Deps) (Accounts, *cluster, error) {
	c, err := p.conn.open()
	if err != nil {
		return Accounts{}, nil, err
	}
	files, err := c.accountFiles(ctx, p.namespace)
	if err != nil {
		return Accounts{}, nil, err
	}
	return deps.Accounts(files), c, nil
}

func newAccountList(deps Deps) *cobra.Command {
	var place accountPlace
	var out format
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the local accounts, and the roles of projects that have tokens",
		Example: "  fixpoint account list\n  fixpoint account list -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			accounts, _, err := place.open(cmd.Context(), deps)
			if err != nil {
				return err
			}
			if out != formatTable {
				return out.data(cmd.OutOrStdout(), append([]Account{}, accounts.List...))
			}
			accountTable(accounts.List, time.Now()).print(cmd.OutOrStdout())
			return nil
		},
	}
	place.bind(cmd)
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

func accountTable(accounts []Account, now time.Time) *table {
	t := &table{header: []string{"NAME", "ENABLED", "CAPABILITIES", "PASSWORD", "TOKEN", "ISSUED", "EXPIRES"}}
	for _, a := range accounts {
		row := []string{a.Name, yesNo(a.Enabled), strings.Join(a.Capabilities, ", "), yesNo(a.Password)}
		if len(a.Tokens) == 0 {
			t.add(append(row, "", "", "")...)
		}
		for _, token := range a.Tokens {
			t.add(append(row, token.ID, token.IssuedAt.UTC().Format(time.RFC3339), token.ends(now))...)
			row = []string{a.Name, "", "", ""}
		}
	}
	return t
}

func (t AccountToken) ends(now time.Time) string {
	switch {
	case t.ExpiresAt.IsZero():
		return "never"
	case !now.Before(t.ExpiresAt):
		return t.ExpiresAt.UTC().Format(time.RFC3339) + " (over)"
	}
	return t.ExpiresAt.UTC().Format(time.RFC3339)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func newAccountGenerate(deps Deps) *cobra.Command {
	var place accountPlace
	var id string
	var lasts time.Duration
	cmd := &cobra.Command{
		Use:   "generate-token ACCOUNT",
		Short: "Make an API token for an account, or for a project's role",
		Long: `Makes an API token for an account that has the capability apiKey, lists it in
argocd-secret and prints it. It is shown this once. Programs send it in the header
"Authorization: Bearer TOKEN".

A token for a role of an AppProject, named proj:PROJECT:ROLE, has the role's rights. It is
listed in the role, at jwtTokens, where Argo CD keeps it: whoever declares the AppProject in
Git has to leave that field to others, or to commit it.`,
		Example: "  fixpoint account generate-token ci\n  fixpoint account generate-token ci --expires-in 2160h --id release\n  fixpoint account generate-token proj:shop:deployer",
		Args:    oneArg("the name of an account, or of a project's role as proj:PROJECT:ROLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lasts < 0 {
				return usage(cmd, errors.New("--expires-in can't be negative"))
			}
			accounts, c, err := place.open(cmd.Context(), deps)
			if err != nil {
				return err
			}
			token, err := accounts.Issue(cmd.Context(), args[0], id, lasts)
			if err != nil {
				return c.explainPlain(err)
			}
			printf(cmd.OutOrStdout(), "%s\n", token)
			return nil
		},
	}
	place.bind(cmd)
	cmd.Flags().StringVar(&id, "id", "", "id that the token is listed by (default: a random one)")
	cmd.Flags().DurationVarP(&lasts, "expires-in", "e", 0, "how long it is good for, such as 2160h (default: for ever)")
	return cmd
}

func newAccountDelete(deps Deps) *cobra.Command {
	var place accountPlace
	cmd := &cobra.Command{
		Use:     "delete-token ACCOUNT ID",
		Short:   "Revoke an API token of an account, or of a project's role",
		Example: "  fixpoint account list\n  fixpoint account delete-token ci 4f1c…",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef(cmd, "the name of an account and the id of a token are expected, not %s", plural(len(args), "argument"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			accounts, c, err := place.open(cmd.Context(), deps)
			if err != nil {
				return err
			}
			if err := accounts.Delete(cmd.Context(), args[0], args[1]); err != nil {
				return fmt.Errorf("%w: 'fixpoint account list' lists those that there are", c.explainPlain(err))
			}
			printf(cmd.OutOrStdout(), "The token %s of %s is revoked.\n", args[1], args[0])
			return nil
		},
	}
	place.bind(cmd)
	return cmd
}
