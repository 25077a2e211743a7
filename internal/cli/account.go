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
	// Password: it has one. nil: a server does not tell.
	Password *bool          `json:"password,omitempty"`
	Tokens   []AccountToken `json:"tokens"`
}

// AccountToken is an API token of an account, as it is listed.
type AccountToken struct {
	ID       string    `json:"id"`
	IssuedAt time.Time `json:"issuedAt"`
	// ExpiresAt is zero of a token that never ends.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Ended: it is not taken any more, as its time is over or the password has changed
	// since.
	Ended bool `json:"ended,omitempty"`
}

// Accounts are those of an installation: all that its cluster has, or those that its server
// lets one see and change.
type Accounts struct {
	List   func(context.Context) ([]Account, error)
	Issue  func(ctx context.Context, account, id string, lasts time.Duration) (token string, err error)
	Delete func(ctx context.Context, account, id string) error
	// UpdatePassword asks for a current password: by a server that of whoever asks, in a
	// cluster the account's. SetPassword asks for none; nil can't do without.
	UpdatePassword func(ctx context.Context, account, current, next string) error
	SetPassword    func(ctx context.Context, account, next string) error
	// Whoami is one's own account; nil: nobody is signed in.
	Whoami func(context.Context) (string, error)
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
		Long: `Works with the local accounts that argocd-cm declares: by the server that one is signed in
to with one's own, and with those that one has the right to. In a cluster (--kubeconfig,
--context, or if one is signed in nowhere) passwords and API tokens are in argocd-secret: who
may write it may do this with all. There roles of AppProjects can have tokens as well: name
one as policies do, proj:PROJECT:ROLE.`,
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

// accountPlace says where accounts are kept: by which server, or in which cluster.
type accountPlace struct {
	reach
	namespace string
}

func (p *accountPlace) bind(cmd *cobra.Command) {
	p.reach.bind(cmd)
	cmd.Flags().StringVar(&p.namespace, "argocd-namespace", "argocd", "namespace of argocd-cm and argocd-secret, in a cluster")
}

// open are the accounts there. Their errors are whole: they say what to do.
func (p *accountPlace) open(ctx context.Context) (Accounts, error) {
	to, err := p.reach.open()
	if err != nil {
		return Accounts{}, err
	}
	switch to := to.(type) {
	case server:
		return to.accounts(), nil
	case kube:
		files, err := to.accountFiles(ctx, p.namespace)
		if err != nil {
			return Accounts{}, err
		}
		return explained(p.deps.Accounts(files), to.explainPlain), nil
	}
	return Accounts{}, errors.New("there is no such way to accounts")
}

// explained has errors explained.
func explained(a Accounts, explain func(error) error) Accounts {
	set, update, issue, drop := a.SetPassword, a.UpdatePassword, a.Issue, a.Delete
	a.SetPassword = func(ctx context.Context, account, next string) error { return explain(set(ctx, account, next)) }
	a.UpdatePassword = func(ctx context.Context, account, current, next string) error {
		return explain(update(ctx, account, current, next))
	}
	a.Issue = func(ctx context.Context, account, id string, lasts time.Duration) (string, error) {
		token, err := issue(ctx, account, id, lasts)
		return token, explain(err)
	}
	a.Delete = func(ctx context.Context, account, id string) error { return explain(drop(ctx, account, id)) }
	return a
}

func newAccountList(deps Deps) *cobra.Command {
	place := accountPlace{reach: reach{deps: deps}}
	var out format
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the local accounts, and the roles of projects that have tokens",
		Example: "  fixpoint account list\n  fixpoint account list -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			accounts, err := place.open(cmd.Context())
			if err != nil {
				return err
			}
			all, err := accounts.List(cmd.Context())
			if err != nil {
				return err
			}
			if out != formatTable {
				return out.data(cmd.OutOrStdout(), append([]Account{}, all...))
			}
			accountTable(all, time.Now()).print(cmd.OutOrStdout())
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
		row := []string{a.Name, yesNo(a.Enabled), strings.Join(a.Capabilities, ", "), a.password()}
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

func (a Account) password() string {
	if a.Password == nil {
		return ""
	}
	return yesNo(*a.Password)
}

func (t AccountToken) ends(now time.Time) string {
	switch {
	case t.Ended && now.Before(t.ExpiresAt), t.Ended && t.ExpiresAt.IsZero():
		return "with its password"
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
	place := accountPlace{reach: reach{deps: deps}}
	var id string
	var lasts time.Duration
	cmd := &cobra.Command{
		Use:   "generate-token ACCOUNT",
		Short: "Make an API token for an account, or for a project's role",
		Long: `Makes an API token for an account that has the capability apiKey, lists it in
argocd-secret and prints it. It is shown this once. Programs send it in the header
"Authorization: Bearer TOKEN".

A token for a role of an AppProject, named proj:PROJECT:ROLE, has the role's rights. It is
listed in the role, at jwtTokens, where Argo CD keeps it, and made in a cluster: whoever declares the AppProject in
Git has to leave that field to others, or to commit it.`,
		Example: "  fixpoint account generate-token ci\n  fixpoint account generate-token ci --expires-in 2160h --id release\n  fixpoint account generate-token proj:shop:deployer",
		Args:    oneArg("the name of an account, or of a project's role as proj:PROJECT:ROLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lasts < 0 {
				return usage(cmd, errors.New("--expires-in can't be negative"))
			}
			accounts, err := place.open(cmd.Context())
			if err != nil {
				return err
			}
			token, err := accounts.Issue(cmd.Context(), args[0], id, lasts)
			if err != nil {
				return err
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
	place := accountPlace{reach: reach{deps: deps}}
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
			accounts, err := place.open(cmd.Context())
			if err != nil {
				return err
			}
			if err := accounts.Delete(cmd.Context(), args[0], args[1]); err != nil {
				return fmt.Errorf("%w: 'fixpoint account list' lists those that there are", err)
			}
			printf(cmd.OutOrStdout(), "The token %s of %s is revoked.\n", args[1], args[0])
			return nil
		},
	}
	place.bind(cmd)
	return cmd
}
