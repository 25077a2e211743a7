package cli

import (
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
	var flags passwordFlags
	cmd := &cobra.Command{
		Use:   "update-password",
		Short: "Change the password of an account",
		Long: `Changes the password of a local account in argocd-secret. The current one is asked for;
whoever may write the Secret need not know it, and gives --forgotten. All sessions and
API tokens of the account end. Passwords are asked for, or read with --password-stdin: a
line each, the current one first. They are no arguments, which every process of the
machine could read.`,
		Example: `  fixpoint account update-password
  fixpoint account update-password --account bob
  fixpoint account update-password --account admin --forgotten
  fixpoint account update-password --password-stdin < passwords.txt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return flags.update(cmd, deps) },
	}
	flags.place.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.account, "account", "admin", "account whose password is changed")
	f.BoolVar(&flags.forgotten, "forgotten", false, "ask for no current password")
	f.BoolVar(&flags.unseen, "password-stdin", false, "read the passwords, a line each, from standard input")
	return cmd
}

func (f *passwordFlags) update(cmd *cobra.Command, deps Deps) error {
	accounts, c, err := f.place.open(cmd.Context(), deps)
	if err != nil {
		return err
	}
	current, next, err := f.ask(cmd)
	if err != nil {
		return err
	}
	if f.forgotten {
		err = accounts.SetPassword(cmd.Context(), f.account, next)
	} else {
		err = accounts.UpdatePassword(cmd.Context(), f.account, current, next)
	}
	if err != nil {
		return c.explainPlain(err)
	}
	printf(cmd.OutOrStdout(), "The password of %s is changed. Its sessions and its API tokens have ended.\n", f.account)
	return nil
}

// ask reads the current password, unless it is forgotten, and the new one.
func (f *passwordFlags) ask(cmd *cobra.Command) (current, next string, err error) {
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
		current, err = read("Current password of " + f.account)
	}
	if err == nil {
		next, err = read("New password of " + f.account)
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
