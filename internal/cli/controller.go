package cli

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// ControllerFlags are the flags of the controller, complete and checked.
type ControllerFlags struct {
	// Kubeconfig and Context choose the cluster; both empty is the cluster that
	// the process runs in.
	Kubeconfig, Context string
	Mirrors             []Mirror
	// DataDir is for the repositories' mirrors and the ledger.
	DataDir string
	// Listen is the address of webhook, metrics and health.
	Listen string
	// ArgoNamespace is that of Argo CD's settings and of short app names;
	// AppNamespaces may hold Applications as well.
	ArgoNamespace string
	AppNamespaces []string
	LogLevel      slog.Level
	// LogFormat is "text" or "json".
	LogFormat string
	// Workers is how many apps are worked on at a time; 0 is the default.
	Workers         int
	AllowLocalRepos bool
	// WebhookSecretFile holds the secret that webhook calls are signed with; ""
	// leaves those of argocd-secret. UnsignedWebhooks accepts unsigned calls while
	// none of them is set.
	WebhookSecretFile string
	UnsignedWebhooks  bool
	// AllowRemote are URLs that renders may fetch from; see package remote.
	AllowRemote []string
	// NoCrossNamespace forbids Flux's objects to name sources of other namespaces.
	NoCrossNamespace bool
	// DenyHosts and AllowHosts say where sources may lie; see source.Config.
	DenyHosts, AllowHosts []string
	// Plugins is the folder of the config management plugins; "" is none.
	Plugins string
	// Vaults are the HashiCorp Vaults that a token for SOPS may be sent to.
	Vaults []string
	// RenderMemory, in MiB, and RenderTimeout bound a render, RenderWorkers how
	// many run at a time; 0 is the default.
	RenderMemory  int64
	RenderTimeout time.Duration
	RenderWorkers int
	LeaderElect   bool
	// UIListen is the address of the web pages and APIs; "off" is none. TLSCert and
	// TLSKey are files of its certificate; both empty speaks plain HTTP.
	UIListen, TLSCert, TLSKey string
	// TrustedProxies are networks whose X-Forwarded-For is believed.
	TrustedProxies []string
	// UIHosts are names at which readers who have not signed in are let in, where
	// anonymous ones are.
	UIHosts []string
	// HistoryURLFile holds the connection string of a PostgreSQL database; "" keeps the
	// history in DataDir. KeepAudit is how long the audit trail goes back; 0 is for ever.
	HistoryURLFile string
	KeepAudit      time.Duration
}

// Mirror is another place to get repositories from: those whose URL begins with
// Prefix are at Base plus the rest.
type Mirror struct{ Prefix, Base string }

func newController(deps Deps) *cobra.Command {
	var flags ControllerFlags
	var level string
	cmd := &cobra.Command{
		Use:   "controller",
		Short: "Run the reconciler",
		Long: `Reads Argo CD's Applications and Flux's Kustomizations, HelmReleases and sources
of a cluster and keeps what they declare, until it is told to stop (SIGINT or
SIGTERM).

It runs in a pod, with the pod's service account, or anywhere else with
--kubeconfig. Prometheus metrics are at /metrics, health at /healthz and /readyz,
the webhook for Git hosts and registries at /api/webhook, Flux's Receivers at
/hook/. The web UI and the APIs have an address of their own, --ui-listen; who may
sign in and do what is declared as in Argo CD (argocd-secret, argocd-cm and
argocd-rbac-cm). At the first start the account admin gets a password, which
argocd-initial-admin-secret tells.`,
		Example: `  fixpoint controller --kubeconfig ~/.kube/config
  fixpoint controller --mirror https://github.com/myorg/=https://git.example.com/mirrors/`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.LogLevel.UnmarshalText([]byte(level)); err != nil {
				return usagef(cmd, "--log-level %q has to be debug, info, warn or error", level)
			}
			if err := flags.complete(os.Getenv); err != nil {
				return usage(cmd, err)
			}
			return deps.Controller(cmd.Context(), flags)
		},
	}
	flags.bind(cmd, &level)
	return cmd
}

