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
	sso, launch              bool
	ssoPort                  int
	deps                     Deps
}

func newLogin(deps Deps) *cobra.Command {
	flags := loginFlags{deps: deps}
	cmd := &cobra.Command{
		Use:   "login URL",
		Short: "Sign in to Fixpoint's server, so that commands need no cluster",
		Long: `Signs in to a server and keeps the token in $XDG_CONFIG_HOME/fixpoint/config.yaml
(~/.config without it), a file that only you can read. From then on the commands for
apps ask that server, until 'fixpoint logout'; --kubeconfig and --context still lead to
a cluster, --server to another server. Several can be signed in to: 'fixpoint servers'.

It takes the name and password of a local account. With --sso it opens the browser at
the server's identity provider instead (and prints the address: with
--sso-launch-browser=false it does only that), which leads back to
http://localhost:8085/auth/callback (--sso-port): register that at the provider, for the
client that cliClientID of oidc.config names. With --token-stdin it takes a token: of an
account, by 'fixpoint account generate-token', or of a project's role. Scripts need no
login: they set $FIXPOINT_SERVER and $FIXPOINT_TOKEN.`,
		Example: `  fixpoint login https://fixpoint.example --username alice
  fixpoint login fixpoint.example --username alice --password-stdin < password.txt
  fixpoint login fixpoint.example --sso
  fixpoint login fixpoint.example --token-stdin < token.txt
  fixpoint login localhost:8088 --ca-file ca.crt`,
		Args: oneArg("the address of a server"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.sso && (flags.fromStdin || flags.passwordStdin || flags.username != "") {
				return usagef(cmd, "--sso excludes --username, --password-stdin and --token-stdin: the identity provider says who you are")
			}
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
	f.BoolVar(&flags.sso, "sso", false, "sign in by the server's identity provider, in a browser")
	f.IntVar(&flags.ssoPort, "sso-port", 8085, "port of this machine that the provider leads the browser back to; 0 is any that is free")
	f.BoolVar(&flags.launch, "sso-launch-browser", true, "open the browser; the address is printed in any case")
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
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), f.patience(), errTimeout)
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
	if f.sso && errors.Is(err, client.ErrUnauthenticated) {
		return fmt.Errorf("%s does not take the provider's token: allowedAudiences in its oidc.config, if it is set, has to name the client that you have signed in by, "+
			"and the provider must not call you like an account there", address)
	}
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

// patience is how long signing in may take; a provider may ask for more than a password.
func (f *loginFlags) patience() time.Duration {
	if f.sso {
		return 5 * time.Minute
	}
	return time.Minute
}

// bySSO gets a token from the server's identity provider.
func (f *loginFlags) bySSO(ctx context.Context, cmd *cobra.Command, c *client.Client, at *login) error {
	ways, err := c.Ways(ctx)
	if err != nil {
		return err
	}
	if ways.SSO == nil {
		return fmt.Errorf("%s has no identity provider: oidc.config of argocd-cm names one; without it, sign in with --username or --token-stdin", at.URL)
	}
	session, err := client.SSO{
		Provider: *ways.SSO, TLS: client.TLS{CAFile: at.CAFile, Insecure: at.Insecure}, Port: f.ssoPort,
		Show: func(address string) {
			opened := f.launch && f.deps.Browse != nil && f.deps.Browse(address) == nil
			if opened {
				printf(cmd.ErrOrStderr(), "Sign in with %s in your browser. If it has not opened, open this address:\n\n  %s\n\n", ways.SSO.Name, address)
				return
			}
			printf(cmd.ErrOrStderr(), "To sign in with %s, open this address in a browser of this machine:\n\n  %s\n\n", ways.SSO.Name, address)
		},
	}.SignIn(ctx)
	at.Token, at.Expires = session.Token, session.Expires
	return err
}

// token gets one: of the identity provider, what standard input has, or that of a new
// session.
func (f *loginFlags) token(ctx context.Context, cmd *cobra.Command, c *client.Client, at *login) error {
	if f.sso {
		return f.bySSO(ctx, cmd, c, at)
	}
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
			"who signs in by an identity provider gives --sso")
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
