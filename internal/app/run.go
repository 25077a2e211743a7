// Package app is the wiring: the only package that knows all others. It makes the
// parts, tells them of each other, and starts them; it decides nothing. Run is
// the whole program, for main and for end-to-end tests.
package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/policy"
	"github.com/fixpoint-cd/fixpoint/internal/render"
	"github.com/fixpoint-cd/fixpoint/internal/source"
)

// Stdio are the streams of a process.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run is the command fixpoint with these arguments, the program's name not
// being among them. It returns the exit code.
func Run(ctx context.Context, args []string, stdio Stdio) (exitCode int) {
	if code, ok := internalCommand(args, stdio.Err); ok {
		return code
	}
	cmd := cli.New(cli.Deps{
		Controller: func(ctx context.Context, flags cli.ControllerFlags) error {
			return runController(ctx, flags, stdio.Err)
		},
		Demo:      func(ctx context.Context, flags cli.DemoFlags) error { return runDemo(ctx, flags, stdio) },
		Inspect:   Inspect,
		Actions:   Actions,
		Act:       Act,
		Declared:  Declared,
		Tree:      render.DirTree,
		Workbench: newWorkbench,
		Admit:     admit,
		Rbac:      rbac,
		Accounts:  accounts,
		Browse:    browse,
		Health:    health.Of,
		In:        stdio.In, Out: stdio.Out, Err: stdio.Err,
	})
	cmd.SetArgs(args)
	return cli.Exit(stdio.Err, cmd.ExecuteContext(ctx))
}

// admit applies the rules of a dialect.
func admit(dialect string, objects []model.Object) ([]model.Object, []model.Warning) {
	var rules policy.Rules
	if dialect == argo.Dialect {
		rules = applicationPolicy(func() *argo.Settings { return &argo.Settings{} })(model.App{})
	}
	return policy.Check(objects, rules)
}

func runController(ctx context.Context, flags cli.ControllerFlags, logs io.Writer) error {
	opt, err := optionsOf(flags)
	if err != nil {
		return err
	}
	log := logger(flags, logs)
	lend(log)
	return Controller(ctx, opt, log)
}

// lend gives client-go, whose logger is one for the whole process, ours. Tests
// run several controllers in a process and don't call it.
func lend(log *slog.Logger) { klog.SetLogger(bridge(log)) }

// optionsOf are the controller's options that flags ask for.
func optionsOf(flags cli.ControllerFlags) (Options, error) {
	opt := Options{
		DataDir: flags.DataDir, Mirrors: rewrites(flags.Mirrors), AllowLocal: flags.AllowLocalRepos,
		Listen: flags.Listen, ArgoNamespace: flags.ArgoNamespace, AppNamespaces: flags.AppNamespaces,
		Workers: flags.Workers, AllowRemote: flags.AllowRemote, Plugins: flags.Plugins,
		NoCrossNamespace: flags.NoCrossNamespace, DenyHosts: flags.DenyHosts, AllowHosts: flags.AllowHosts, UnsignedWebhooks: flags.UnsignedWebhooks, Vaults: flags.Vaults,
		RenderMemory: flags.RenderMemory << 20, RenderTimeout: flags.RenderTimeout, RenderWorkers: flags.RenderWorkers,
	}
	var err error
	if opt.REST, err = restOf(flags); err != nil {
		return opt, err
	}
	if err := uiOptions(flags, &opt); err != nil {
		return opt, err
	}
	if flags.LeaderElect {
		opt.LeaderElection = ownNamespace()
	}
	if flags.WebhookSecretFile == "" {
		return opt, nil
	}
	opt.WebhookSecret, err = secretFile(flags.WebhookSecretFile, "the webhook secret", "--webhook-secret-file")
	return opt, err
}

// secretFile reads a file that holds one secret.
func secretFile(file, what, flag string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w: correct %s", what, err, flag)
	}
	secret := strings.TrimSpace(string(data))
	if secret == "" {
		return "", fmt.Errorf("%s in %s is empty; write it into the file", what, file)
	}
	return secret, nil
}

// uiOptions are those of the web UI, the APIs and the history.
func uiOptions(flags cli.ControllerFlags, opt *Options) error {
	opt.TLS, opt.KeepAudit = Certificate{flags.TLSCert, flags.TLSKey}, flags.KeepAudit
	if flags.UIListen != "off" {
		opt.UIListen = flags.UIListen
	}
	for _, text := range flags.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			addr, wrong := netip.ParseAddr(text)
			if wrong != nil {
				return fmt.Errorf("--trusted-proxy %q has to be an address such as 10.0.0.1, or a network such as 10.0.0.0/8", text)
			}
			network = netip.PrefixFrom(addr, addr.BitLen())
		}
		opt.TrustedProxies = append(opt.TrustedProxies, network)
	}
	for _, name := range flags.UIHosts {
		if name == "" || strings.ContainsAny(name, "/:*@ ") {
			return fmt.Errorf("--ui-host %q has to be a host name such as fixpoint.example.com, without scheme and port", name)
		}
	}
	opt.UIHosts = flags.UIHosts
	if flags.HistoryURLFile == "" {
		return nil
	}
	var err error
	opt.HistoryURL, err = secretFile(flags.HistoryURLFile, "the connection string of the history", "--history-url-file")
	return err
}

func restOf(flags cli.ControllerFlags) (*rest.Config, error) {
	if flags.Kubeconfig != "" {
		return cli.Connection{Kubeconfig: flags.Kubeconfig, Context: flags.Context}.REST()
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster that this pod runs in: %w: give the pod a service account, or use --kubeconfig FILE", err)
	}
	config.UserAgent = "fixpoint"
	return config, nil
}

func rewrites(mirrors []cli.Mirror) []source.Rewrite {
	var out []source.Rewrite
	for _, m := range mirrors {
		out = append(out, source.Rewrite{Prefix: m.Prefix, Base: m.Base})
	}
	return out
}

// ownNamespace is the pod's, or that of the installation.
func ownNamespace() string {
	data, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if ns := strings.TrimSpace(string(data)); err == nil && ns != "" {
		return ns
	}
	return "fixpoint-system"
}

func logger(flags cli.ControllerFlags, w io.Writer) *slog.Logger {
	opt := &slog.HandlerOptions{Level: flags.LogLevel}
	if flags.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}
