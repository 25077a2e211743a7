package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// passwordFlags are the flags of account update-password.
type passwordFlags struct {
	place             accountPlace
	account           string
	forgotten, unseen bool
}

func newAccountPassword(deps Deps) *cobra.Command {
	flags := passwordFlags{place: accountPlace{reach: reach{deps: deps}}}
	cmd := &cobra.Command{
		Use:   "update-password",
		Short: "Change the password of an account",
		Long: `Changes your own password at the server that you are signed in to, or with --account
that of another, if you have the right to update it: your own current password is asked
for in both cases. All sessions and API tokens of the account end; yours at the server
goes on as a new one.

By a cluster it writes argocd-secret, for the account admin or the one of --account, and
asks for that account's current password; whoever may write the Secret need not know it,
and gives --forgotten. Passwords are asked for, or read with --password-stdin: a line
each, the current one first. They are no arguments, which every process of the machine
could read.`,
		Example: `  fixpoint account update-password
  fixpoint account update-password --account bob
  fixpoint account update-password --kubeconfig admin.kubeconfig --account admin --forgotten
  fixpoint account update-password --password-stdin < passwords.txt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return flags.update(cmd) },
	}
	flags.place.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.account, "account", "", "account whose password is changed (default: yours at a server, admin in a cluster)")
	f.BoolVar(&flags.forgotten, "forgotten", false, "ask for no current password; in a cluster only")
	f.BoolVar(&flags.unseen, "password-stdin", false, "read the passwords, a line each, from standard input")
	return cmd
}

func (f *passwordFlags) update(cmd *cobra.Command) error {
	accounts, err := f.place.open(cmd.Context())
	if err != nil {
		return err
	}
	if f.forgotten && accounts.SetPassword == nil {
		return usagef(cmd, "--forgotten needs a cluster (--kubeconfig, --context): a server asks for your password")
	}
	account, whose, err := f.who(cmd.Context(), accounts)
	if err != nil {
		return err
	}
	current, next, err := f.ask(cmd, whose, account)
	if err != nil {
		return err
	}
	if f.forgotten {
		err = accounts.SetPassword(cmd.Context(), account, next)
	} else {
		err = accounts.UpdatePassword(cmd.Context(), account, current, next)
	}
	if err != nil {
		return err
	}
	printf(cmd.OutOrStdout(), "The password of %s is changed. Its other sessions and its API tokens have ended.\n", account)
	return nil
}

// who is whose password is changed, and how to ask for the current one.
func (f *passwordFlags) who(ctx context.Context, accounts Accounts) (account, whose string, err error) {
	if accounts.Whoami == nil {
		account = cmp.Or(f.account, "admin")
		return account, "Current password of " + account, nil
	}
	me, err := accounts.Whoami(ctx)
	return cmp.Or(f.account, me), "Your current password", err
}

// ask reads the current password, unless it is forgotten, and the new one.
func (f *passwordFlags) ask(cmd *cobra.Command, whose, account string) (current, next string, err error) {
	in, ok := cmd.InOrStdin().(*os.File)
	seen := ok && !f.unseen && term.IsTerminal(int(in.Fd()))
	if !seen && !f.unseen {
		return "", "", usagef(cmd, "nobody is there to be asked for passwords: give them with --password-stdin")
	}
	read := func(prompt string) (string, error) {
		if !seen {
			return typedLine(cmd.InOrStdin())
		}
		printf(cmd.ErrOrStderr(), "%s: ", prompt)
		typed, err := term.ReadPassword(int(in.Fd()))
		printf(cmd.ErrOrStderr(), "\n")
		return string(typed), err
	}
	if !f.forgotten {
		current, err = read(whose)
	}
	if err == nil {
		next, err = read("New password of " + account)
	}
	again := next
	if err == nil && seen {
		again, err = read("Once more")
	}
	switch {
	case err != nil:
		return "", "", fmt.Errorf("reading the passwords: %w", err)
	case again != next:
		return "", "", errors.New("the two new passwords differ: nothing is changed")
	case next == "" || current == "" && !f.forgotten:
		return "", "", errors.New("a password is empty: nothing is changed")
	}
	return current, next, nil
}
