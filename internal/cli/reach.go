package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/client"
)

// way is a way to the apps: the API of the cluster that they are declared in, with the
// rights of a kubeconfig, or that of a Fixpoint server, with those of whoever is signed
// in. Commands print the same by either.
type way interface {
	lister
	reader
	asker
	handler
}

// lister lists apps and sources.
type lister interface {
	list(context.Context, query) (listing, error)
}

// reader reads one app. Names are as selector.find takes them.
type reader interface {
	// application is an Application with what its status says.
	application(ctx context.Context, cmd *cobra.Command, sel onlyApplication, name string) (item, error)
	tree(ctx context.Context, cmd *cobra.Command, sel selector, name string) (*node, error)
	// inspect says what a sync would change.
	inspect(ctx context.Context, flags InspectFlags, sel selector, name string) (item, Inspection, error)
}

// asker has something done with an app, and prints what becomes of it.
type asker interface {
	sync(cmd *cobra.Command, flags *syncFlags, name string) error
	refresh(cmd *cobra.Command, flags *refreshFlags, name string) error
	rollback(cmd *cobra.Command, flags *rollbackFlags, name, id string) error
	terminate(cmd *cobra.Command, flags *terminateFlags, name string) error
	suspend(cmd *cobra.Command, flags *suspendFlags, name string) error
	autosync(cmd *cobra.Command, flags *autosyncFlags, name string) error
	delete(cmd *cobra.Command, flags *deleteFlags, name string) error
}

// handler finds an Application and those of its objects that are meant: all of its own if
// object is "", and else exactly one.
type handler interface {
	hold(ctx context.Context, cmd *cobra.Command, flags *actionFlags, name, object string) (held, error)
}

var (
	_ way = kube{}
	_ way = server{}
)

// kube is the way by the API of a cluster.
type kube struct {
	*cluster
	conn Connection
	deps Deps
}

// server is the way by a Fixpoint server.
type server struct{ *client.Client }

// reach says by which way a command goes.
type reach struct {
	Connection
	door serverFlags
	deps Deps
}

func (r *reach) bind(cmd *cobra.Command) {
	r.Connection.bind(cmd)
	r.door.bind(cmd)
}

// bindApp has a command whose argument is an app take the flags that lead to it, and
// completes its name.
func (r *reach) bindApp(cmd *cobra.Command, sel *selector) {
	r.bind(cmd)
	sel.bind(cmd)
	cmd.ValidArgsFunction = appNames(r.lister, sel)
}

// by does something by the way that the flags name.
func (r *reach) by(do func(way) error) error {
	w, err := r.open()
	if err != nil {
		return err
	}
	return do(w)
}

// open is the way that the flags name; else that of $FIXPOINT_SERVER, of whom one is
// signed in to, of the kubeconfig, in this order.
func (r *reach) open() (way, error) {
	if r.Kubeconfig != "" || r.Context != "" {
		if r.door.url != "" {
			return nil, errors.New("--server excludes --kubeconfig and --context: the one asks Fixpoint's server, the others ask the cluster")
		}
		return r.kube()
	}
	at, err := r.door.find(os.Getenv)
	if err != nil {
		return nil, err
	}
	if at == nil {
		return r.kube()
	}
	c, err := at.client()
	if err != nil {
		return nil, err
	}
	return server{c}, nil
}

func (r *reach) kube() (way, error) {
	c, err := r.Connection.open()
	if errors.Is(err, errNoCluster) {
		return nil, fmt.Errorf("%w. Or sign in to a server with 'fixpoint login URL', or name one with --server URL: there is no login in %s, and neither in $FIXPOINT_SERVER", err, cmp.Or(loginFile(os.Getenv), "the home directory"))
	}
	if err != nil {
		return nil, err
	}
	return kube{c, r.Connection, r.deps}, nil
}

// lister is open for completions.
func (r *reach) lister() (lister, error) { return r.open() }

// lister is the connection for completions.
func (c *Connection) lister() (lister, error) {
	to, err := c.open()
	return kube{cluster: to}, err
}

// serverFlags name a server.
type serverFlags struct {
	url   string
	trust client.TLS
	plain bool
}

func (s *serverFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.url, "server", "", "address of Fixpoint's server, instead of a cluster (default: $FIXPOINT_SERVER, then that of 'fixpoint login')")
	s.bindTrust(cmd)
}

func (s *serverFlags) bindTrust(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.trust.CAFile, "ca-file", "", "certificates of authorities to trust besides the system's, for the server")
	f.BoolVar(&s.trust.Insecure, "insecure-skip-tls-verify", false, "don't check the server's certificate: whoever is in between reads along")
	f.BoolVar(&s.plain, "plain-http", false, "let the token go to the server over HTTP without TLS")
	_ = cmd.MarkFlagFilename("ca-file")
}

// find is the server that is meant, with the token for it; nil if none is.
func (s *serverFlags) find(env func(string) string) (*login, error) {
	known, err := readLogins(loginFile(env))
	if err != nil {
		return nil, err
	}
	address := cmp.Or(s.url, env("FIXPOINT_SERVER"), known.Current)
	if address == "" {
		return nil, nil
	}
	if address, err = client.Address(address); err != nil {
		return nil, err
	}
	at := login{URL: address}
	if stored := known.of(address); stored != nil {
		at = *stored
	}
	s.apply(&at)
	at.Token = cmp.Or(env("FIXPOINT_TOKEN"), at.Token)
	return &at, nil
}

// apply sets what the flags say.
func (s *serverFlags) apply(to *login) {
	to.CAFile = cmp.Or(s.trust.CAFile, to.CAFile)
	to.Insecure = to.Insecure || s.trust.Insecure
	to.PlainHTTP = to.PlainHTTP || s.plain
}

// server is the server that the flags name, for what clusters don't know.
func (r *reach) server(what string) (server, error) {
	to, err := r.open()
	if err != nil {
		return server{}, err
	}
	s, ok := to.(server)
	if !ok {
		return server{}, fmt.Errorf("%s is asked of Fixpoint's server, not of the cluster: sign in with 'fixpoint login URL', or name the server with --server URL", what)
	}
	return s, nil
}
