package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/client"
)

// loginFlags are the flags of login.
type loginFlags struct {
	door                     serverFlags
	username                 string
	passwordStdin, fromStdin bool
}

func newLogin(Deps) *cobra.Command {
	var flags loginFlags
	cmd := &cobra.Command{
		Use:   "login URL",
		Short: "Sign in to Fixpoint's server, so that commands need no cluster",
		Long: `Signs in to a server and keeps the token in $XDG_CONFIG_HOME/fixpoint/config.yaml
(~/.config without it), a file that only you can read. From then on the commands for
apps ask that server, until 'fixpoint logout'; --kubeconfig and --context still lead to
a cluster, --server to another server. Several can be signed in to: 'fixpoint servers'.

Without --token-stdin it takes the name and password of a local account. Whoever signs
in by an identity provider gives a token instead, with --token-stdin: that of an
account by 'fixpoint account generate-token', or a project role's. Scripts need no
login: they set $FIXPOINT_SERVER and $FIXPOINT_TOKEN.`,
		Example: `  fixpoint login https://fixpoint.example --username alice
  fixpoint login fixpoint.example --username alice --password-stdin < password.txt
  fixpoint login fixpoint.example --token-stdin < token.txt
  fixpoint login localhost:8088 --ca-file ca.crt`,
		Args: oneArg("the address of a server"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.fromStdin && (flags.passwordStdin || flags.username != "") {
				return usagef(cmd, "--token-stdin excludes --username and --password-stdin: a token says who it is of")
			}
			if flags.passwordStdin && flags.username == "" {
				return usagef(cmd, "--password-stdin needs --username")
			}
			return flags.login(cmd, args[0])
		},
	}
	flags.door.bindTrust(cmd)
	f := cmd.Flags()
	f.StringVarP(&flags.username, "username", "u", "", "name of a local account (default: it is asked for)")
	f.BoolVar(&flags.passwordStdin, "password-stdin", false, "read the password, a line, from standard input")
	f.BoolVar(&flags.fromStdin, "token-stdin", false, "read a token, a line, from standard input")
	return cmd
}

func (f *loginFlags) login(cmd *cobra.Command, text string) error {
	address, err := client.Address(text)
	if err != nil {
		return usage(cmd, err)
	}
	at := login{URL: address}
	f.door.apply(&at)
	if at.CAFile, err = absolute(at.CAFile); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), time.Minute, errTimeout)
	defer cancel()
	c, err := at.client()
	if err != nil {
		return err
	}
	if err := c.Check(ctx); err != nil {
		return err
	}
	if err := f.token(ctx, cmd, c, &at); err != nil {
		return err
	}
	if c, err = at.client(); err != nil {
		return err
	}
	me, err := c.Me(ctx)
	if err != nil {
		return err
	}
	if me.Anonymous {
		return fmt.Errorf("%s does not take the token: it knows you as nobody", address)
	}
	at.User = me.Name
	if err := keep(at); err != nil {
		return err
	}
	printf(cmd.OutOrStdout(), "Signed in to %s as %s%s.\n", address, cmp.Or(me.Title, me.Name), until(at.Expires))
	return nil
}

// token gets one: what standard input has, or that of a new session.
func (f *loginFlags) token(ctx context.Context, cmd *cobra.Command, c *client.Client, at *login) error {
	if f.fromStdin {
		token, err := typedLine(cmd.InOrStdin())
		if err != nil || token == "" {
			return errors.Join(errors.New("there is no token on standard input"), err)
		}
		at.Token = token
		return nil
	}
	name := f.username
	if name == "" {
		printf(cmd.ErrOrStderr(), "Username: ")
		typed, err := typedLine(cmd.InOrStdin())
		if err != nil {
			return err
		}
		name = typed
	}
	password, err := readPassword(cmd)
	if err != nil {
		return err
	}
	if name == "" || password == "" {
		return errors.New("name and password are needed: give --username, and the password where it is asked for or with --password-stdin; " +
			"who signs in by an identity provider gives a token with --token-stdin")
	}
	session, err := c.SignIn(ctx, name, password)
	at.Token, at.Expires = session.Token, session.Expires
	return err
}

// maxTyped bounds a line that is read.
const maxTyped = 64 << 10

// typedLine is the next line of an input, and takes nothing behind it.
func typedLine(in io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for len(line) < maxTyped {
		n, err := in.Read(one)
		if n == 1 && one[0] == '\n' {
			break
		}
		line = append(line, one[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("reading standard input: %w", err)
		}
	}
	return strings.TrimSpace(string(line)), nil
}

// absolute is a file's name wherever a later command is started; "" stays "".
func absolute(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	return filepath.Abs(file)
}

// keep writes a login down.
func keep(at login) error {
	file, known, err := storedLogins()
	if err != nil {
		return err
	}
	known.put(at)
	return known.write(file)
}

func until(expires time.Time) string {
	if expires.IsZero() {
		return ""
	}
	return ", until " + expires.Local().Format("2006-01-02 15:04")
}
