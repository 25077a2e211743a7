// Command localcluster runs a real Kubernetes control plane in one process,
// with a stand-in for the kubelet, so that controllers can be tested and shown
// without containers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/fixpoint-cd/fixpoint/localcluster/internal/control"
)

const usage = `localcluster runs etcd, kube-apiserver, kube-controller-manager, kube-scheduler
and a stand-in kubelet in this one process, in the foreground, on 127.0.0.1.

Usage:
  localcluster --dir DIR [--port N] [--nodes N] [--fsync]

Flags:
  --dir DIR    folder for data, certificates and logs; made when missing, and a
               later start on it continues with the same data (required)
  --port N     port of the API server; 0, the default, means the port of the
               last start on DIR, or a free one when there was none
  --nodes N    how many nodes the stand-in kubelet registers (default 1)
  --fsync      flush every write to disk: slower, survives a power cut

In DIR:
  admin.kubeconfig   for kubectl and every other client
  ready              exists while the cluster takes requests and runs pods
  log                what the components log (log.1: of the start before)

SIGTERM or Ctrl-C stops it.
`

func main() {
	config := control.Config{Out: os.Stdout}
	flag.CommandLine.Init("localcluster", flag.ExitOnError)
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.StringVar(&config.Dir, "dir", "", "")
	flag.IntVar(&config.Port, "port", 0, "")
	flag.IntVar(&config.Nodes, "nodes", 1, "")
	flag.BoolVar(&config.Fsync, "fsync", false, "")
	flag.Parse()
	if err := run(config); err != nil {
		fmt.Fprintln(os.Stderr, "localcluster:", err)
		os.Exit(1)
	}
}

func run(config control.Config) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see localcluster --help", flag.Arg(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := control.Run(ctx, config); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
