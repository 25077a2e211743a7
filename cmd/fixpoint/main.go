// Command fixpoint keeps clusters at the state that Git declares.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/fixpoint-cd/fixpoint/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the work in order; a second one ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(app.Run(ctx, os.Args[1:], app.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
