package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// Connection says which cluster a command talks to.
type Connection struct {
	// Kubeconfig is a file; "" is $KUBECONFIG, then ~/.kube/config, then the
	// cluster that the process runs in.
	Kubeconfig string
	// Context is one of the kubeconfig; "" is its current one.
	Context string
}

func (c *Connection) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.Kubeconfig, "kubeconfig", "", "kubeconfig of the cluster (default: $KUBECONFIG, then ~/.kube/config)")
	f.StringVar(&c.Context, "context", "", "context of the kubeconfig (default: its current one)")
	_ = cmd.MarkFlagFilename("kubeconfig")
}

// REST is the connection's configuration, without a rate limit of its own.
func (c Connection) REST() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.Kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules,
		&clientcmd.ConfigOverrides{CurrentContext: c.Context}).ClientConfig()
	switch {
	case err == nil:
		config.QPS = -1
		config.UserAgent = "fixpoint"
		return config, nil
	case clientcmd.IsEmptyConfig(err):
		return nil, errNoCluster
	}
	return nil, fmt.Errorf("reading the kubeconfig: %w: give another with --kubeconfig FILE or --context NAME", err)
}

var errNoCluster = errors.New("no cluster is known: give --kubeconfig FILE or set $KUBECONFIG; 'fixpoint demo' starts a cluster of its own")

// cluster is what commands ask.
type cluster struct {
	host    string
	dynamic dynamic.Interface
	mapper  meta.ResettableRESTMapper
}

func (c Connection) open() (*cluster, error) {
	config, err := c.REST()
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w: correct the kubeconfig", config.Host, err)
	}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w: correct the kubeconfig", config.Host, err)
	}
	dyn, err := dynamic.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w: correct the kubeconfig", config.Host, err)
	}
	return &cluster{
		host: config.Host, dynamic: dyn,
		mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco)),
	}, nil
}

// client finds where a kind is served. A version that is not served, or "",
// is replaced by the one that the cluster prefers.
func (c *cluster) client(kind schema.GroupKind, version, namespace string) (dynamic.ResourceInterface, error) {
	m, err := c.mapper.RESTMapping(kind, version)
	if meta.IsNoMatchError(err) || version == "" {
		m, err = c.mapper.RESTMapping(kind)
	}
	if err != nil {
		return nil, c.explain("asking for kinds", err)
	}
	r := c.dynamic.Resource(m.Resource)
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		return r.Namespace(namespace), nil
	}
	return r, nil
}

// explain says what was done when err came, and what to do about it.
func (c *cluster) explain(doing string, err error) error {
	var dial *url.Error
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case meta.IsNoMatchError(err):
		return fmt.Errorf("%s: %w: is it installed? 'fixpoint install' installs Fixpoint's own kinds", doing, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%s: the cluster at %s does not accept the kubeconfig's credentials: log in again", doing, c.host)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s: %w: ask for that permission, or use another --context", doing, err)
	case errors.As(err, &dial), errors.As(err, &timeout):
		return fmt.Errorf("%s: the cluster at %s can't be reached: %s: start it, or choose another with --kubeconfig or --context",
			doing, c.host, rootCause(err))
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// rootCause is the innermost text of a connection's error.
func rootCause(err error) string {
	var dial *url.Error
	if errors.As(err, &dial) {
		err = dial.Err
	}
	return strings.TrimSpace(err.Error())
}

// explainPlain is explain for errors that say themselves what was done.
func (c *cluster) explainPlain(err error) error {
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("%w: ask for that permission, or use another --context", err)
	}
	return err
}
