package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/term"
)

// longestPassword is how much of one bcrypt looks at.
const longestPassword = 72

func newAccountBcrypt(Deps) *cobra.Command {
	return &cobra.Command{
		Use:   "bcrypt",
		Short: "Make the hash of a password, for argocd-secret",
		Long: `Reads a password, a line of standard input, and prints its bcrypt hash: the value of
admin.password or accounts.NAME.password in argocd-secret. It is asked for where
somebody types it. It is no argument, which every process of the machine could read.`,
		Example: "  fixpoint account bcrypt\n  fixpoint account bcrypt < password.txt",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := readPassword(cmd)
			if err != nil {
				return err
			}
			switch {
			case password == "":
				return errors.New("the password is empty: type one, or write it to standard input")
			case len(password) > longestPassword:
				return fmt.Errorf("the password has %d bytes: bcrypt looks at %d alone; choose a shorter one", len(password), longestPassword)
			}
			hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
			if err != nil {
				return errors.New("the password can't be hashed")
			}
			printf(cmd.OutOrStdout(), "%s\n", hash)
			return nil
		},
	}
}

// readPassword is the first line of the input; a terminal does not show it.
func readPassword(cmd *cobra.Command) (string, error) {
	if f, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		printf(cmd.ErrOrStderr(), "Password: ")
		typed, err := term.ReadPassword(int(f.Fd()))
		printf(cmd.ErrOrStderr(), "\n")
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		return string(typed), nil
	}
	line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
