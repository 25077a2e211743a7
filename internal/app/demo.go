package app

import (
	"context"

	"github.com/fixpoint-cd/fixpoint/internal/cli"
	"github.com/fixpoint-cd/fixpoint/internal/demo"
	"github.com/fixpoint-cd/fixpoint/internal/source"
)

// runDemo shows the controller at work; see package demo.
func runDemo(ctx context.Context, flags cli.DemoFlags, stdio Stdio) error {
	return demo.Run(ctx, demo.Options{
		Once: flags.Once, Kubeconfig: flags.Kubeconfig, Dir: flags.Dir, Keep: flags.Keep, Port: flags.Port, UIPort: flags.UIPort,
		Localcluster: flags.Localcluster, In: stdio.In, Out: stdio.Out, Controller: demoController,
	})
}

// demoController runs the controller that main runs.
func demoController(ctx context.Context, c demo.Controller) error {
	lend(c.Log)
	return Controller(ctx, Options{
		REST: c.REST, DataDir: c.DataDir, Listen: c.Listen, Started: c.Started,
		Mirrors:       []source.Rewrite{{Prefix: c.MirrorPrefix, Base: c.MirrorBase}},
		ArgoNamespace: c.ArgoNamespace, WebhookSecret: c.WebhookSecret, UIListen: c.UIListen, UIStarted: c.UIStarted,
	}, c.Log)
}
