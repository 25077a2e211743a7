package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/client"
)

func newLogout(Deps) *cobra.Command {
	return &cobra.Command{
		Use:   "logout [URL]",
		Short: "Sign out of Fixpoint's server",
		Long: `Ends the session at the server, so that its token is of no use to anybody, and forgets
it here; without URL that of the current server. Tokens that an account or a project's
role has for programs stay good where others use them: 'fixpoint account delete-token'.`,
		Example:           "  fixpoint logout\n  fixpoint logout https://fixpoint.example",
		Args:              atMostOne("address of a server"),
		RunE:              func(cmd *cobra.Command, args []string) error { return logout(cmd, append(args, "")[0]) },
		ValidArgsFunction: loginNames,
	}
}

func logout(cmd *cobra.Command, text string) error {
	file, known, err := storedLogins()
	if err != nil {
		return err
	}
	at, err := known.named(cmp.Or(text, known.Current))
	if err != nil {
		return err
	}
	revoked := revoke(cmd.Context(), *at)
	address := at.URL
	known.drop(address)
	if err := known.write(file); err != nil {
		return err
	}
	if revoked != nil {
		return fmt.Errorf("the token for %s is forgotten here, but the session may go on there: %w", address, revoked)
	}
	printf(cmd.OutOrStdout(), "Signed out of %s.\n", address)
	return nil
}

// revoke ends the session of a login. A token that is not taken any more is no error.
func revoke(ctx context.Context, at login) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 15*time.Second, errTimeout)
	defer cancel()
	c, err := at.client()
	if err != nil {
		return err
	}
	if err := c.SignOut(ctx); !errors.Is(err, client.ErrUnauthenticated) {
		return err
	}
	return nil
}

func newServers(Deps) *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:     "servers",
		Short:   "List the servers that you are signed in to, and choose among them",
		Example: "  fixpoint servers\n  fixpoint servers use https://staging.example",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, known, err := storedLogins()
			if err != nil {
				return err
			}
			if out != formatTable {
				return out.data(cmd.OutOrStdout(), known.shown())
			}
			if len(known.Servers) == 0 {
				printf(cmd.ErrOrStderr(), "There is no login in %s: 'fixpoint login URL' makes one.\n", file)
				return nil
			}
			t := &table{header: []string{"SERVER", "USER", "SIGNED IN UNTIL", "CURRENT"}}
			for _, s := range known.shown() {
				current := ""
				if s.Current {
					current = "yes"
				}
				t.add(s.URL, s.User, strings.TrimPrefix(until(s.Expires), ", until "), current)
			}
			t.print(cmd.OutOrStdout())
			return nil
		},
	}
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	cmd.AddCommand(&cobra.Command{
		Use:     "use URL",
		Short:   "Ask another of the servers from now on",
		Example: "  fixpoint servers use https://staging.example",
		Args:    oneArg("the address of a server"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, known, err := storedLogins()
			if err != nil {
				return err
			}
			at, err := known.named(args[0])
			if err != nil {
				return err
			}
			known.Current = at.URL
			if err := known.write(file); err != nil {
				return err
			}
			printf(cmd.OutOrStdout(), "Commands ask %s now, as %s.\n", at.URL, at.User)
			return nil
		},
		ValidArgsFunction: loginNames,
	})
	return cmd
}

func storedLogins() (string, logins, error) {
	file := loginFile(os.Getenv)
	known, err := readLogins(file)
	return file, known, err
}

// named is the login of an address as it is typed.
func (l *logins) named(text string) (*login, error) {
	if text == "" {
		return nil, errors.New("no server is the current one: name one of 'fixpoint servers'")
	}
	address, err := client.Address(text)
	if err != nil {
		return nil, err
	}
	at := l.of(address)
	if at == nil {
		return nil, fmt.Errorf("you are not signed in to %s: 'fixpoint servers' lists where you are", address)
	}
	return at, nil
}

// shownLogin is a login without its token.
type shownLogin struct {
	URL     string    `json:"url"`
	User    string    `json:"user,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Current bool      `json:"current"`
}

func (l *logins) shown() []shownLogin {
	out := []shownLogin{}
	for _, s := range l.Servers {
		out = append(out, shownLogin{URL: s.URL, User: s.User, Expires: s.Expires, Current: s.URL == l.Current})
	}
	return out
}

// loginNames completes addresses.
func loginNames(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	_, known, err := storedLogins()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, s := range known.Servers {
		out = append(out, s.URL+"\t"+s.User)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