func (c *ControllerFlags) bind(cmd *cobra.Command, level *string) {
	f := cmd.Flags()
	f.StringVar(&c.Kubeconfig, "kubeconfig", "", "kubeconfig of the cluster (default: the cluster that it runs in)")
	f.StringVar(&c.Context, "context", "", "context of the kubeconfig (default: its current one)")
	f.Var((*mirrors)(&c.Mirrors), "mirror", "get repositories whose URL begins with PREFIX from BASE first; repeatable")
	f.StringVar(&c.DataDir, "data-dir", "", "directory for caches (default $XDG_STATE_HOME/fixpoint, in a cluster /var/lib/fixpoint)")
	f.StringVar(&c.Listen, "listen", "", "address for webhook, metrics and health (default 127.0.0.1:8080, in a cluster :8080)")
	f.StringVar(&c.UIListen, "ui-listen", "", "address for the web UI and the APIs, or off (default 127.0.0.1:8088, in a cluster :8088)")
	f.StringVar(&c.TLSCert, "tls-cert", "", "file with the certificate of the web UI (default: plain HTTP, for a proxy that speaks TLS)")
	f.StringVar(&c.TLSKey, "tls-key", "", "file with the key of --tls-cert")
	f.StringSliceVar(&c.TrustedProxies, "trusted-proxy", nil, "address or network of a proxy before the web UI whose X-Forwarded-For is believed; repeatable")
	f.StringSliceVar(&c.UIHosts, "ui-host", nil, "host name at which anonymous readers are let in, besides those of url and additionalUrls in argocd-cm; repeatable")
	f.StringVar(&c.HistoryURLFile, "history-url-file", "", "file with the connection string of a PostgreSQL database for history and audit trail (default: an SQLite file in --data-dir)")
	f.DurationVar(&c.KeepAudit, "keep-audit", 0, "how long the audit trail goes back, such as 8760h (default: for ever)")
	f.StringVar(&c.ArgoNamespace, "argocd-namespace", "argocd", "namespace of Argo CD's Applications, Secrets and ConfigMaps")
	f.StringSliceVar(&c.AppNamespaces, "app-namespaces", nil, "other namespaces in which Applications are read; * is all")
	f.StringVar(level, "log-level", "info", "debug, info, warn or error")
	c.LogFormat = "text"
	f.Var(&choice{&c.LogFormat, []string{"text", "json"}}, "log-format", "text or json")
	f.IntVar(&c.Workers, "workers", 0, "how many apps are worked on at a time (default: four times the cores, at least 16)")
	f.BoolVar(&c.AllowLocalRepos, "allow-local-repos", false, "permit repositories that are paths of this machine")
	f.StringVar(&c.WebhookSecretFile, "webhook-secret-file", "", "file with a secret that the webhook calls of any sender may be signed with, beside those of argocd-secret")
	f.BoolVar(&c.UnsignedWebhooks, "allow-unsigned-webhooks", false, "accept webhook calls of anybody while no secret is configured")
	bindRemote(cmd, &c.AllowRemote)
	f.BoolVar(&c.NoCrossNamespace, "no-cross-namespace-refs", false, "refuse Flux's objects that name sources of other namespaces")
	f.StringSliceVar(&c.DenyHosts, "deny-host", nil, "host name, *.suffix, address or network that no source may lie at; repeatable (link-local addresses and metadata services never may)")
	f.StringSliceVar(&c.AllowHosts, "allow-host", nil, "host name, *.suffix, address or network that a source may lie at although it is denied otherwise; repeatable")
	f.StringVar(&c.Plugins, "plugins", "", "directory of Argo CD's config management plugins, a file each")
	bindVaults(cmd, &c.Vaults)
	f.Int64Var(&c.RenderMemory, "render-memory", 512, "MiB of memory that one render may use")
	f.DurationVar(&c.RenderTimeout, "render-timeout", time.Minute, "how long one render may take")
	f.IntVar(&c.RenderWorkers, "render-workers", 0, "how many renders run at a time, each in a process of its own (default: the number of cores)")
	f.BoolVar(&c.LeaderElect, "leader-elect", false, "work only while holding the Lease, so that a second replica can stand by")
	complete(cmd, "log-level", "debug", "info", "warn", "error")
	complete(cmd, "log-format", "text", "json")
}

// complete fills in the defaults that depend on where it runs.
func (c *ControllerFlags) complete(env func(string) string) error {
	inCluster := c.Kubeconfig == ""
	if inCluster && env("KUBERNETES_SERVICE_HOST") == "" {
		return errors.New("this is not a pod of a cluster: say which cluster with --kubeconfig FILE")
	}
	if inCluster && c.Context != "" {
		return errors.New("--context needs --kubeconfig FILE")
	}
	if c.Workers < 0 {
		return fmt.Errorf("--workers %d has to be positive", c.Workers)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both")
	}
	if inCluster {
		c.Listen, c.DataDir = cmp.Or(c.Listen, ":8080"), cmp.Or(c.DataDir, "/var/lib/fixpoint")
		c.UIListen = cmp.Or(c.UIListen, ":8088")
		return nil
	}
	c.Listen, c.UIListen = cmp.Or(c.Listen, "127.0.0.1:8080"), cmp.Or(c.UIListen, "127.0.0.1:8088")
	if c.DataDir != "" {
		return nil
	}
	state := env("XDG_STATE_HOME")
	if state == "" {
		home := env("HOME")
		if home == "" {
			return errors.New("there is no home directory for the caches: give --data-dir DIR")
		}
		state = filepath.Join(home, ".local", "state")
	}
	c.DataDir = filepath.Join(state, "fixpoint")
	return nil
}

// mirrors is the flag --mirror.
type mirrors []Mirror

func (m *mirrors) String() string {
	var all []string
	for _, x := range *m {
		all = append(all, x.Prefix+"="+x.Base)
	}
	return strings.Join(all, ",")
}

func (m *mirrors) Type() string { return "PREFIX=BASE" }

func (m *mirrors) Set(v string) error {
	prefix, base, ok := strings.Cut(v, "=")
	if !ok || prefix == "" || base == "" {
		return errors.New("it has to be PREFIX=BASE, for example https://github.com/myorg/=https://git.example.com/mirrors/")
	}
	*m = append(*m, Mirror{prefix, base})
	return nil
}
