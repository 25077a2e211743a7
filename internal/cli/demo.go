package cli

import "github.com/spf13/cobra"

// DemoFlags are the flags of the demo.
type DemoFlags struct {
	// Once runs the three things to try by itself and ends.
	Once bool
	// Kubeconfig is a cluster that is there; "" starts a control plane.
	Kubeconfig string
	// Dir keeps the demo's data; "" is a directory of its own.
	Dir string
	// Keep leaves what was made when the demo ends.
	Keep bool
	// Localcluster is the program of the control plane; "" is the one beside
	// this program.
	Localcluster string
	// Port is the first port to use; 0 is any that are free.
	Port int
	// UIPort is that of the web UI; 0 is 8088 if it is free, else any.
	UIPort int
}

func newDemo(deps Deps) *cobra.Command {
	var flags DemoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch it work: a control plane, a Git server, two apps, the web UI",
		Long: `Starts a real Kubernetes control plane, a Git server with example manifests, the
controller, one Argo CD app and one Flux app, prints three things to try, and
shows what happens until Ctrl-C. Everything listens on 127.0.0.1 only.

The web UI's address and a generated password are printed as well. To look at there,
a second control plane joins as the cluster "staging", and sample apps of both
dialects run in the two: healthy, rolling out, degraded, drifted, suspended and
misconfigured. --once and --kubeconfig leave the second cluster and the samples out.`,
		Example: `  fixpoint demo
  fixpoint demo --once                         try the three things, print the times
  fixpoint demo --kubeconfig ~/.kube/config    in a cluster that is already there`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return deps.Demo(cmd.Context(), flags) },
	}
	f := cmd.Flags()
	f.BoolVar(&flags.Once, "once", false, "push a change, delete an object, push a bad manifest; print how long each took; exit 0 only if all converged")
	f.StringVar(&flags.Kubeconfig, "kubeconfig", "", "use the cluster of this kubeconfig instead of starting a control plane")
	f.StringVar(&flags.Dir, "dir", "", "directory for the demo's data (default: a new one)")
	f.BoolVar(&flags.Keep, "keep", false, "leave the data, and what was made in a cluster of yours, when the demo ends")
	f.StringVar(&flags.Localcluster, "localcluster", "", "program that runs the control plane (default: localcluster beside this program)")
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.MarkFlagFilename("kubeconfig")
	_ = cmd.MarkFlagFilename("localcluster")
	f.IntVar(&flags.Port, "port", 0, "port of the API server (default: one that is free)")
	f.IntVar(&flags.UIPort, "ui-port", 0, "port of the web UI (default: 8088 if it is free, else any that is)")
	return cmd
}
