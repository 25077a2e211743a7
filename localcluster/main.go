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
